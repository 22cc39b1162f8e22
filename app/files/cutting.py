"""Records into parts: each with the header, each as full as it may be, each record's bytes untouched.

Parts follow the file. Only a row whose key went into an earlier part is set aside, into parts of their own. So the
parts that follow the file share no key and may be at Marketo side by side; and as the parts set aside come behind
those that they share keys with, the rows of a key keep their order. They are filled in lanes, by key, so that one
lane shares none with another.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadFile
from app.domain.imports import Format
from app.files import row_numbers
from app.files.compression import pack, pack_aside, unpacked
from app.files.header import Header, check_width
from app.files.inspection import Inspection
from app.files.record_keys import NONE, Digests, digests_of, distinct, key_places
from app.files.records import Offsets, Records, RecordScanner, too_large
from app.files.repeated_keys import RepeatedKeys
from app.files.row_numbers import Numbering
from app.files.seen_keys import SeenKeys

LANES = 4  # two for Marketo's importers, and two behind them
FRAME_BYTES = 1 << 19  # what is packed at once
HEADER_COPIES = 4  # its line, its names, and both in lower case
PART_ROWS = 500_000  # at most: sixteen bytes are held of each beside it, which is as much as a tiny row itself
ROWS_AT_ONCE = 1 << 14  # or thereabouts
RAGGED_KEPT = 10  # numbers of rows
LABEL = np.dtype([("number", np.int64), ("digest", np.uint64)])


@dataclass(frozen=True, slots=True)
class Piece:
    """A part's file: the header and some records, packed."""

    number: int  # 1 is the first
    blob: bytes
    size_bytes: int  # plain, header included
    rows: int
    first_row: int  # 1 = the first row after the header of the uploaded file
    row_numbers: bytes | None  # as `numbering` keeps them
    aside: bool  # its rows were set aside: their keys stand in earlier parts too
    keys: Digests | None
    """Of its rows, sorted, each once; None where nobody knows which columns are the key."""

    @property
    def memory_bytes(self) -> int:
        return len(self.blob) + len(self.row_numbers or b"") + (0 if self.keys is None else self.keys.nbytes)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Records, each with its number and its key's digest."""

    records: Records
    labels: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sizes(self) -> Offsets:
        return self.records.ends - self.records.starts

    @property
    def digests(self) -> Digests:
        digests: Digests = self.labels["digest"]
        return digests

    def behind(self, index: int) -> "_Rows":
        return _Rows(self.records.behind(index), self.labels[index:])


class _OpenPart:
    """A part that still grows; packed as it grows."""

    def __init__(self, header: bytes, limit_bytes: int) -> None:
        self.ended = True  # its last record has its line end
        self._header_bytes = self._size_bytes = len(header)
        self._limit_bytes = limit_bytes
        self._loose = bytearray(header)
        self._packed: list[Future[bytes]] = []
        self._labels: list[NDArray[np.void]] = []
        self._rows = 0

    @property
    def memory_bytes(self) -> int:
        packed = sum(len(one.result()) if one.done() else FRAME_BYTES for one in self._packed)
        return len(self._loose) + packed + self._rows * LABEL.itemsize

    def take(self, rows: _Rows, which: Offsets) -> int:
        """Take as many of these rows as there is room for; how many that is."""
        filled = self._size_bytes + np.cumsum(rows.sizes[which])
        count = min(int(np.searchsorted(filled, self._limit_bytes, side="right")), PART_ROWS - self._rows)
        if count:
            self._rows += count
            which, self._size_bytes = which[:count], int(filled[count - 1])
            text = memoryview(rows.records.text)
            for start, end in _runs(rows.records.starts[which], rows.records.ends[which]):
                self._loose += text[start:end]
            self._labels.append(rows.labels[which])
            self.ended = self._loose.endswith((b"\n", b"\r"))
            if len(self._loose) >= FRAME_BYTES:
                self._pack()
        return count

    def closed(self, number: int, *, aside: bool, keyless: bool) -> Piece:
        labels = np.concatenate(self._labels)
        return Piece(
            number=number,
            blob=self._blob(),
            size_bytes=self._size_bytes,
            rows=len(labels),
            first_row=int(labels["number"][0]),
            row_numbers=row_numbers.written(labels["number"]),
            aside=aside,
            keys=None if keyless else distinct(labels["digest"]),
        )

    def reread(self, delimiter: str) -> Iterator[_Rows]:
        """Its rows once more, for another part to take."""
        labels, scanner = np.concatenate(self._labels), RecordScanner(delimiter)
        text = b"".join(unpacked(self._blob()))[self._header_bytes :]
        for at in range(0, len(text), FRAME_BYTES):
            final = at + FRAME_BYTES >= len(text)
            records = scanner.feed(text[at : at + FRAME_BYTES])
            yield _Rows(records, labels[: len(records)])
            labels = labels[len(records) :]
            if final:
                yield _Rows(scanner.finish(), labels)

    def _blob(self) -> bytes:
        """All of it. What is still loose is packed here: there is nothing else to do meanwhile."""
        return b"".join([*(packed.result() for packed in self._packed), pack(bytes(self._loose))])

    def _pack(self) -> None:
        """Have what is loose packed, while the next is cut; but not more than that, or it would pile up."""
        if self._packed:
            self._packed[-1].result()
        self._packed.append(pack_aside(bytes(self._loose)))
        self._loose = bytearray()


