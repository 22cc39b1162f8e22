"""Finds the row of the job for a result row by the columns that still agree, where its key does not decide.

A row is found only if no other one can be meant (NOT_A_GUESS).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from app.files.cell_comparison import NULL, UNKNOWN_LETTER, certain_beginning, has_digit, is_date, may_be
from app.files.records import Flags, Offsets
from app.files.sent_rows import NOWHERE, SentRows

MOST_ALIKE = 50  # candidates that are compared cell by cell; if there are more, no row is found
LOOKS = 200  # candidates by order for each row of the job, on average: this bounds the time


class Resemblance:
    """An index of the `free` rows of a job, column by column in the order of their loose forms. Heavy to make."""

    def __init__(self, sent: SentRows, free: Flags) -> None:
        self.rows: Offsets = np.flatnonzero(free)
        self.loose = [row for row, is_free in zip(sent.all_loose(), free.tolist(), strict=True) if is_free]
        self._looks_left = LOOKS * (len(sent) + 1)
        self._columns: list[_Column] | None = None

    def groups(self, values: Sequence[Sequence[str]]) -> tuple[Offsets, Offsets]:
        """Group numbers: (of these rows in loose form, of the free rows). Equal rows have the same number."""
        ids: dict[str, int] = {}
        of_free = [ids.setdefault("\0".join(row), len(ids)) for row in self.loose]
        return np.array([ids.get("\0".join(row), NOWHERE) for row in values], np.int64), np.array(of_free, np.int64)

    def only_one(self, values: Sequence[str]) -> int:
        """The only free row all of whose cells may have been changed to these, at least one being the same."""
        loose = list(values)
        fitting = [at for at in self._candidates(loose) if all(map(may_be, loose, self.loose[at]))]
        if len(fitting) != 1 or not agree(loose, self.loose[fitting[0]]):
            return NOWHERE
        return int(self.rows[fitting[0]])

    def _candidates(self, loose: Sequence[str]) -> list[int]:
        """Rows among which are all that may be meant; empty where they are too many."""
        if self._columns is None:
            self._columns = [_Column(list(cells)) for cells in zip(*self.loose, strict=True)]
        spans = [
            (column, span) for column, cell in zip(self._columns, loose, strict=True) if (span := column.span(cell))
        ]
        if not spans:
            return []
        spans.sort(key=lambda span: span[1][1] - span[1][0])
        column, (begin, end) = spans[0]
        self._looks_left -= end - begin
        if self._looks_left < 0:
            return []
        left = column.order[begin:end]
        for column, (begin, end) in spans[1:]:
            left = left[(column.ranks[left] >= begin) & (column.ranks[left] < end)]
        return left.tolist() if len(left) <= MOST_ALIKE else []


class _Column:
    """The sorted cells of a column: those with the same beginning follow each other."""

    def __init__(self, cells: list[str]) -> None:
        self.order: Offsets = np.array(sorted(range(len(cells)), key=cells.__getitem__), np.int64)
        self.ranks: Offsets = np.empty(len(cells), np.int64)
        self.ranks[self.order] = np.arange(len(cells))
        self._sorted = [cells[at] for at in self.order]
        self._has_dates = any(is_date(cell) for cell in set(cells))

    def span(self, returned: str) -> tuple[int, int] | None:
        """(first, end) of the cells that may have been changed to this one. None: they may be anywhere."""
        begin = certain_beginning(returned)
        if is_date(returned) or (self._has_dates and has_digit(returned)):
            return None
        if not returned:
            return 0, bisect_right(self._sorted, "")
        if NULL.startswith(begin):
            return None
        return bisect_left(self._sorted, begin), bisect_left(self._sorted, begin + "\U0010ffff")


def agree(returned: Sequence[str], sent: Sequence[str]) -> bool:
    """Whether at least one cell is the same in both rows, and neither empty nor uncertain."""
    return any(
        cell and cell == other and UNKNOWN_LETTER not in cell for cell, other in zip(returned, sent, strict=True)
    )
