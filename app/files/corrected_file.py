"""Reads a failures file of ours that was corrected and sent back: removes our columns, and uses their row numbers.

NOT_A_GUESS: a row of Marketo's that could not be read has no values in that file. If it still has none, it is left out;
so is every row without values and without a row number.
"""

from collections.abc import Sequence

import numpy as np

from app.domain.imports import LeftOut
from app.files.header import MOST_COLUMNS, check_width
from app.files.records import Offsets, Records, RecordScanner, cells, line
from app.files.result_files import UNREADABLE
from app.files.row_numbers import UNKNOWN, Given, counted

REASONS = ("import failure reason", "import warning reason")
SOURCE_ROW = "source row"
OURS = 3  # columns at most that we add to the caller's
LONGEST_NUMBER = 15  # digits


class Corrected:
    """Takes text and gives text. A file without our columns passes unchanged."""

    def __init__(self, delimiter: str, *, limit_bytes: int) -> None:
        self._delimiter = delimiter
        self._scanner = RecordScanner(delimiter, limit_bytes=limit_bytes)
        self._kept: list[int] | None = None  # the columns that are not ours; None before the header
        self._row_column: int | None = None
        self._reason_columns: list[int] = []
        self._left_out_rows = 0
        self._passes = False
        self._names: list[str] = []
        self._given = Given()
        self._counted = counted()

    def feed(self, text: bytes) -> bytes:
        """Errors: BadFile, as RecordScanner."""
        return text if self._passes else self._without_ours(self._scanner.feed(text))

    def finish(self) -> bytes:
        return b"" if self._passes else self._without_ours(self._scanner.finish())

    def left_out(self) -> LeftOut:
        return LeftOut(without_values=self._left_out_rows)

    @property
    def memory_bytes(self) -> int:
        return self._scanner.memory_bytes

    def numbers(self, count: int) -> Offsets:
        """The rows' numbers in the file that was uploaded first, if this file has them; else their numbers here."""
        return self._counted(count) if self._row_column is None else self._given(count)

    def _without_ours(self, records: Records) -> bytes:
        if self._kept is None:
            check_width(records, self._scanner.place, most=MOST_COLUMNS + OURS)
        if not len(records):
            return b""
        lines = []
        if self._kept is None:
            header = cells(records[0], self._delimiter)
            self._kept = self._look_at(header)
            if self._passes:
                return records.text[records.starts[0] : records.ends[-1]] + self._scanner.released()
            lines.append(line([header[place] for place in self._kept], self._delimiter))
            records = records.behind(1)
        kept_places, width = self._kept, len(self._names)
        rows = (cells(records.begun(index, width), self._delimiter) for index in range(len(records)))
        return b"".join([*lines, *(self._row(row, kept_places) for row in rows)])

    @property
    def place(self) -> tuple[int, int, str | None] | None:
        """As Cutter's; None where the file passes unchanged: then the cutter knows."""
        row, column = self._scanner.place
        return None if self._passes else (row, column, self._names[column - 1] if column <= len(self._names) else None)

    def _look_at(self, header: list[str]) -> list[int]:
        self._names = [name.strip() for name in header]
        ours, self._row_column = _ours(self._names)
        self._reason_columns = [place for place in ours if place != self._row_column]
        self._passes = not ours
        return [place for place in range(len(header)) if place not in ours]

    def _row(self, row: list[str], kept_places: list[int]) -> bytes:
        number = row[self._row_column].strip() if self._row_column is not None and self._row_column < len(row) else ""
        reasons = [row[place] for place in self._reason_columns if place < len(row)]
        was_unreadable = any(reason.startswith(UNREADABLE) for reason in reasons)
        is_unknown = was_unreadable or (self._row_column is not None and not number)
        if is_unknown and not any(row[place].strip() for place in kept_places if place < len(row)):
            self._left_out_rows += 1
            return b""
        if self._row_column is not None:
            is_number = number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER
            self._given.add(np.array([int(number) if is_number else UNKNOWN]))
        return line([row[place] for place in kept_places if place < len(row)] or [""], self._delimiter)


def without_ours(columns: Sequence[str]) -> tuple[str, ...]:
    """A header's columns without those that our failures files add."""
    ours, _ = _ours(columns)
    return tuple(name for place, name in enumerate(columns) if place not in ours)


def _ours(columns: Sequence[str]) -> tuple[list[int], int | None]:
    """(the positions of our columns, the one of them that has the row numbers)."""
    names = [name.lower() for name in columns]
    ours = [place for place, name in enumerate(names) if name in REASONS]
    last = len(names) - 1 - names[::-1].index(SOURCE_ROW) if SOURCE_ROW in names else None
    if last is not None and (ours or last == len(names) - 1):  # a column of that name may be the caller's own
        return [*ours, last], last
    return ours, None
