"""Splits CSV bytes into records, as Python's csv module does, without changing a byte.

Many records are found at once, by array operations. Quotes make that hard: a line end inside a quoted cell does not end
a record. If every opening quote stands at the start of a cell, a byte is inside quotes exactly if an odd number of
quotes stand before it. Nearly every file is like that. A block of text that is not goes through a regular expression,
cell by cell.

The module is long because finding records and reading their cells share one layout of arrays.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadFile, Detail

LF, CR, QUOTE = b'\n\r"'
STEP_BYTES = 1 << 20  # of a whole file that are read in one step
csv.field_size_limit(1 << 30)  # a cell may be as large as a part; the module's own default is 128 KiB

Offsets = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Records:
    """The complete records of a block of text. Blank lines are no records.

    `stops` are the offsets of the bytes that end a cell: delimiters and line ends. `firsts` and `lasts` are, for each
    record, the indexes of the stops of its first and its last cell.
    """

    text: bytes
    starts: Offsets
    ends: Offsets  # after the line end
    stops: Offsets
    firsts: Offsets
    lasts: Offsets

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> bytes:
        return self.text[self.starts[index] : self.ends[index]]

    def width(self, index: int) -> int:
        """How many cells a record has."""
        return int(self.lasts[index] - self.firsts[index]) + 1

    def begun(self, index: int, width: int) -> bytes:
        """The bytes of a record's first cells, `width` at most: a record may have ten million cells."""
        last = min(self.lasts[index], self.firsts[index] + width - 1)
        return self.text[self.starts[index] : min(self.stops[last] + 1, self.ends[index])]

    def behind(self, index: int) -> "Records":
        """The records from this index on."""
        rest = slice(index, None)
        return Records(self.text, self.starts[rest], self.ends[rest], self.stops, self.firsts[rest], self.lasts[rest])

    @property
    def widths(self) -> Offsets:
        """How many cells each record has."""
        return self.lasts - self.firsts + 1

    def raw_cells(self, index: int, width: int) -> list[bytes]:
        """A record's first cells, `width` at most, as they stand in the text: with quotes, without the line end."""
        first = self.firsts[index]
        stops = self.stops[first : min(self.lasts[index] + 1, first + width)].tolist()
        starts = [int(self.starts[index]), *(stop + 1 for stop in stops[:-1])]
        raw = [self.text[start:stop] for start, stop in zip(starts, stops, strict=True)]
        raw[-1] = raw[-1].removesuffix(b"\r")
        return raw

    def cells(self, column: int) -> tuple[Offsets, Offsets, Flags]:
        """(starts, ends, which records have the column) of a column's cells, with quotes; the first column is 0."""
        at = self.firsts + column
        there = at <= self.lasts
        at = np.minimum(at, self.lasts)
        starts = self.starts if column == 0 else self.stops[at - 1] + 1
        ends = self.stops[at]
        crlf = (ends > starts) & (buffer_of(self.text)[ends - 1] == CR)
        return starts, ends - crlf, there


NO_RECORDS = Records(b"", *[np.zeros(0, np.int64)] * 5)


