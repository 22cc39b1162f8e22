"""Reads a result file row by row, so that a line that cannot be read affects no other row.

Marketo's quoting is its own: cells with a line end or a delimiter were seen without quotes, so that a row comes in
pieces, and quotes were seen that open nothing. So a line is read in the way in which it is a whole row; or, where it
may begin a row that comes in pieces, together with the lines after it.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.files.broken_rows import PossibleRow
from app.files.result_sheet import ResultSheet, lenient
from app.files.sent_rows import NOWHERE, Select, SentRows, selecting

ODD_BYTES = {
    0xDC00 + byte: bytes([byte]).decode("cp1252" if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1")
    for byte in range(0x80, 0x100)
}
"""Bytes that are no UTF-8, as `surrogateescape` keeps them, to the letters of the commonest other charset."""
CAREFUL = 50  # rows that are read one by one after a row that differs from all that were sent
LOOKS_AHEAD = 4  # lines for each line of the file: this bounds the time for a file full of quotes that never close


@dataclass(slots=True)
class ReadRow:
    """A row of a result file, or a line that is no row, as it was read."""

    line: int  # its first line; 0 is the file's first
    lines: int = 1
    group: int = NOWHERE  # the number of the sent rows with exactly these values
    values: Sequence[str] = ()  # in the shared columns; bytes that are no UTF-8 are read in another charset
    raw_values: Sequence[str] = ()  # the same, with these bytes as they came
    reason: str = ""
    cells: int = 0  # with the reason: a whole row has as many as the header
    is_sure: bool = True  # whether it can be read in one way only


class RowReader:
    """Reads the rows of a sheet with the help of the rows that were sent."""

    def __init__(self, sheet: ResultSheet, sent: SentRows) -> None:
        self._sheet, self._sent = sheet, sent
        self._lines, self._delimiter, self._width = sheet.lines, sheet.delimiter, sheet.width
        self._as_text = [line.translate(ODD_BYTES) for line in sheet.lines] if sheet.has_odd_bytes else sheet.lines
        self._select: Select = selecting([here for here, _ in sheet.shared])
        self._looks_left = LOOKS_AHEAD * len(sheet.lines)

    def rows(self) -> list[ReadRow]:
        """The rows in their order, without blank lines."""
        rows = list(self._each_by_itself())
        if all(self._is_known(row) for row in rows) or not self._sent.in_pieces or not len(self._sent.breakable):
            return rows
        return list(self._together(rows))

    def _each_by_itself(self) -> Iterator[ReadRow]:
        """Rows that were sent in this form are read fast; others, and some rows after them, one by one."""
        at, careful = self._sheet.begin, 0
        while at < len(self._lines):
            if not careful:
                before = at
                for row in self._known_rows(at):
                    yield row
                    at = row.line + row.lines
                careful = CAREFUL if at == before else 1
            else:
                read, careful = self._by_itself(at), careful - 1
                if read:
                    yield read
                at += read.lines if read else 1

    def _known_rows(self, at: int) -> Iterator[ReadRow]:
        """Rows with correct quotes and with values that were sent, up to the first row that is different."""
        most, width, group_of, select = self._sent.most_lines, self._width, self._sent.group, self._select
        limit = at + most

        def lines() -> Iterator[str]:
            for there in range(at, len(self._lines)):
                if there >= limit:
                    return
                yield self._lines[there] + "\n"

        reader, line = csv.reader(lines(), delimiter=self._delimiter, strict=True), at
        try:
            for cells in reader:
                end = at + reader.line_num
                if cells:
                    group = group_of(select(cells)) if len(cells) == width else NOWHERE
                    if group == NOWHERE or (end - line > 1 and end - line > self._sent.lines_of(group)):
                        return
                    yield ReadRow(line, end - line, group, (), (), cells[-1], width)
                line, limit = end, end + most
        except csv.Error:
            return

    def _by_itself(self, at: int) -> ReadRow | None:
        line = self._lines[at]
        if '"' in line:
            return self._with_quotes(at) or self._no_row(at)
        return (self._whole(at, line.split(self._delimiter)) or self._no_row(at)) if line else None

    def _together(self, rows: Sequence[ReadRow]) -> Iterator[ReadRow]:
        """Read once more, where a line or the one after it is not a row that was sent: they may be pieces of one."""
        broken = self._sent.broken
        broken.expect(len(self._lines))
        by_line = {row.line: row for row in rows}
        at = self._sheet.begin
        while at < len(self._lines):
            row = by_line.get(at) or self._by_itself(at)
            behind = by_line.get(at + row.lines) if row else None
            if not (row and self._is_known(row) and (behind is None or self._is_known(behind))):
                row = self._broken(at, row) if row or broken.may_begin("") else None
            if row:
                yield row
            at += row.lines if row else 1

    def _is_known(self, row: ReadRow) -> bool:
        return row.cells == self._width and (row.group != NOWHERE or row.lines > 1)

    def _broken(self, at: int, row: ReadRow | None) -> ReadRow | None:
        """Read a line at which a row that comes in pieces may begin. `row`: the line read by itself."""
        broken, is_row = self._sent.broken, row is None or row.cells == self._width
        candidates = broken.at(self._as_text, at, of_one_line=not is_row)
        most = max((match.lines for match in candidates), default=0)
        longest = [match for match in candidates if match.lines == most]
        if most > 1:  # so many equal cells over several lines are no coincidence
            return self._in_pieces(at, longest[0]) if len(longest) == 1 else self._no_row(at, is_sure=False)
        if row is None or is_row:
            return row
        if row.group == NOWHERE:
            return (
                self._in_pieces(at, candidates[0]) if len(candidates) == 1 else self._no_row(at, is_sure=not candidates)
            )
        unlike = not candidates and not broken.is_tired and not broken.hold(row.values)
        if unlike and self._sent.has_whole_key:  # then the delimiter belongs to the reason, not to a cell
            return row
        if len(candidates) == 1 and self._sent.has_key(candidates[0].row):  # all of its cells are there, and its key
            return self._in_pieces(at, candidates[0])
        return self._no_row(at, is_sure=False)

    def _with_quotes(self, at: int) -> ReadRow | None:
        """Read with correct quotes; else with quotes as letters; else leniently, if a row like that was sent."""
        cells, lines = self._record(at)
        row = self._whole(at, cells, lines)
        if row and lines > 1 and not self._may_take(row):
            row = None
        if row := row or self._whole(at, self._lines[at].split(self._delimiter)):
            return row
        leniently = self._whole(at, lenient(self._lines[at], self._delimiter))
        return leniently if leniently and leniently.group != NOWHERE else None

    def _record(self, at: int) -> tuple[list[str], int]:
        """(the cells of a record, how many lines it takes); no cells if its quotes are not correct."""
        most = self._sent.most_lines if self._looks_left > 0 else 1
        lines = (self._lines[there] + "\n" for there in range(at, min(at + most, len(self._lines))))
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        try:
            cells = next(reader, [])
        except csv.Error:
            cells = []
        self._looks_left -= reader.line_num - 1
        return cells, reader.line_num

    def _may_take(self, row: ReadRow) -> bool:
        """Whether a row of several lines may be right. Not if the row with its key has fewer: a quote never closes."""
        sent, group = self._sent, row.group
        if group == NOWHERE and sent.has_whole_key:
            alike = sent.by_key.rows([row.values[key] for key in sent.keys])
            group = int(sent.groups[alike[0]]) if len(alike) == 1 else NOWHERE
        return group == NOWHERE or row.lines <= sent.lines_of(group)

    def _whole(self, at: int, cells: list[str], lines: int = 1) -> ReadRow | None:
        """The row with these cells; None where they are not the cells of a row."""
        if len(cells) < self._width:
            return None
        values, raw_values = self._values(cells)
        group = self._sent.group(values)
        if len(cells) > self._width and group == NOWHERE:
            return None
        return ReadRow(at, lines, group, values, raw_values, self._delimiter.join(cells[self._width - 1 :]), len(cells))

    def _values(self, cells: list[str]) -> tuple[Sequence[str], Sequence[str]]:
        raw_values = self._select(cells)
        if not self._sheet.has_odd_bytes:
            return raw_values, raw_values
        return [value.translate(ODD_BYTES) for value in raw_values], raw_values

    def _no_row(self, at: int, *, is_sure: bool = True) -> ReadRow:
        """A line with too few or too many cells, with the values that it has if its last cells are the reason."""
        cells = self._lines[at].split(self._delimiter)
        last = min(len(cells), self._width) - 1
        values, raw_values = self._values(cells[:last])
        return ReadRow(at, 1, NOWHERE, values, raw_values, self._delimiter.join(cells[last:]), len(cells), is_sure)

    def _in_pieces(self, at: int, row: PossibleRow) -> ReadRow:
        values = self._sent.values(row.row)
        group = int(self._sent.groups[row.row])
        last = self._lines[at + row.lines - 1]
        return ReadRow(at, row.lines, group, values, values, last[len(last) - len(row.reason) :], self._width)
