"""Cuts a file's records into parts. Each part has the header and is as full as it may be; records' bytes never change.

The parts follow the order of the file, except for deferred duplicates: rows whose record key is in an earlier part.
These go into parts of their own. So the parts that follow the file share no key and may be at Marketo at the same time.
The parts of deferred duplicates come after the parts that they share keys with, so rows with the same key keep their
order. Deferred duplicates are sorted into buckets by their key, so that parts of different buckets share no key.

The module is long because a part that is being filled and the cutter that fills it read the same private arrays.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadFile
from app.domain.formats import Format
from app.files import row_numbers
from app.files.compression import pack, pack_aside, unpacked
from app.files.header import Header, check_width
from app.files.inspection import Inspection
from app.files.record_keys import NONE, Digests, digests_of, distinct, key_places
from app.files.records import Offsets, Records, RecordScanner, too_large
from app.files.repeated_keys import RepeatedKeys
from app.files.row_numbers import Numbering
from app.files.seen_keys import SeenKeys

KEY_BUCKETS = 4  # two parts for Marketo's importers, and two behind them
FRAME_BYTES = 1 << 19  # that are compressed at once
HEADER_COPIES = 4  # that are in memory: its line, its names, and both in lower case
PART_ROWS = 500_000  # at most: each row takes sixteen bytes of memory beside its own, which may be as few
ROWS_AT_ONCE = 1 << 14  # about as many are worked on in one step
RAGGED_KEPT = 10  # row numbers of ragged rows
LABEL = np.dtype([("number", np.int64), ("digest", np.uint64)])


@dataclass(frozen=True, slots=True)
class PartFile:
    """A part's file, the header and some records; and what is stored beside it."""

    number: int  # 1 is the first
    blob: bytes  # compressed
    header: bytes  # its first record, with its line end: the same in each part of the file
    size_bytes: int  # uncompressed, header included
    rows: int
    first_row: int  # 1 = the first row after the header of the uploaded file
    row_numbers: bytes | None  # as row_numbers.py encodes them
    has_deferred_rows: bool  # its rows are deferred duplicates: earlier parts have the same record keys
    keys: Digests | None
    """The record keys of its rows, sorted, each once; None where it is not known which columns are the key."""

    @property
    def memory_bytes(self) -> int:
        return len(self.blob) + len(self.row_numbers or b"") + (0 if self.keys is None else self.keys.nbytes)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Records, each with its row number and the digest of its key."""

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
        """The rows from this index on."""
        return _Rows(self.records.behind(index), self.labels[index:])


class _OpenPart:
    """A part that is being filled. It is compressed while it grows."""

    def __init__(self, header: bytes, limit_bytes: int) -> None:
        self.ended = True  # its last record has its line end
        self._header = header
        self._size_bytes = len(header)
        self._limit_bytes = limit_bytes
        self._loose = bytearray(header)
        self._packed: list[Future[bytes]] = []
        self._labels: list[NDArray[np.void]] = []
        self._rows = 0

    @property
    def memory_bytes(self) -> int:
        packed_bytes = sum(len(frame.result()) if frame.done() else FRAME_BYTES for frame in self._packed)
        return len(self._loose) + packed_bytes + self._rows * LABEL.itemsize

    def take(self, rows: _Rows, which: Offsets) -> int:
        """Take as many of these rows as fit. Returns how many that is."""
        sizes_bytes = self._size_bytes + np.cumsum(rows.sizes[which])  # of the part, after each row
        count = min(int(np.searchsorted(sizes_bytes, self._limit_bytes, side="right")), PART_ROWS - self._rows)
        if count:
            self._rows += count
            which, self._size_bytes = which[:count], int(sizes_bytes[count - 1])
            text = memoryview(rows.records.text)
            for start, end in _runs(rows.records.starts[which], rows.records.ends[which]):
                self._loose += text[start:end]
            self._labels.append(rows.labels[which])
            self.ended = self._loose.endswith((b"\n", b"\r"))
            if len(self._loose) >= FRAME_BYTES:
                self._pack()
        return count

    def closed(self, number: int, *, has_deferred_rows: bool, keyless: bool) -> PartFile:
        labels = np.concatenate(self._labels)
        return PartFile(
            number=number,
            blob=self._blob(),
            header=self._header,
            size_bytes=self._size_bytes,
            rows=len(labels),
            first_row=int(labels["number"][0]),
            row_numbers=row_numbers.written(labels["number"]),
            has_deferred_rows=has_deferred_rows,
            keys=None if keyless else distinct(labels["digest"]),
        )

    def reread(self, delimiter: str) -> Iterator[_Rows]:
        """Its rows once more, so that another part can take them."""
        labels, scanner = np.concatenate(self._labels), RecordScanner(delimiter)
        text = b"".join(unpacked(self._blob()))[len(self._header) :]
        for at in range(0, len(text), FRAME_BYTES):
            final = at + FRAME_BYTES >= len(text)
            records = scanner.feed(text[at : at + FRAME_BYTES])
            yield _Rows(records, labels[: len(records)])
            labels = labels[len(records) :]
            if final:
                yield _Rows(scanner.finish(), labels)

    def _blob(self) -> bytes:
        """The whole part, compressed. The rest is compressed here, as there is nothing else to do meanwhile."""
        return b"".join([*(packed.result() for packed in self._packed), pack(bytes(self._loose))])

    def _pack(self) -> None:
        """Compress the rest in another thread while cutting goes on. At most one such job runs: they would pile up."""
        if self._packed:
            self._packed[-1].result()
        self._packed.append(pack_aside(bytes(self._loose)))
        self._loose = bytearray()


class Cutter:
    """Takes text in UTF-8 and gives parts. `columns` is known once the header has come.

    `rows` and `ragged_rows` count as it goes. Ragged rows have more or fewer cells than the header; they are cut and
    sent as they are.
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
        """`key_columns` is empty where only Marketo knows them and could not be asked.

        `repeated` counts the rows whose key an earlier row has.
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
        self._keys: list[int] = []  # the positions of the key's columns in a row
        self._following: _OpenPart | None = None  # the part that follows the order of the file
        self._deferred: dict[int, _OpenPart] = {}  # parts of deferred duplicates, by key bucket
        self._parts = 0
        self.columns: tuple[str, ...] = ()
        self.rows = 0
        self.ragged_rows = 0
        self.first_ragged_rows: list[int] = []  # their numbers

    def feed(self, text: bytes) -> Iterator[PartFile]:
        """The parts that this text fills. Errors: BadFile, each with a stable code."""
        for block in blocks_of_rows(text):
            yield from self._take(self._scanner.feed(block))

    def finish(self) -> Iterator[PartFile]:
        """The last parts. Errors: BadFile."""
        yield from self._take(self._scanner.finish())
        if not self.columns:
            raise BadFile("The file is empty. Send a header line and at least one row.", code="empty_file")
        if not self.rows:
            raise BadFile("The file has a header and no rows. There is nothing to import.", code="no_rows")
        if self._following:
            yield self._closed(self._following, has_deferred_rows=False)
        yield from self._merge_buckets()

    def let_go(self) -> Iterator[PartFile]:
        """The open parts, as full as they are, to free memory. Later rows go into further parts."""
        if self._following:
            yield self._close_following()
        for bucket in sorted(self._deferred):
            yield self._closed(self._deferred.pop(bucket), has_deferred_rows=True)
        self._seen.shrink()
        if self._repeated:
            self._repeated.shrink()

    @property
    def memory_bytes(self) -> tuple[int, int]:
        """(bytes in use, bytes that would be in use after `let_go`)."""
        inspected = self._inspection.memory_bytes if self._inspection else 0
        fixed = self._scanner.memory_bytes + inspected + HEADER_COPIES * len(self._header)
        counting, least_counting = self._repeated.memory_bytes if self._repeated else (0, 0)
        parts = [part for part in (self._following, *self._deferred.values()) if part]
        return (
            fixed + counting + self._seen.memory_bytes + sum(part.memory_bytes for part in parts),
            fixed + least_counting + self._seen.least_bytes,
        )

    @property
    def place(self) -> tuple[int, int, str | None]:
        """(row, column, the column's name) of the place at which the text so far ends."""
        row, column = self._scanner.place
        return row, column, self.columns[column - 1] if 0 < column <= len(self.columns) else None

    def _take(self, records: Records) -> Iterator[PartFile]:
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
            is_duplicate = (rows.digests != NONE) & self._seen.has(rows.digests)
            following = np.flatnonzero(~is_duplicate)
            taken = 0
            if len(following):
                self._following = self._following or self._opened()
                taken = self._following.take(rows, following)
            done = int(following[taken]) if taken < len(following) else len(rows)  # rows that are in a part now
            yield from self._defer(rows, np.flatnonzero(is_duplicate[:done]))
            if done < len(rows):
                yield self._close_following()
            rows = rows.behind(done)

    def _close_following(self) -> PartFile:
        """Close the part that follows the file. Later rows with one of its keys are deferred duplicates."""
        assert self._following, "there was no room for a row in it"
        part, self._following = self._closed(self._following, has_deferred_rows=False), None
        if part.keys is not None:
            self._seen.add(part.keys)
        return part

    def _defer(self, rows: _Rows, which: Offsets) -> Iterator[PartFile]:
        """Put deferred duplicates into the parts of their key buckets. Returns the parts that are full."""
        buckets = rows.digests[which] % np.uint64(KEY_BUCKETS)
        for bucket in range(KEY_BUCKETS):
            left = which[buckets == bucket]
            while len(left):
                if bucket not in self._deferred:
                    self._deferred[bucket] = self._opened()
                part = self._deferred[bucket]
                left = left[part.take(rows, left) :]
                if len(left):
                    yield self._closed(self._deferred.pop(bucket), has_deferred_rows=True)

    def _merge_buckets(self) -> Iterator[PartFile]:
        """The rest of all buckets, in as few parts as possible. Buckets share no key, so their order is free."""
        parts = sorted(self._deferred.values(), key=lambda part: not part.ended)  # the last record may lack a line end
        last = parts.pop(0) if parts else None
        for part in parts:
            for rows in part.reread(self._format.delimiter):
                left = np.arange(len(rows))
                while last and len(left := left[last.take(rows, left) :]):
                    yield self._closed(last, has_deferred_rows=True)
                    last = self._opened()
        if last:
            yield self._closed(last, has_deferred_rows=True)

    def _opened(self) -> _OpenPart:
        return _OpenPart(self._header, self._limit_bytes)

    def _closed(self, part: _OpenPart, *, has_deferred_rows: bool) -> PartFile:
        self._parts += 1
        return part.closed(self._parts, has_deferred_rows=has_deferred_rows, keyless=not self._key_columns)

    def _labelled(self, records: Records) -> _Rows:
        """The records with their row numbers and key digests. Errors: BadFile record_too_large."""
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
            first = numbers[ragged[:RAGGED_KEPT]].tolist()
            known_numbers = [number for number in first if number != row_numbers.UNKNOWN]
            self.first_ragged_rows = [*self.first_ragged_rows, *known_numbers][:RAGGED_KEPT]

    def _take_header(self, record: bytes) -> None:
        if len(record) >= self._limit_bytes:
            raise too_large(0, self._limit_bytes)
        header = Header.read(record, self._format, self._key_columns)
        if self._inspection:
            self._inspection.header(header.columns)
        self.columns, self._header = header.columns, header.line
        self._keys = key_places(self.columns, self._key_columns)


def blocks_of_rows(text: bytes) -> Iterator[bytes]:
    """A text, cut where its rows are so short that arrays with some numbers for each would be far larger than it."""
    rows = text.count(b"\n") + text.count(b"\r")
    step = len(text) * ROWS_AT_ONCE // rows if rows > ROWS_AT_ONCE else len(text)
    for at in range(0, len(text), max(1, step)):
        yield text[at : at + step]


def _runs(starts: Offsets, ends: Offsets) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of records that follow each other directly."""
    breaks = np.flatnonzero(starts[1:] != ends[:-1])
    firsts, lasts = np.concatenate(([0], breaks + 1)), np.concatenate((breaks, [len(ends) - 1]))
    yield from zip(starts[firsts].tolist(), ends[lasts].tolist(), strict=True)