class Cutter:
    """Push text in, get pieces out. `columns` is known after the header, `rows` counts as it goes.

    So does `ragged_rows`: those whose number of cells is not the header's. They are cut and sent as they are.
    """

    def __init__(
        self,
        *,
        format: Format,  # noqa: A002
        limit_bytes: int,
        key_columns: tuple[str, ...],
        inspection: Inspection | None = None,
        numbers: Numbering | None = None,
        repeated: RepeatedKeys | None = None,
    ) -> None:
        """`key_columns` may be empty: only Marketo knows them, and could not be asked.

        `repeated`: where rows whose key an earlier row has are to be counted.
        """
        self._format = format
        self._limit_bytes = limit_bytes
        self._key_columns = key_columns
        self._inspection = inspection
        self._numbers = numbers or row_numbers.counted()
        self._repeated = repeated
        self._scanner = RecordScanner(format.delimiter, limit_bytes=limit_bytes)
        self._seen = SeenKeys()
        self._header = b""
        self._keys: list[int] = []  # where in a row the key stands
        self._following: _OpenPart | None = None
        self._aside: dict[int, _OpenPart] = {}
        self._pieces = 0
        self.columns: tuple[str, ...] = ()
        self.rows = 0
        self.ragged_rows = 0
        self.first_ragged_rows: list[int] = []  # their numbers

    def feed(self, text: bytes) -> Iterator[Piece]:
        """Errors: BadFile, each with a stable code."""
        for stretch in _stretches(text):
            yield from self._take(self._scanner.feed(stretch))

    def finish(self) -> Iterator[Piece]:
        yield from self._take(self._scanner.finish())
        if not self.columns:
            raise BadFile("The file is empty. Send a header line and at least one row.", code="empty_file")
        if not self.rows:
            raise BadFile("The file has a header and no rows. There is nothing to import.", code="no_rows")
        if self._following:
            yield self._closed(self._following, aside=False)
        yield from self._lanes_together()

    def let_go(self) -> Iterator[Piece]:
        """What is open, as it is: others need the memory. Whatever follows goes into further pieces."""
        if self._following:
            yield self._full()
        for lane in sorted(self._aside):
            yield self._closed(self._aside.pop(lane), aside=True)
        self._seen.shrink()

    @property
    def memory_bytes(self) -> tuple[int, int]:
        """(what it holds, what it would hold after it has let go)."""
        inspected = self._inspection.memory_bytes if self._inspection else 0
        fixed = self._scanner.memory_bytes + inspected + HEADER_COPIES * len(self._header)
        parts = [part for part in (self._following, *self._aside.values()) if part]
        return (
            fixed + self._seen.memory_bytes + sum(part.memory_bytes for part in parts),
            fixed + self._seen.least_bytes,
        )

    @property
    def place(self) -> tuple[int, int, str | None]:
        """(row, column, the column's name) at which the text that was fed breaks off."""
        row, column = self._scanner.place
        return row, column, self.columns[column - 1] if 0 < column <= len(self.columns) else None

    def _take(self, records: Records) -> Iterator[Piece]:
        if not self.columns:
            check_width(records, self._scanner.place)
            if len(records):
                self._take_header(records[0])
                records = records.behind(1)
        if not len(records):
            return
        rows = self._labelled(records)
        self.rows += len(rows)
        while len(rows):
            aside = (rows.digests != NONE) & self._seen.has(rows.digests)
            following = np.flatnonzero(~aside)
            taken = 0
            if len(following):
                self._following = self._following or self._opened()
                taken = self._following.take(rows, following)
            judged = int(following[taken]) if taken < len(following) else len(rows)
            yield from self._set_aside(rows, np.flatnonzero(aside[:judged]))
            if judged < len(rows):
                yield self._full()
            rows = rows.behind(judged)

    def _full(self) -> Piece:
        """The part that followed the file is full: from now on its keys are an earlier part's."""
        assert self._following, "there was no room for a row in it"
        full, self._following = self._closed(self._following, aside=False), None
        if full.keys is not None:
            self._seen.add(full.keys)
        return full

    def _set_aside(self, rows: _Rows, which: Offsets) -> Iterator[Piece]:
        lanes = rows.digests[which] % np.uint64(LANES)
        for lane in range(LANES):
            here = which[lanes == lane]
            while len(here):
                if lane not in self._aside:
                    self._aside[lane] = self._opened()
                part = self._aside[lane]
                here = here[part.take(rows, here) :]
                if len(here):
                    yield self._closed(self._aside.pop(lane), aside=True)

    def _lanes_together(self) -> Iterator[Piece]:
        """What is left in the lanes, in as few parts as will do: lanes share no key, so any order among them will."""
        lanes = sorted(self._aside.values(), key=lambda part: not part.ended)  # the file's last record may lack its end
        last = lanes.pop(0) if lanes else None
        for lane in lanes:
            for rows in lane.reread(self._format.delimiter):
                left = np.arange(len(rows))
                while last and len(left := left[last.take(rows, left) :]):
                    yield self._closed(last, aside=True)
                    last = self._opened()
        if last:
            yield self._closed(last, aside=True)

    def _opened(self) -> _OpenPart:
        return _OpenPart(self._header, self._limit_bytes)

    def _closed(self, part: _OpenPart, *, aside: bool) -> Piece:
        self._pieces += 1
        return part.closed(self._pieces, aside=aside, keyless=not self._key_columns)

    def _labelled(self, records: Records) -> _Rows:
        """Errors: BadFile record_too_large."""
        labels = np.zeros(len(records), LABEL)
        large = np.flatnonzero(len(self._header) + records.ends - records.starts > self._limit_bytes)
        if len(large):
            raise too_large(self.rows + int(large[0]) + 1, self._limit_bytes)
        labels["number"] = self._numbers(len(records))
        labels["digest"] = digests_of(records, self._keys)
        self._count_ragged(records, labels["number"])
        if self._inspection:
            self._inspection.rows(records, labels["number"])
        if self._repeated:
            self._repeated.take(labels["digest"])
        return _Rows(records, labels)

    def _count_ragged(self, records: Records, numbers: Offsets) -> None:
        ragged = np.flatnonzero(records.widths != len(self.columns))
        self.ragged_rows += len(ragged)
        if len(ragged) and len(self.first_ragged_rows) < RAGGED_KEPT:
            known = [number for number in numbers[ragged[:RAGGED_KEPT]].tolist() if number != row_numbers.UNKNOWN]
            self.first_ragged_rows = [*self.first_ragged_rows, *known][:RAGGED_KEPT]

    def _take_header(self, record: bytes) -> None:
        if len(record) >= self._limit_bytes:
            raise too_large(0, self._limit_bytes)
        header = Header.read(record, self._format, self._key_columns)
        if self._inspection:
            self._inspection.header(header.columns)
        self.columns, self._header = header.columns, header.line
        self._keys = key_places(self.columns, self._key_columns)


def _stretches(text: bytes) -> Iterator[bytes]:
    """A text, cut where its rows are so short that arrays with some numbers for each would be far larger than it."""
    rows = text.count(b"\n") + text.count(b"\r")
    step = len(text) * ROWS_AT_ONCE // rows if rows > ROWS_AT_ONCE else len(text)
    for at in range(0, len(text), max(1, step)):
        yield text[at : at + step]


def _runs(starts: Offsets, ends: Offsets) -> Iterator[tuple[int, int]]:
    """Records that stand side by side, as one stretch."""
    breaks = np.flatnonzero(starts[1:] != ends[:-1])
    firsts, lasts = np.concatenate(([0], breaks + 1)), np.concatenate((breaks, [len(ends) - 1]))
    yield from zip(starts[firsts].tolist(), ends[lasts].tolist(), strict=True)
