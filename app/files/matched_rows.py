"""The rows of a result file, each with the row of the job that it is about, where that is known."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.files.records import Flags, Offsets
from app.files.result_sheet import ResultSheet
from app.files.row_reader import ReadRow
from app.files.sent_rows import NOWHERE, SentRows


@dataclass(frozen=True, slots=True)
class MatchedRow:
    """A row of a result file. `place`: the index of the row of the job that it is about, or NOWHERE."""

    place: int
    reason: str
    values: Sequence[str | None]  # one for each column that was sent; the row's own bytes where it is matched
    text: str | None = None  # set for lines that cannot be read: as they came
    line: int = 0  # at which it begins in the result file; 1 is the header's


@dataclass(frozen=True, slots=True)
class MatchedRows:
    """The rows of a result file, in its order."""

    rows: Sequence[ReadRow]
    places: Offsets
    unread: Sequence[tuple[int, int]]  # (first, end) among `rows` of those that cannot be read, and belong together
    sheet: ResultSheet
    sent: SentRows

    def __len__(self) -> int:
        return len(self.rows) - sum(end - first - 1 for first, end in self.unread)

    def __iter__(self) -> Iterator[MatchedRow]:
        return self.at(self.begins.tolist())

    def at(self, begins: Iterable[int], *, first_row: int = 0) -> Iterator[MatchedRow]:
        """Those that begin at these indexes of `rows`. `first_row`: the job's row from which places are counted."""
        ends = dict(self.unread)
        for begin in begins:
            yield self._one(begin, ends.get(begin, begin + 1), first_row, is_read=begin not in ends)

    @property
    def begins(self) -> Offsets:
        """The indexes in `rows` at which they begin: lines that belong together are one."""
        begin: Flags = np.ones(len(self.rows), bool)
        for first, end in self.unread:
            begin[first + 1 : end] = False
        return np.flatnonzero(begin)

    @property
    def unplaced(self) -> list[int]:
        """The lines at which rows begin that cannot be read, or are not matched; 1 is the header's."""
        begins = self.begins
        return [self.rows[at].line + 1 for at in begins[self.places[begins] == NOWHERE].tolist()]

    @property
    def is_cut_off(self) -> bool:
        """Whether the file seems to be cut off: its last row has no line end, and is not a row that was sent."""
        last = len(self.rows) - 1
        return not self.sheet.ends_whole and (last < 0 or self.rows[last].group == NOWHERE)

    def _one(self, at: int, end: int, first_row: int, *, is_read: bool) -> MatchedRow:
        row, place, width = self.rows[at], int(self.places[at]), len(self.sent.sent.columns)
        if not is_read:
            last = self.rows[end - 1]
            text = self.sheet.text(row.line, last.line + last.lines)
            return MatchedRow(NOWHERE, "", [None] * width, text, row.line + 1)
        if place != NOWHERE:
            return MatchedRow(place - first_row, row.reason, self.sent.whole(place), line=row.line + 1)
        values: list[str | None] = [None] * width
        returned = row.raw_values if row.group == NOWHERE else self.sent.of_group(row.group)
        for (_, there), value in zip(self.sheet.shared, returned, strict=True):
            values[there] = value
        return MatchedRow(NOWHERE, row.reason, values, line=row.line + 1)
