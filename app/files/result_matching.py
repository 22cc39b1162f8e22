"""Marketo's failures and warnings, brought back to the rows that were sent. Pure: texts in, places out.

The files carry no row numbers, may lack the lookup column, and come in Marketo's own quoting and order; and Marketo
changes values. NOT_A_GUESS: a row is placed where no other can be meant, or not at all. In this order:

1. by its values, to the letter but for blanks around them;
2. by its record key, where one row of the job has it;
3. by the columns that still agree, where one row alone may have been changed to what came back;
4. a row that lacks its last cells, where they were empty and it can be no piece of another.

Each row of the job is in a result file once at most.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from app.files.cell_comparison import loose_form, may_be
from app.files.matched_rows import MatchedRows
from app.files.records import Flags, Offsets
from app.files.resemblance import Resemblance
from app.files.result_sheet import ResultSheet
from app.files.row_reader import RowReader
from app.files.sent_rows import NOWHERE, Sent, SentRows

KEY_IS_BLANK = ("Value for lookup field", "missing.dedupe.fields")  # how Marketo's reasons begin. Seen 2016 to 2022
MOST_ALIKE = 50  # rows with one key that are looked at, one by one


def match_rows(content: bytes, sent: Sent) -> MatchedRows:
    """Find the row of the job for each row of a result file. Errors: GarbledResult."""
    sheet = ResultSheet(content, sent)
    rows = SentRows(sent, [there for _, there in sheet.shared], in_pieces=sheet.has_only_known_columns)
    matching = _Matching(sheet, rows)
    matching.by_values()
    matching.by_key()
    matching.by_resemblance()
    matching.cut_short()
    matching.doubt()
    return MatchedRows(matching.rows, matching.places, matching.unread(), sheet, rows)


class _Matching:
    """The passes. `places` is filled in; what was placed stays so."""

    def __init__(self, sheet: ResultSheet, sent: SentRows) -> None:
        self._sheet, self.sent = sheet, sent
        self.rows = rows = RowReader(sheet, sent).rows()
        self.places: Offsets = np.full(len(rows), NOWHERE)
        reasons: dict[str, int] = {}
        self._because: Offsets = np.array([reasons.setdefault(row.reason, len(reasons)) for row in rows], np.int64)
        self._says_blank_key: Flags = np.array([reason.startswith(KEY_IS_BLANK) for reason in reasons], bool)
        self._is_row: Flags = np.array([row.cells == sheet.width or row.group != NOWHERE for row in rows], bool)
        self._has_all: Flags = np.array([row.cells >= sheet.width and row.is_sure for row in rows], bool)
        self._free: Flags = np.ones(len(sent), bool)  # rows of the job that none is placed at
        self._known_to_break: bool | None = None
        self._loose: dict[int, list[str]] = {}
        self._undecided: set[int] = set()  # whose key and whose other values say different things

    def by_values(self) -> None:
        groups = np.array([row.group for row in self.rows], np.int64)
        every = np.arange(len(self.sent))
        self._settle(np.arange(len(self.rows)), groups, self.sent.groups, every)
        if self.sent.lacks_keys:  # a row whose key Marketo missed, in a file without that column: it has none
            blank = np.flatnonzero((self.places == NOWHERE) & self._says_blank_key[self._because])
            keyless = self._free & self.sent.keyless
            self._settle(blank, groups[blank], self.sent.groups[keyless], every[keyless])

    def by_key(self) -> None:
        """First those that are sure, or whose every cell may have been changed to what came back; then the others."""
        if not self.sent.has_whole_key:
            return
        for demanding in (True, False):
            claims: dict[int, list[int]] = defaultdict(list)  # by row of the job: who
            for at in self._left().tolist():
                if (place := self._of_key(at, demanding=demanding)) != NOWHERE:
                    claims[place].append(at)
            several = [(place, theirs) for place, theirs in claims.items() if len(theirs) > 1]
            fitting = {place: [at for at in theirs if self._fits(at, place)] for place, theirs in several}
            self._place_if_alone(claims | fitting)

    def by_resemblance(self) -> None:
        left = [at for at in self._left().tolist() if at not in self._undecided and self._stands_alone(at)]
        if not left or not self._free.any():
            return
        values = {at: self._loose_values(at) for at in left}
        alike = Resemblance(self.sent, self._free)
        given, known = alike.groups(list(values.values()))
        self._settle(np.array(left), given, known, alike.rows)
        found: dict[int, list[int]] = defaultdict(list)
        for at in left:
            if self.places[at] == NOWHERE and (place := alike.only_one(values[at])) != NOWHERE and self._free[place]:
                found[place].append(at)
        self._place_if_alone(found)

    def cut_short(self) -> None:
        """Lines between rows that are placed to the letter, each with its values and nothing but empty cells missing.

        Where a row of the job may come in pieces, only if Marketo says that the key is empty, and so it is.
        """
        for first, end in _stretches(self._is_row):
            run = self.rows[first:end]
            short = all(row.cells < self._sheet.width and row.is_sure for row in run)
            groups = [self.sent.group(row.values) if short else NOWHERE for row in run]
            beside = [there for there in (first - 1, end) if 0 <= there < len(self.rows)]
            known = all(self.rows[there].group != NOWHERE and self.places[there] != NOWHERE for there in beside)
            if NOWHERE not in groups and (not self._may_break or (known and self._has_no_keys(first, end))):
                free = np.flatnonzero(self._free)
                self._settle(np.arange(first, end), np.array(groups), self.sent.groups[free], free)

    def doubt(self) -> None:
        """Take back rows that may be pieces of another one, where what stands beside them is not placed."""
        left = np.flatnonzero(self.places == NOWHERE).tolist() if self._may_break else []
        while left:
            at = left.pop()
            for beside in (at - 1, at + 1):
                if 0 <= beside < len(self.rows) and self.places[beside] != NOWHERE and self._may_be_a_piece(beside):
                    self._free[self.places[beside]] = True
                    self.places[beside] = NOWHERE
                    self._is_row[beside] = False
                    left.append(beside)

    def unread(self) -> list[tuple[int, int]]:
        """(first, end) of lines that are no rows, and of rows beside them that are not placed: they may be of one."""
        odd, left = ~self._is_row, self.places == NOWHERE
        beside = left & (np.append(odd[1:], False) | np.append(False, odd[:-1]))
        found: list[tuple[int, int]] = []
        for begin, end in _stretches(~(odd | beside)):
            while begin < end:
                at, cells = begin, self.rows[begin].cells
                while cells < self._sheet.width and at + 1 < end:  # so many lines as make up a row
                    at += 1
                    cells += self.rows[at].cells - 1
                found.append((begin, at + 1))
                begin = at + 1
        return found

    def _of_key(self, at: int, *, demanding: bool) -> int:
        """The row of the job that has this row's key. `demanding`: its cells may have been changed to these."""
        row, sent = self.rows[at], self.sent
        values = row.values if row.group == NOWHERE else sent.of_group(row.group)
        key = [values[one] for one in sent.keys]
        same = sent.by_key.rows(key)
        if not same or len(same) > MOST_ALIKE or (len(same) == 1 and not self._free[same[0]]):
            return NOWHERE
        longer = sent.by_key.longer(key, most=MOST_ALIKE)
        if len(same) == 1:
            alone = self._stands_alone(at) and row.lines == 1
            if (alone and longer == []) or (demanding and self._fits(at, same[0])):
                return same[0]
            if not demanding:
                if alone and longer is not None and not any(self._fits(at, one) for one in longer):
                    return same[0]
                self._undecided.add(at)
            return NOWHERE
        fitting = [one for one in [*same, *(longer or ())] if self._fits(at, one)]
        return fitting[0] if len(fitting) == 1 else NOWHERE

    def _fits(self, at: int, place: int) -> bool:
        if at not in self._loose:
            self._loose[at] = self._loose_values(at)
        return bool(self._free[place]) and all(map(may_be, self._loose[at], self.sent.loose(place)))

    def _may_be_a_piece(self, at: int) -> bool:
        """Whether another row of the job holds a line that begins as one of this row's, or its reason a delimiter."""
        row, sheet = self.rows[at], self._sheet
        lines = [line.split(sheet.delimiter) for line in sheet.lines[row.line : row.line + row.lines]]
        own = [*lines[:-1], lines[-1][:-1]]  # without the reason
        telling = own if len(own) == 1 else [cells for cells in own if len(cells) > 1]
        held = (self.sent.broken.hold(cells, but=int(self.places[at])) for cells in telling)
        return row.cells > sheet.width or any(held)

    def _loose_values(self, at: int) -> list[str]:
        row = self.rows[at]
        return [loose_form(value) for value in (row.given if row.group == NOWHERE else self.sent.of_group(row.group))]

    def _has_no_keys(self, first: int, end: int) -> bool:
        """Whether Marketo says so of each of these rows, and they have none."""
        if not self.sent.has_whole_key or not self._says_blank_key[self._because[first:end]].all():
            return False
        return not any(row.values[key].strip() for row in self.rows[first:end] for key in self.sent.keys)

    @property
    def _may_break(self) -> bool:
        """Whether there is a row that is not placed and may come in pieces."""
        if self._known_to_break is None:
            self._known_to_break = bool(self._free[self.sent.breakable].any())
        return self._known_to_break

    def _stands_alone(self, at: int) -> bool:
        """Whether this is a row, and no line beside it that is none may belong to it."""
        if not self._may_break:
            return bool(self._is_row[at])
        beside = [there for there in (at - 1, at, at + 1) if 0 <= there < len(self.rows)]
        return bool(self._is_row[beside].all())

    def _left(self) -> Offsets:
        """Rows that are not placed, and lines with more cells than the header has: the last ones may be the reason."""
        return np.flatnonzero((self.places == NOWHERE) & self._has_all)

    def _place_if_alone(self, claims: Mapping[int, Sequence[int]]) -> None:
        """A row of the job that two rows claim is neither's."""
        alone = [(theirs[0], place) for place, theirs in claims.items() if len(theirs) == 1]
        self._place(np.array([at for at, _ in alone], np.int64), np.array([place for _, place in alone], np.int64))

    def _settle(self, which: Offsets, given: Offsets, known: Offsets, rows: Offsets) -> None:
        """Place those of `which` that are sure: `given` and `known` are equal where rows are alike."""
        sure = sure_places(given, self._because[which], known, rows)
        self._place(which[sure != NOWHERE], sure[sure != NOWHERE])

    def _place(self, which: Offsets, places: Offsets) -> None:
        self.places[which] = places
        self._free[places] = False
        self._is_row[which] = True
        self._known_to_break = None


