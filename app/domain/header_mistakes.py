"""What is wrong with a file's header: all of it at once, each with the name that is meant."""

from collections import Counter
from collections.abc import Sequence

from app.domain.answers import Description
from app.domain.errors import SHOWN_LETTERS, quoted
from app.domain.file_mistakes import Mistake
from app.domain.objects import Target, ValueKind
from app.domain.preflight import LONGEST_NAME, NEAREST_FOR, Names, columns_of, is_a_value, why_unlike

LISTED = 20  # columns that a sentence lists
NOTHING = Description(())


def name_mistakes(columns: Sequence[str]) -> list[Mistake]:
    """Of names that are none, or are given twice: whatever Marketo knows."""
    found = []
    for number, name in enumerate(columns, 1):
        if not name:
            message = f"Column {number} has no name. Name every column by its API name, or leave the column out."
            found.append(Mistake("blank_column", message, field=str(number)))
        if len(name) > LONGEST_NAME:
            message = (
                f"The name of column {number} has more than {LONGEST_NAME} characters. Name every column by its API "
                "name; is the first line the header?"
            )
            found.append(Mistake("column_name_too_long", message, field=str(number)))
    counted = Counter(name.lower() for name in columns if name)
    for name in dict.fromkeys(name.lower() for name in columns):
        if counted[name] > 1:
            message = f"Column {quoted(name)} stands in the header twice. Keep one of them."
            found.append(Mistake("duplicate_column", message, field=name))
    return found


def key_mistakes(columns: Sequence[str], keys: Sequence[str], described: Description = NOTHING) -> list[Mistake]:
    """Of key columns that are missing, each with the column that is meant to be it, where there is one."""
    known = {name.lower() for name in columns}
    names = Names(described, *keys)
    found = []
    for key in keys:
        if key.lower() not in known:
            stands_in = _stand_in(key, columns, names)
            rename = f" Rename {quoted(stands_in)} to {key!r}.{why_unlike(stands_in)}" if stands_in else " Add it."
            message = f"Column {key!r} is missing; found: {listed(columns)}.{rename}"
            found.append(Mistake("missing_column", message, field=key))
    return found


def field_mistakes(columns: Sequence[str], target: Target, described: Description) -> list[Mistake]:
    """Columns, and parameters, that name a field which Marketo does not have.

    A column that stands for a missing key column is left out: key_mistakes tells of it.
    """
    keys = target.key_columns
    known = {name.lower() for name in columns}
    names = Names(described, *keys)
    standing_in = {_stand_in(key, columns, names) for key in keys if key.lower() not in known}
    found = _parameter_mistakes(target, described, known)
    for one in columns_of(columns, described, target):
        if one.mistake and one.name and one.name not in standing_in:
            is_unknown = one.field is None and one.suggestion is None
            remedy = " Leave the column out, or make the field in Marketo." if is_unknown else ""
            found.append(Mistake("invalid_header", one.mistake + remedy, field=one.name))
    return found


def _parameter_mistakes(target: Target, described: Description, columns: set[str]) -> list[Mistake]:
    """Parameters that have to name a field, and name none: they have its display name, say."""
    fields = {field.name.lower() for field in described.fields}
    if not fields:
        return []
    named = [parameter for parameter in target.parameters().values() if parameter.kind is ValueKind.FIELD]
    return [
        _no_such_field(parameter.name, value, target.plural, described, columns)
        for parameter in named
        if (value := getattr(target, parameter.name)).lower() not in fields | parameter.other_fields
    ]


def _no_such_field(parameter: str, value: str, plural: str, described: Description, columns: set[str]) -> Mistake:
    message = f"Marketo has no field {value!r} to look {plural} up by."
    field = Names(described).right_name(value)
    if field is None:
        message += f" Name one that it has with `{parameter}`."
        return Mistake("invalid_header", message, field=parameter, of_parameter=True)
    say = f"{parameter}={field}"
    rename = "" if field.lower() in columns else f" Call the column {field!r}, too."
    return Mistake("invalid_header", f"{message} Say `{say}`.{rename}", field=parameter, say=say, of_parameter=True)


def seems_a_header(columns: Sequence[str], keys: Sequence[str], described: Description = NOTHING) -> bool:
    """Whether a file's first line names its columns, as far as one can see. If not, it holds the first row.

    A name that is known, as it stands, decides it; else a cell that is a number, a time or an address cannot be a name.
    """
    right = {key.lower() for key in keys}
    right |= {name.lower() for field in described.fields for name in (field.name, field.display_name) if name}
    if any(column.lower() in right for column in columns):
        return True
    return any(columns) and not any(is_a_value(column) for column in columns)


def _stand_in(key: str, columns: Sequence[str], names: Names) -> str | None:
    """The column that is meant to be the key, and is called otherwise."""
    for column in columns[:NEAREST_FOR]:
        if column and (names.right_name(column) or "").lower() == key.lower():
            return column
    return None


def listed(columns: Sequence[str]) -> str:
    """For a sentence."""
    more = len(columns) - LISTED
    return ", ".join(map(_as_seen, columns[:LISTED])) + (f" and {more} more" if more > 0 else "")


def _as_seen(column: str) -> str:
    """A name without quotes, where all of it can be seen."""
    return column if len(column) <= SHOWN_LETTERS and column.isprintable() else quoted(column)
