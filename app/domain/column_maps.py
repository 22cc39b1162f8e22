"""A column map: which of Marketo's fields each column of a file goes into, or that it is left out.

A map has names of columns as they stand in the file; case does not count. A column that it does not name goes under
its own name.
"""

from collections.abc import Mapping, Sequence

from app.domain.errors import quoted
from app.domain.file_mistakes import Mistake
from app.domain.header_mistakes import key_mistakes, listed, name_mistakes
from app.domain.preflight import LONGEST_NAME, NEAREST_FOR, nearest_name

ColumnMap = Mapping[str, str | None]
"""The file's column → Marketo's field, or None to leave the column out."""

MOST_COLUMNS = 2000  # that a map names: no file may have more


def map_mistakes(column_map: ColumnMap) -> list[str]:
    """What is wrong with a map whatever the file: names that cannot be, and two columns for one field."""
    mistakes = [
        f"{quoted(name)} is no name of a field, which has 1 to {LONGEST_NAME} characters; null leaves a column out"
        for name in column_map.values()
        if name is not None and not 0 < len(name.strip()) <= LONGEST_NAME
    ]
    return [*mistakes, *_twice(list(column_map), "named twice"), *_two_to_one(column_map)]


def _twice(names: Sequence[str], what: str) -> list[str]:
    seen: dict[str, str] = {}
    return [
        f"column {quoted(name)} is {what}" for name in names if seen.setdefault(name.strip().lower(), name) is not name
    ]


def _two_to_one(column_map: ColumnMap) -> list[str]:
    first: dict[str, str] = {}
    mistakes = []
    for column, name in column_map.items():
        if name is not None and (other := first.setdefault(name.strip().lower(), column)) != column:
            mistakes.append(f"columns {quoted(other)} and {quoted(column)} both go into {quoted(name)}")
    return mistakes


def mapped(columns: Sequence[str], column_map: ColumnMap) -> list[str | None]:
    """For each column of a header the name under which it goes to Marketo; None where it is left out."""
    names = {column.strip().lower(): name.strip() if name else None for column, name in column_map.items()}
    return [names.get(column.lower(), column) for column in columns]


def kept(columns: Sequence[str], column_map: ColumnMap) -> tuple[str, ...]:
    """The names under which a header's columns go to Marketo, without those that are left out."""
    return tuple(name for name in mapped(columns, column_map) if name is not None)


def source_names(columns: Sequence[str], column_map: ColumnMap | None) -> tuple[str, ...]:
    """The names that columns, as they went to Marketo, have in the file."""
    names = {name.strip().lower(): column for column, name in (column_map or {}).items() if name}
    return tuple(names.get(column.lower(), column) for column in columns)


def mapping_mistakes(
    columns: Sequence[str], column_map: ColumnMap, keys: Sequence[str], *, corrected: bool = False
) -> list[Mistake]:
    """All that is wrong with a file's header by its map. `keys`: columns that have to be there, by Marketo's names.

    `corrected`: it is a failures file of ours that was mended, which lacks the columns that were left out.
    """
    names = kept(columns, column_map)
    mistakes = name_mistakes(columns) + _unknown(columns, column_map, corrected=corrected)
    if not names:
        mistakes.append(Mistake("missing_column", "The `column_map` leaves every column out. Keep some."))
    return mistakes + _met(columns, column_map) + key_mistakes(names, keys)


def _unknown(columns: Sequence[str], column_map: ColumnMap, *, corrected: bool) -> list[Mistake]:
    there = {column.lower() for column in columns}
    unknown = [
        column
        for column, name in column_map.items()
        if column.strip().lower() not in there and not (corrected and name is None)
    ]
    mistakes = []
    for number, column in enumerate(unknown):
        near = nearest_name(column, columns) if number < NEAREST_FOR else None
        meant = f" Did you mean {quoted(near)}?" if near else ""
        message = f"The `column_map` names {quoted(column)}, and the file has no such column; found: {listed(columns)}."
        mistakes.append(Mistake("unknown_column", message + meant, field=column[:LONGEST_NAME]))
    return mistakes


def _met(columns: Sequence[str], column_map: ColumnMap) -> list[Mistake]:
    """Columns that the map sends where another one goes by its own name."""
    first: dict[str, str] = {}
    mistakes = []
    for column, name in zip(columns, mapped(columns, column_map), strict=True):
        if not name or (other := first.setdefault(name.lower(), column)).lower() == column.lower():
            continue  # a header that has a name twice is told of by itself
        message = f"Columns {quoted(other)} and {quoted(column)} both go into {quoted(name)}. Leave one out: null."
        mistakes.append(Mistake("duplicate_column", message, field=column))
    return mistakes
