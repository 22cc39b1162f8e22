"""A file's header: the names of its columns, and whether the key columns are among them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import BadFile
from app.domain.file_mistakes import refusal
from app.domain.formats import Format
from app.domain.header_mistakes import key_mistakes, name_mistakes
from app.files.delimiters import separator_mistake, separator_of
from app.files.records import Records, cells, line, line_end_of

MOST_COLUMNS = 2000  # no object of Marketo's has as many fields


@dataclass(frozen=True, slots=True)
class Header:
    columns: tuple[str, ...]  # trimmed
    line: bytes  # that begins each part

    @classmethod
    def read(cls, record: bytes, format: Format, key_columns: Sequence[str]) -> "Header":  # noqa: A002
        """Read and check a header. Errors: BadFile, with a detail for each mistake.

        Codes: blank_column, column_name_too_long, duplicate_column, missing_column.
        """
        names = cells(record, format.delimiter)
        columns = tuple(_name(cell) for cell in names)
        mistakes = name_mistakes(columns) + key_mistakes(columns, key_columns)
        if mistakes and len(columns) == 1 and (real := separator_of(record)) not in {None, format.delimiter}:
            mistakes = [separator_mistake(real, format.delimiter)]
        if mistakes:
            raise refusal(mistakes)
        return cls(columns, record if list(columns) == names else _written(columns, record, format))


def check_width(records: Records, place: tuple[int, int], *, most: int = MOST_COLUMNS) -> None:
    """Check the number of columns before the header is read as cells. Errors: BadFile too_many_columns.

    The header is the first record; or it is not complete, and the text ends at `place`.
    """
    row, columns = (0, records.width(0)) if len(records) else place
    if row == 0 and columns > most:
        message = (
            f"The header has more than {most} columns, which no object of Marketo's has. Leave out those that Marketo "
            "is not to have, or give the file's real `format`."
        )
        raise BadFile(message, code="too_many_columns")


def _written(columns: Sequence[str], record: bytes, format: Format) -> bytes:  # noqa: A002
    """The header with trimmed names and its own line end: Marketo takes ` email`, and then fails every row."""
    return line(columns, format.delimiter, line_end_of(record).decode())


def columns_in(record: bytes, separator: str) -> tuple[str, ...]:
    """The names of a header's columns, trimmed."""
    return tuple(_name(cell) for cell in cells(record, separator))


def _name(cell: str) -> str:
    """A column's name without blanks around it, and without quotes that did not count because of such blanks."""
    name = cell.strip()
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] == '"' else name
