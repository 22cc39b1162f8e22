"""A file's header: what its columns are called, and whether a record can be found by them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import BadFile, Detail
from app.domain.imports import Format
from app.files.records import Records, cells, line

MOST_COLUMNS = 2000  # no object of Marketo's has as many fields
NAME_CHARACTERS = 255  # of a column: no field's name is longer
NAMED_COLUMNS = 20  # of those that are there, where one is missing


@dataclass(frozen=True, slots=True)
class Header:
    columns: tuple[str, ...]  # trimmed
    line: bytes  # with which each part begins

    @classmethod
    def read(cls, record: bytes, format: Format, key_columns: Sequence[str]) -> "Header":  # noqa: A002
        """Errors: BadFile blank_column, column_name_too_long, duplicate_column, missing_column."""
        found = cells(record, format.delimiter)
        columns = tuple(_name(cell) for cell in found)
        _check(columns, format, key_columns)
        return cls(columns, record if list(columns) == found else _written(columns, record, format))


def check_width(records: Records, place: tuple[int, int], *, most: int = MOST_COLUMNS) -> None:
    """Before the header is read as cells: it is the first of the records, or breaks off at this place.

    Errors: BadFile too_many_columns.
    """
    row, columns = (0, records.width(0)) if len(records) else place
    if row == 0 and columns > most:
        message = (
            f"The header has more than {most} columns, which no object of Marketo's has. Leave out those that Marketo "
            "is not to have, or give the file's real `format`."
        )
        raise BadFile(message, code="too_many_columns")


def _written(columns: Sequence[str], record: bytes, format: Format) -> bytes:  # noqa: A002
    """The header with its cells trimmed, ending as it did: Marketo takes ` email` and then fails every row."""
    end = record[len(record.rstrip(b"\r\n")) :].decode()
    return line(columns, format.delimiter, end)


def _check(columns: Sequence[str], format: Format, key_columns: Sequence[str]) -> None:  # noqa: A002
    blank = [number for number, name in enumerate(columns, 1) if not name]
    if blank:
        message = f"Column {blank[0]} has no name. Name every column by its API name, or leave the column out."
        raise BadFile(message, code="blank_column", details=(Detail(message, field=str(blank[0])),))
    long = [number for number, name in enumerate(columns, 1) if len(name) > NAME_CHARACTERS]
    if long:
        message = (
            f"The name of column {long[0]} has more than {NAME_CHARACTERS} characters. Name every column by its API "
            "name; is the first line the header?"
        )
        raise BadFile(message, code="column_name_too_long", details=(Detail(message, field=str(long[0])),))
    doubled = [name for name, count in Counter(name.lower() for name in columns).items() if count > 1]
    if doubled:
        message = f"Column {doubled[0]!r} stands in the header twice. Keep one of them."
        raise BadFile(message, code="duplicate_column", details=(Detail(message, field=doubled[0]),))
    known = {name.lower() for name in columns}
    missing = [name for name in key_columns if name.lower() not in known]
    if missing:
        more = f" and {len(columns) - NAMED_COLUMNS} more" if len(columns) > NAMED_COLUMNS else ""
        found = f"{', '.join(columns[:NAMED_COLUMNS])}{more}"
        message = f"Column {missing[0]!r} is missing; found: {found}.{_other_format(columns, format)}"
        details = tuple(Detail(f"the column {name!r} is missing", field=name) for name in missing)
        raise BadFile(message, code="missing_column", details=details)


def _other_format(columns: Sequence[str], format: Format) -> str:  # noqa: A002
    for other in Format:
        if other is not format and len(columns) == 1 and other.delimiter in columns[0]:
            return f" The header looks like {other}: say so with `format={other}`."
    return ""


def _name(cell: str) -> str:
    """A column's name without blanks around it, nor the quotes that blanks kept from being quotes."""
    name = cell.strip()
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] == '"' else name