class RecordScanner:
    """Takes text in chunks and gives complete records. A quote opens at a cell's start only; doubled, it is a quote.

    Every byte is read once, however long a record is and however small the chunks are. For a cell that is not complete
    at the end of a chunk, a short text with the same meaning is kept (`_open`), and put before the next chunk.
    """

    def __init__(self, delimiter: str, *, limit_bytes: int = 1 << 30) -> None:
        self._delimiter = delimiter.encode()
        self._cell = _cell_of(self._delimiter)
        self._limit_bytes = limit_bytes
        self._forget()
        self.records = 0  # given out so far, without blank lines; the header is the first

    def _forget(self) -> None:
        """Drop the unfinished record."""
        self._held: list[bytes] = []  # the text of the unfinished record
        self._stops: list[Offsets] = []  # where its complete cells end
        self._size_bytes = 0  # of that text
        self._open = b""  # stands for its unfinished cell: see _unfinished
        self._return = b""  # a CR at the end of the last chunk: the next byte shows whether it belongs to a CR LF

    def feed(self, text: bytes) -> Records:
        """The records that this text completes. Errors: BadFile record_too_large."""
        text, self._return = self._return + text, b""
        if text.endswith(b"\r"):
            text, self._return = text[:-1], b"\r"
        records = self._taken(text, final=False)
        if self.held_bytes > self._limit_bytes and not records:  # complete records may have an earlier mistake
            raise too_large(self.records, self._limit_bytes)
        return records

    def finish(self) -> Records:
        """The last record, which may lack its line end. Errors: BadFile unclosed_quote."""
        records = self._taken(self._return, final=True)
        if self._size_bytes:
            row, column = self.place
            message = f"A quote that opens in row {row}, column {column} is never closed. Close it, or double it."
            raise BadFile(message, code="unclosed_quote", details=(Detail(message, row=row),))
        return records

    def released(self) -> bytes:
        """The text of the unfinished record, which is dropped here."""
        unfinished = b"".join([*self._held, self._return])
        self._forget()
        return unfinished

    @property
    def held_bytes(self) -> int:
        """The size of the unfinished record."""
        return self._size_bytes + len(self._return)

    @property
    def memory_bytes(self) -> int:
        """The memory that the unfinished record takes."""
        return self.held_bytes + sum(stops.nbytes for stops in self._stops)

    @property
    def place(self) -> tuple[int, int]:
        """(row, column) of the place at which the text so far ends: row 0 is the header, column 1 the first."""
        return self.records, 1 + sum(map(len, self._stops))

    def _taken(self, text: bytes, *, final: bool) -> Records:
        """The records that this text completes; the rest of it is kept."""
        stops, line_ends = self._scanned(text)
        size_bytes = self._size_bytes + len(text)
        complete = int(stops[line_ends][-1]) + 1 if line_ends.any() else 0
        if final and size_bytes > complete and self._open != QUOTED:
            stops, line_ends, self._open = np.append(stops, size_bytes), np.append(line_ends, True), b""
        self._held.append(text)
        self._stops.append(stops)
        self._size_bytes = size_bytes
        return self._whole(line_ends) if line_ends.any() else NO_RECORDS

    def _whole(self, line_ends: Flags) -> Records:
        """The complete records in the kept text, the last of which ends in the last chunk; the rest is kept on."""
        text, stops = b"".join(self._held), np.concatenate(self._stops)
        lasts = np.flatnonzero(line_ends) + len(stops) - len(line_ends)
        ends = np.minimum(stops[lasts] + 1, len(text))
        starts = np.concatenate(([0], ends[:-1]))
        firsts = np.concatenate(([0], lasts[:-1] + 1))
        rest = text[ends[-1] :]
        self._held, self._stops = [rest], [stops[lasts[-1] + 1 :] - ends[-1]]
        self._size_bytes = len(rest)
        is_record = ~_blank(text, starts, ends)
        self.records += int(np.count_nonzero(is_record))
        return Records(text, starts[is_record], ends[is_record], stops, firsts[is_record], lasts[is_record])

    def _scanned(self, text: bytes) -> tuple[Offsets, Flags]:
        """(where cells end in the kept text with this text after it, which of these are line ends)."""
        before = len(self._open)
        text = self._open + text
        stops, line_ends = self._stops_of(text)
        self._open = _unfinished(text, int(stops[-1]) + 1 if len(stops) else 0)
        return stops + (self._size_bytes - before), line_ends

    def _stops_of(self, text: bytes) -> tuple[Offsets, Flags]:
        """(where cells end, which of these are line ends) in a text that begins with a cell."""
        buffer = buffer_of(text)
        line_end = buffer == LF
        if b"\r" in text:
            alone = buffer == CR
            alone[:-1] &= ~line_end[1:]
            line_end |= alone
        stop = buffer == self._delimiter[0]
        stop |= line_end
        if b'"' in text:
            quote = buffer == QUOTE
            opening = np.flatnonzero(quote)[::2]
            before = opening[opening > 0] - 1
            if not (stop[before] | quote[before]).all():
                return self._stops_cell_by_cell(text)
            stop &= (np.cumsum(quote, dtype=np.uint8) & 1) == 0
        stops = np.flatnonzero(stop)
        return stops, line_end[stops]

    def _stops_cell_by_cell(self, text: bytes) -> tuple[Offsets, Flags]:
        """The same for a text with quotes inside unquoted cells, where counting quotes gives wrong results."""
        stops, line_ends, at = [], [], 0
        while cell := self._cell.match(text, at):
            at = cell.end()
            stops.append(at - 1)
            line_ends.append(cell.group(1) is not None)
        return np.array(stops, np.int64), np.array(line_ends, bool)


