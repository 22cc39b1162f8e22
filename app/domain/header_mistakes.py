"""What is wrong with a file's header: all of it at once, each with the name that is meant."""

from collections import Counter
from collections.abc import Sequence

from app.domain.answers import Description
from app.domain.errors import SHOWN_LETTERS, quoted
from app.domain.file_mistakes import Mistake
from app.domain.objects import Leads, Target, key_columns
from app.domain.preflight import LONGEST_NAME, NEAREST_FOR, Names, columns_of, is_a_value, why_unlike

LISTED = 20  # columns that a sentence lists
NOTHING = Description(())

# What an import of leads may look records up by, beside fields that describe tells of. Adobe, "Bulk lead import",
# read 2026-08
LOOKUPS = frozenset(
    name.lower()
    for name in (
        "id", "cookies", "email", "twitterId", "facebookId", "linkedInId",
        "sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcLeadOwnerId", "sfdcOpptyId",
    )
)  # fmt: skip


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
    """Of columns, and of a lookup field, that Marketo has no field for: those apart that stand for a missing key."""
    keys = key_columns(target)
    known = {name.lower() for name in columns}
    names = Names(described, *keys)
    standing_in = {_stand_in(key, columns, names) for key in keys if key.lower() not in known}
    found = _lookup_mistakes(target, described, known)
    for one in columns_of(columns, described, target):
        if one.mistake and one.name and one.name not in standing_in:
            is_unknown = one.field is None and one.suggestion is None
            remedy = " Leave the column out, or make the field in Marketo." if is_unknown else ""
            found.append(Mistake("invalid_header", one.mistake + remedy, field=one.name))
    return found


def _lookup_mistakes(target: Target, described: Description, columns: set[str]) -> list[Mistake]:
    """Of a lookup field that is none: a display name, say."""
    if not isinstance(target, Leads):
        return []
    fields = {field.name.lower() for field in described.fields}
    lookup = target.lookup_field
    if not fields or lookup.lower() in fields | LOOKUPS:
        return []
    right = Names(described).right_name(lookup)
    if right is None:
        message = f"Marketo has no field {lookup!r} to look leads up by. Name one that it has with `lookup_field`."
        return [Mistake("invalid_header", message, field="lookup_field", of_parameter=True)]
    rename = "" if right.lower() in columns else f" Call the column {right!r}, too."
    message = f"Marketo has no field {lookup!r} to look leads up by. Say `lookup_field={right}`.{rename}"
    say = f"lookup_field={right}"
    return [Mistake("invalid_header", message, field="lookup_field", say=say, of_parameter=True)]


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
