"""Rejected rows as a table that can be mended, and the corrected file that is made of what comes back.

NOT_A_GUESS: a row whose cells a form cannot hold as they are (bytes that are no UTF-8, a row of Marketo's file that
could not be read) is not offered; it is in the file to download.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.column_maps import ColumnMap
from app.domain.errors import BadParameter
from app.domain.result_rows import ResultRow
from app.files.corrected_file import SOURCE_ROW
from app.files.records import line
from app.files.result_files import shown
from app.web.values import whole

MOST_CELLS = 1_800  # of a table that a browser, and whoever reads it, can still take
MOST_ROWS = 300
LARGEST_ROW = 10**15 - 1
SHORTEST_NAME = 3  # letters of a column that is looked for in a reason


def mends_at_most(columns: int) -> int:
    """How many rows of so many columns are offered at once."""
    return min(MOST_ROWS, max(1, MOST_CELLS // max(1, columns)))


@dataclass(frozen=True, slots=True)
class Cell:
    name: str  # of its field
    value: str
    is_long: bool  # it has several lines


@dataclass(frozen=True, slots=True)
class MendedRow:
    """A row as it is offered, or as it came back."""

    source_row: int | None
    reason: str
    cells: Sequence[Cell]
    is_sent: bool = True


def is_mendable(row: ResultRow, width: int) -> bool:
    """Whether a form can hold its cells as they are."""
    if row.text is not None or len(row.values) > width:
        return False
    return all(shown(value or "") == (value or "") for value in row.values)


def offered(rows: Sequence[ResultRow], columns: Sequence[str]) -> list[MendedRow]:
    return [
        MendedRow(row.source_row, row.reason, _cells([value or "" for value in row.values], len(columns)))
        for row in rows
        if is_mendable(row, len(columns))
    ]


def _cells(values: Sequence[str], width: int) -> list[Cell]:
    filled = [*values, *[""] * (width - len(values))]
    return [Cell(f"c{column}", value, "\n" in value or "\r" in value) for column, value in enumerate(filled)]


def carriage_returns(rows: Sequence[MendedRow]) -> list[str]:
    """The places of cells whose lines end with CR LF, as `row-column`: a form tells these from LF no more."""
    return [
        f"{index}-{column}"
        for index, row in enumerate(rows)
        for column, cell in enumerate(row.cells)
        if "\r\n" in cell.value
    ]


def sent_back(form: Mapping[str, Sequence[str]], columns: Sequence[str]) -> list[MendedRow]:
    """The rows of a form, those that are left out among them. Errors: BadParameter, where it is not this table."""
    numbers, reasons = form.get("row", ()), form.get("why", ())
    by_column = [form.get(f"c{column}", ()) for column in range(len(columns))]
    if len(reasons) != len(numbers) or any(len(cells) != len(numbers) for cells in by_column):
        raise BadParameter("This table is not the one that was offered. Load the page again, and mend the rows anew.")
    sent, with_cr = set(form.get("send", ())), set(form.get("crlf", ()))
    rows = []
    for index, number in enumerate(numbers):
        cells = []
        for column, values in enumerate(by_column):
            value = values[index].replace("\r\n", "\n")
            value = value.replace("\n", "\r\n") if f"{index}-{column}" in with_cr else value
            cells.append(Cell(f"c{column}", value, "\n" in value))
        rows.append(MendedRow(whole(number, 1, LARGEST_ROW), reasons[index], cells, str(index) in sent))
    return rows


def corrected_file(rows: Sequence[MendedRow], columns: Sequence[str], delimiter: str) -> bytes:
    """The rows that are sent, in UTF-8, each with the number that it had in the file that was uploaded first."""
    lines = [line([*columns, SOURCE_ROW.title()], delimiter)]
    for row in rows:
        if row.is_sent:
            number = "" if row.source_row is None else str(row.source_row)
            lines.append(line([*(cell.value for cell in row.cells), number], delimiter))
    return b"".join(lines)


def column_of(reason: str, columns: Sequence[str], column_map: ColumnMap | None) -> int | None:
    """The column that a reason is about, as far as it names one: the longest name that stands in it.

    Marketo names fields as people see them ("Lead Score"), files often as its API does ("leadScore").
    """
    words = _letters(reason)
    targets = {name.strip().lower(): field or "" for name, field in (column_map or {}).items()}
    best, at = SHORTEST_NAME - 1, None
    for index, column in enumerate(columns):
        for name in (column, targets.get(column.lower(), "")):
            letters = _letters(name)
            if len(letters) > best and letters in words:
                best, at = len(letters), index
    return at


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