def _cell_of(delimiter: bytes) -> re.Pattern[bytes]:
    """A pattern for a cell and what ends it: group 1 is a line end. A quoted cell may go on after its closing quote."""
    end = re.escape(delimiter)
    return re.compile(rb'(?:"[^"]*+(?:""[^"]*+)*+"|(?!"))[^\r\n' + end + rb"]*+(?:" + end + rb"|(\r\n|\n|\r))")


UNQUOTED, QUOTED, CLOSED = b"x", b'"', b'""'
OPENED = re.compile(rb'"[^"]*+(?:""[^"]*+)*+')
"""A pattern for a quoted cell without its closing quote."""


def _unfinished(text: bytes, start: int) -> bytes:
    """A short text to put in place of the unfinished cell at `start`: what follows has the same meaning after it."""
    opened = OPENED.match(text, start)
    if opened is None:
        return UNQUOTED if start < len(text) else b""
    match len(text) - opened.end():
        case 0:
            return QUOTED
        case 1:  # a quote that closes the cell, or is doubled by the next byte
            return CLOSED
        case _:
            return UNQUOTED


def offsets_of(text: bytes, delimiter: str) -> tuple[Offsets, Offsets]:
    """(where each record of a whole file begins, where it ends), the header's first."""
    scanner, starts, ends = RecordScanner(delimiter), [], []
    for at in range(0, len(text), STEP_BYTES):
        base = at - scanner.held_bytes
        records = scanner.feed(text[at : at + STEP_BYTES])
        starts.append(records.starts + base)
        ends.append(records.ends + base)
    base = len(text) - scanner.held_bytes
    records = scanner.finish()
    starts.append(records.starts + base)
    ends.append(records.ends + base)
    return np.concatenate(starts), np.concatenate(ends)


def buffer_of(text: bytes) -> NDArray[np.uint8]:
    """The same bytes as an array; nothing is copied."""
    return np.frombuffer(text, np.uint8)


def _blank(text: bytes, starts: Offsets, ends: Offsets) -> Flags:
    """Which of these are blank lines."""
    if not len(starts):
        return np.zeros(0, bool)
    first = buffer_of(text)[starts]
    blank: Flags = ((first == LF) | (first == CR)) & (ends - starts <= 2)
    return blank


def too_large(row: int, limit_bytes: int) -> BadFile:
    message = f"Row {row} alone is larger than the {limit_bytes} bytes of a part. Shorten it."
    return BadFile(message, code="record_too_large", details=(Detail(message, row=row),))


def line(values: Iterable[str], delimiter: str, end: str = "\n") -> bytes:
    """A record with these cells. A cell with a line end of any kind is quoted, whatever the record's own line end is.

    Bytes that are no UTF-8 are written as they were, if the cells hold them as `surrogateescape` does.
    """
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerow(values)
    return (text.getvalue().removesuffix("\r\n") + end).encode("utf-8", "surrogateescape")


def line_end_of(record: bytes) -> bytes:
    """The line end of a record; empty for a file's last record, where it lacks one."""
    return record[len(record.rstrip(b"\r\n")) :]


def cells(record: bytes, delimiter: str) -> list[str]:
    """A record's cells, unquoted."""
    return next(csv.reader(io.StringIO(record.decode(), newline=""), delimiter=delimiter), [])


def strict_cells(record: bytes, delimiter: str) -> list[str]:
    """The cells of a record with correct quoting, unquoted. Errors: csv.Error."""
    return next(csv.reader(io.StringIO(record.decode(), newline=""), delimiter=delimiter, strict=True), [])
