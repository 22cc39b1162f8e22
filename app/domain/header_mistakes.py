"""Mistakes in a file's header. All are reported at once, each with the name that was probably meant."""

from collections import Counter
from collections.abc import Sequence

from app.domain.answers import Description
from app.domain.errors import SHOWN_LETTERS, quoted
from app.domain.file_mistakes import Mistake
from app.domain.objects import Target, ValueKind
from app.domain.preflight import LONGEST_NAME, NEAREST_FOR, Names, columns_of, is_a_value, why_unlike

LISTED = 20  # columns that a sentence lists
NOTHING = Description(())  # used where Marketo's fields are not known


def name_mistakes(columns: Sequence[str]) -> list[Mistake]:
    """Columns with no name, too long a name, or the name of another column."""
    mistakes = []
    for number, name in enumerate(columns, 1):
        if not name:
            message = f"Column {number} has no name. Name every column by its API name, or leave the column out."
            mistakes.append(Mistake("blank_column", message, field=str(number)))
        if len(name) > LONGEST_NAME:
            message = (
                f"The name of column {number} has more than {LONGEST_NAME} characters. Name every column by its API "
                "name; is the first line the header?"
            )
            mistakes.append(Mistake("column_name_too_long", message, field=str(number)))
    occurrences = Counter(name.lower() for name in columns if name)
    for name in dict.fromkeys(name.lower() for name in columns):
        if occurrences[name] > 1:
            message = f"Column {quoted(name)} stands in the header twice. Keep one of them."
            mistakes.append(Mistake("duplicate_column", message, field=name))
    return mistakes


def key_mistakes(columns: Sequence[str], keys: Sequence[str], described: Description = NOTHING) -> list[Mistake]:
    """Key columns that are missing, each with the column that was probably meant to be it."""
    present = {name.lower() for name in columns}
    names = Names(described, *keys)
    mistakes = []
    for key in keys:
        if key.lower() not in present:
            stands_in = _stand_in(key, columns, names)
            rename = f" Rename {quoted(stands_in)} to {key!r}.{why_unlike(stands_in)}" if stands_in else " Add it."
            message = f"Column {key!r} is missing; found: {listed(columns)}.{rename}"
            mistakes.append(Mistake("missing_column", message, field=key))
    return mistakes


def field_mistakes(columns: Sequence[str], target: Target, described: Description) -> list[Mistake]:
    """Columns, and parameters, that name a field which Marketo does not have.

    A column that stands for a missing key column is left out: key_mistakes tells of it.
    """
    keys = target.key_columns
    present = {name.lower() for name in columns}
    names = Names(described, *keys)
    standing_in = {_stand_in(key, columns, names) for key in keys if key.lower() not in present}
    mistakes = _parameter_mistakes(target, described, present)
    for column in columns_of(columns, described, target):
        if column.mistake and column.name and column.name not in standing_in:
            is_unknown = column.field is None and column.suggestion is None
            remedy = " Leave the column out, or make the field in Marketo." if is_unknown else ""
            mistakes.append(Mistake("invalid_header", column.mistake + remedy, field=column.name))
    return mistakes


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
    """Whether a file's first line seems to name its columns. If not, the header is missing, and it is the first row.

    One name of a key or of a field of Marketo's is enough. Without one, a cell that is a number, a time or an address
    shows that the line is a row.
    """
    right = {key.lower() for key in keys}
    right |= {name.lower() for field in described.fields for name in (field.name, field.display_name) if name}
    if any(column.lower() in right for column in columns):
        return True
    return any(columns) and not any(is_a_value(column) for column in columns)


def _stand_in(key: str, columns: Sequence[str], names: Names) -> str | None:
    """The column that was probably meant to be the key column, under another name."""
    for column in columns[:NEAREST_FOR]:
        if column and (names.right_name(column) or "").lower() == key.lower():
            return column
    return None


def listed(columns: Sequence[str]) -> str:
    """The columns' names, for a sentence."""
    more = len(columns) - LISTED
    return ", ".join(map(_as_seen, columns[:LISTED])) + (f" and {more} more" if more > 0 else "")


def _as_seen(column: str) -> str:
    """The name without quotes, unless it is long or has invisible characters."""
    return column if len(column) <= SHOWN_LETTERS and column.isprintable() else quoted(column)
