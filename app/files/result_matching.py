"""Matches the rows of Marketo's failures and warnings files with the rows that were sent. Pure functions of texts.

The files have no row numbers, may lack the lookup column, have Marketo's own quoting and order; and Marketo changes
values. NOT_A_GUESS: a row is matched only if no other row can be meant. The passes, in this order:

1. by its values, to the letter except for blanks around them;
2. by its record key, if exactly one row of the job has it;
3. by the columns that still agree, if exactly one row can have been changed to what came back;
4. a row that lacks its last cells, if these were empty and it cannot be a piece of another row.

Each row of the job is in a result file at most once. The module is long because its passes share one state.
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
MOST_ALIKE = 50  # rows with the same key that are compared one by one


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
    """The passes of the matching. Each fills in `places`: the index of the job's row for each row of the sheet."""

    def __init__(self, sheet: ResultSheet, sent: SentRows) -> None:
        self._sheet, self.sent = sheet, sent
        self.rows = rows = RowReader(sheet, sent).rows()
        self.places: Offsets = np.full(len(rows), NOWHERE)
        reasons: dict[str, int] = {}
        self._because: Offsets = np.array([reasons.setdefault(row.reason, len(reasons)) for row in rows], np.int64)
        self._says_blank_key: Flags = np.array([reason.startswith(KEY_IS_BLANK) for reason in reasons], bool)
        self._is_row: Flags = np.array([row.cells == sheet.width or row.group != NOWHERE for row in rows], bool)
        self._has_all: Flags = np.array([row.cells >= sheet.width and row.is_sure for row in rows], bool)
        self._free: Flags = np.ones(len(sent), bool)  # the rows of the job that are not matched yet
        self._known_to_break: bool | None = None
        self._loose: dict[int, list[str]] = {}
        self._undecided: set[int] = set()  # rows of the sheet whose key and whose other values contradict each other

    def by_values(self) -> None:
        """Match rows whose values are those of a row that was sent."""
        groups = np.array([row.group for row in self.rows], np.int64)
        every = np.arange(len(self.sent))
        self._settle(np.arange(len(self.rows)), groups, self.sent.groups, every)
        if self.sent.lacks_keys:  # in a file without the key's column, a row whose key Marketo missed has an empty key
            blank = np.flatnonzero((self.places == NOWHERE) & self._says_blank_key[self._because])
            keyless = self._free & self.sent.keyless
            self._settle(blank, groups[blank], self.sent.groups[keyless], every[keyless])

    def by_key(self) -> None:
        """Match rows by their key: first those whose other cells fit as well, then the others."""
        if not self.sent.has_whole_key:
            return
        for demanding in (True, False):
            claims: dict[int, list[int]] = defaultdict(list)  # rows of the sheet by the row of the job that they claim
            for at in self._left().tolist():
                if (place := self._of_key(at, demanding=demanding)) != NOWHERE:
                    claims[place].append(at)
            contested = [(place, claimants) for place, claimants in claims.items() if len(claimants) > 1]
            fitting = {place: [at for at in claimants if self._fits(at, place)] for place, claimants in contested}
            self._place_if_alone(claims | fitting)

    def by_resemblance(self) -> None:
        """Match rows by the columns that still agree."""
        left = [at for at in self._left().tolist() if at not in self._undecided and self._stands_alone(at)]
        if not left or not self._free.any():
            return
        values = {at: self._loose_values(at) for at in left}
        alike = Resemblance(self.sent, self._free)
        groups, groups_of_job = alike.groups(list(values.values()))
        self._settle(np.array(left), groups, groups_of_job, alike.rows)
        claims: dict[int, list[int]] = defaultdict(list)
        for at in left:
            if self.places[at] == NOWHERE and (place := alike.only_one(values[at])) != NOWHERE and self._free[place]:
                claims[place].append(at)
        self._place_if_alone(claims)

    def cut_short(self) -> None:
        """Match lines that lack only empty cells at their end.

        If a row of the job may come in pieces, such a line may be one: then it has to stand between matched rows, and
        Marketo has to say that its key is empty, as it is.
        """
        for first, end in _stretches(self._is_row):
            run = self.rows[first:end]
            short = all(row.cells < self._sheet.width and row.is_sure for row in run)
            groups = [self.sent.group(row.values) if short else NOWHERE for row in run]
            beside = [there for there in (first - 1, end) if 0 <= there < len(self.rows)]
            are_sure = all(self.rows[there].group != NOWHERE and self.places[there] != NOWHERE for there in beside)
            if NOWHERE not in groups and (not self._may_break or (are_sure and self._has_no_keys(first, end))):
                free = np.flatnonzero(self._free)
                self._settle(np.arange(first, end), np.array(groups), self.sent.groups[free], free)

    def doubt(self) -> None:
        """Undo matches of rows that may be pieces of another row, as a line beside them is not matched."""
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
        """(first, end) of lines that are no rows, with unmatched rows beside them: together they may be one row."""
        odd, left = ~self._is_row, self.places == NOWHERE
        beside = left & (np.append(odd[1:], False) | np.append(False, odd[:-1]))
        runs: list[tuple[int, int]] = []
        for begin, end in _stretches(~(odd | beside)):
            while begin < end:
                at, cells = begin, self.rows[begin].cells
                while cells < self._sheet.width and at + 1 < end:  # until the lines have the cells of a row
                    at += 1
                    cells += self.rows[at].cells - 1
                runs.append((begin, at + 1))
                begin = at + 1
        return runs

    def _of_key(self, at: int, *, demanding: bool) -> int:
        """The row of the job with this row's key, or NOWHERE. `demanding`: its other cells have to fit as well."""
        row, sent = self.rows[at], self.sent
        values = row.values if row.group == NOWHERE else sent.of_group(row.group)
        key = [values[column] for column in sent.keys]
        same = sent.by_key.rows(key)
        if not same or len(same) > MOST_ALIKE or (len(same) == 1 and not self._free[same[0]]):
            return NOWHERE
        longer = sent.by_key.longer(key, most=MOST_ALIKE)
        if len(same) == 1:
            is_alone = self._stands_alone(at) and row.lines == 1
            if (is_alone and longer == []) or (demanding and self._fits(at, same[0])):
                return same[0]
            if not demanding:
                if is_alone and longer is not None and not any(self._fits(at, place) for place in longer):
                    return same[0]
                self._undecided.add(at)
            return NOWHERE
        fitting = [place for place in [*same, *(longer or ())] if self._fits(at, place)]
        return fitting[0] if len(fitting) == 1 else NOWHERE

    def _fits(self, at: int, place: int) -> bool:
        """Whether this row of the job is free, and all of its cells may have been changed to those of the row."""
        if at not in self._loose:
            self._loose[at] = self._loose_values(at)
        return bool(self._free[place]) and all(map(may_be, self._loose[at], self.sent.loose(place)))

    def _may_be_a_piece(self, at: int) -> bool:
        """Whether it may be a piece: another row has a line with the same beginning, or it has too many cells."""
        row, sheet = self.rows[at], self._sheet
        lines = [line.split(sheet.delimiter) for line in sheet.lines[row.line : row.line + row.lines]]
        own = [*lines[:-1], lines[-1][:-1]]  # without the reason
        long_enough = own if len(own) == 1 else [cells for cells in own if len(cells) > 1]
        are_pieces = (self.sent.broken.hold(cells, but=int(self.places[at])) for cells in long_enough)
        return row.cells > sheet.width or any(are_pieces)

    def _loose_values(self, at: int) -> list[str]:
        row = self.rows[at]
        return [
            loose_form(value) for value in (row.raw_values if row.group == NOWHERE else self.sent.of_group(row.group))
        ]

    def _has_no_keys(self, first: int, end: int) -> bool:
        """Whether Marketo says of each of these rows that its key is empty, and it is."""
        if not self.sent.has_whole_key or not self._says_blank_key[self._because[first:end]].all():
            return False
        return not any(row.values[key].strip() for row in self.rows[first:end] for key in self.sent.keys)

    @property
    def _may_break(self) -> bool:
        """Whether a row of the job that is not matched may come in pieces."""
        if self._known_to_break is None:
            self._known_to_break = bool(self._free[self.sent.breakable].any())
        return self._known_to_break

    def _stands_alone(self, at: int) -> bool:
        """Whether this is a row, and no line beside it may belong to it."""
        if not self._may_break:
            return bool(self._is_row[at])
        beside = [there for there in (at - 1, at, at + 1) if 0 <= there < len(self.rows)]
        return bool(self._is_row[beside].all())

    def _left(self) -> Offsets:
        """The unmatched rows, lines with more cells than the header included: their last cells may be the reason."""
        return np.flatnonzero((self.places == NOWHERE) & self._has_all)

    def _place_if_alone(self, claims: Mapping[int, Sequence[int]]) -> None:
        """Match the rows of the job that exactly one row claims."""
        sure = [(claimants[0], place) for place, claimants in claims.items() if len(claimants) == 1]
        self._place(np.array([at for at, _ in sure], np.int64), np.array([place for _, place in sure], np.int64))

    def _settle(self, which: Offsets, groups: Offsets, groups_of_job: Offsets, rows: Offsets) -> None:
        """Match those of `which` that are sure. Both kinds of group numbers are equal for equal rows."""
        sure = sure_places(groups, self._because[which], groups_of_job, rows)
        self._place(which[sure != NOWHERE], sure[sure != NOWHERE])

    def _place(self, which: Offsets, places: Offsets) -> None:
        self.places[which] = places
        self._free[places] = False
        self._is_row[which] = True
        self._known_to_break = None


