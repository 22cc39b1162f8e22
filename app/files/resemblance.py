"""Rows whose key does not tell, found by the columns that still agree: only where no other row can be meant."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np

from app.files.cell_comparison import NULL, UNKNOWN_LETTER, certain_beginning, has_digit, is_date, may_be
from app.files.records import Flags, Offsets
from app.files.sent_rows import NOWHERE, SentRows

MOST_ALIKE = 50  # rows that are looked at cell by cell; where more are left, nobody knows which is meant
LOOKS = 200  # rows that are compared by order, for each row of the job: so the time is bounded


class Resemblance:
    """The rows of a job that are `free`, column by column in the order of their loose forms. Heavy to make."""

    def __init__(self, sent: SentRows, free: Flags) -> None:
        self.rows: Offsets = np.flatnonzero(free)
        self.loose = [row for row, wanted in zip(sent.all_loose(), free.tolist(), strict=True) if wanted]
        self._looks_left = LOOKS * (len(sent) + 1)
        self._columns: list[_Column] | None = None

    def groups(self, values: Sequence[Sequence[str]]) -> tuple[Offsets, Offsets]:
        """(for each of these loose rows the number of those that equal it, the same number for each free row)."""
        ids: dict[str, int] = {}
        known = [ids.setdefault("\0".join(row), len(ids)) for row in self.loose]
        return np.array([ids.get("\0".join(row), NOWHERE) for row in values], np.int64), np.array(known, np.int64)

    def only_one(self, values: Sequence[str]) -> int:
        """The only free row whose every cell may have been changed to these, one column at least being the same."""
        loose = list(values)
        fitting = [at for at in self._candidates(loose) if all(map(may_be, loose, self.loose[at]))]
        if len(fitting) != 1 or not agree(loose, self.loose[fitting[0]]):
            return NOWHERE
        return int(self.rows[fitting[0]])

    def _candidates(self, loose: Sequence[str]) -> list[int]:
        """All that may be meant, and others; none where they are too many."""
        if self._columns is None:
            self._columns = [_Column(list(cells)) for cells in zip(*self.loose, strict=True)]
        spans = [
            (column, span) for column, cell in zip(self._columns, loose, strict=True) if (span := column.span(cell))
        ]
        if not spans:
            return []
        spans.sort(key=lambda one: one[1][1] - one[1][0])
        column, (begin, end) = spans[0]
        self._looks_left -= end - begin
        if self._looks_left < 0:
            return []
        left = column.order[begin:end]
        for column, (begin, end) in spans[1:]:
            left = left[(column.ranks[left] >= begin) & (column.ranks[left] < end)]
        return left.tolist() if len(left) <= MOST_ALIKE else []


class _Column:
    """A column's cells in their order: those that begin alike stand side by side."""

    def __init__(self, cells: list[str]) -> None:
        self.order: Offsets = np.array(sorted(range(len(cells)), key=cells.__getitem__), np.int64)
        self.ranks: Offsets = np.empty(len(cells), np.int64)
        self.ranks[self.order] = np.arange(len(cells))
        self._sorted = [cells[at] for at in self.order]
        self._has_dates = any(is_date(cell) for cell in set(cells))

    def span(self, given: str) -> tuple[int, int] | None:
        """Where all cells stand that may have been changed to this one. None: anywhere."""
        begin = certain_beginning(given)
        if is_date(given) or (self._has_dates and has_digit(given)):
            return None
        if not given:
            return 0, bisect_right(self._sorted, "")
        if NULL.startswith(begin):
            return None
        return bisect_left(self._sorted, begin), bisect_left(self._sorted, begin + "\U0010ffff")


def agree(given: Sequence[str], sent: Sequence[str]) -> bool:
    """Whether one column at least still says the same, and something."""
    return any(one and one == other and UNKNOWN_LETTER not in one for one, other in zip(given, sent, strict=True))