def _stretches(outside: Flags) -> list[tuple[int, int]]:
    """(first, end) of what lies side by side and not outside."""
    steps = np.diff(np.concatenate(([True], outside, [True])).astype(np.int8))
    return list(zip(np.flatnonzero(steps == -1).tolist(), np.flatnonzero(steps == 1).tolist(), strict=True))


def sure_places(given: Offsets, because: Offsets, known: Offsets, rows: Offsets) -> Offsets:
    """For each given row its place, where that is sure.

    Rows that look alike are told apart by nothing: all of them, and for one reason, or we cannot know which.
    """
    places: Offsets = np.full(len(given), NOWHERE)
    if not len(given) or not len(known):
        return places
    order, there = np.argsort(given, kind="stable"), np.argsort(known, kind="stable")
    alike, first, count = np.unique(given[order], return_index=True, return_counts=True)
    least, most = (np.searchsorted(known[there], alike, side=side) for side in ("left", "right"))
    for_one_reason = np.minimum.reduceat(because[order], first) == np.maximum.reduceat(because[order], first)
    sure = np.repeat((most - least == count) & for_one_reason, count)
    nth = np.arange(len(given)) - np.repeat(first, count)
    places[order[sure]] = rows[there[(np.repeat(least, count) + nth)[sure]]]
    return places