def _stretches(outside: Flags) -> list[tuple[int, int]]:
    """(first, end) of each run of positions that are not outside."""
    steps = np.diff(np.concatenate(([True], outside, [True])).astype(np.int8))
    return list(zip(np.flatnonzero(steps == -1).tolist(), np.flatnonzero(steps == 1).tolist(), strict=True))


def sure_places(groups: Offsets, reasons: Offsets, groups_of_job: Offsets, rows: Offsets) -> Offsets:
    """For each row of the sheet its place, or NOWHERE where that is not sure. `rows`: the places of `groups_of_job`.

    Equal rows cannot be told apart: they are sure only if all of them came back, and for the same reason.
    """
    places: Offsets = np.full(len(groups), NOWHERE)
    if not len(groups) or not len(groups_of_job):
        return places
    order, there = np.argsort(groups, kind="stable"), np.argsort(groups_of_job, kind="stable")
    alike, first, count = np.unique(groups[order], return_index=True, return_counts=True)
    least, most = (np.searchsorted(groups_of_job[there], alike, side=side) for side in ("left", "right"))
    for_one_reason = np.minimum.reduceat(reasons[order], first) == np.maximum.reduceat(reasons[order], first)
    sure = np.repeat((most - least == count) & for_one_reason, count)
    nth = np.arange(len(groups)) - np.repeat(first, count)
    places[order[sure]] = rows[there[(np.repeat(least, count) + nth)[sure]]]
    return places
