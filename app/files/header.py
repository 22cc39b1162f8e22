"""A file's header: what its columns are called, and whether a record can be found by them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import BadFile
from app.domain.file_mistakes import refusal
from app.domain.header_mistakes import key_mistakes, name_mistakes
from app.domain.imports import Format
from app.files.delimiters import separator_mistake, separator_of
from app.files.records import Records, cells, line

MOST_COLUMNS = 2000  # no object of Marketo's has as many fields


@dataclass(frozen=True, slots=True)
class Header:
    columns: tuple[str, ...]  # trimmed
    line: bytes  # with which each part begins

    @classmethod
    def read(cls, record: bytes, format: Format, key_columns: Sequence[str]) -> "Header":  # noqa: A002
        """Errors: BadFile blank_column, column_name_too_long, duplicate_column, missing_column; a detail for each."""
        found = cells(record, format.delimiter)
        columns = tuple(_name(cell) for cell in found)
        mistakes = name_mistakes(columns) + key_mistakes(columns, key_columns)
        if mistakes and len(columns) == 1 and (real := separator_of(record)) not in {None, format.delimiter}:
            mistakes = [separator_mistake(real, format.delimiter)]
        if mistakes:
            raise refusal(mistakes)
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


def columns_in(record: bytes, separator: str) -> tuple[str, ...]:
    """What the columns of a header are called, trimmed."""
    return tuple(_name(cell) for cell in cells(record, separator))


def _name(cell: str) -> str:
    """A column's name without blanks around it, nor the quotes that blanks kept from being quotes."""
    name = cell.strip()
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] == '"' else name
