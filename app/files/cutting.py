"""Records into parts: each with the header, each as full as it may be, each record's bytes untouched."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import zstandard

from app.domain.errors import BadFile, Detail
from app.domain.imports import Format
from app.files.records import RecordScanner, cells, line


@dataclass(frozen=True, slots=True)
class Piece:
    """A part's file: the header and some records, as one zstd blob."""

    number: int  # 1 is the first
    blob: bytes
    size_bytes: int  # plain, header included
    rows: int
    first_row: int  # 1 = the first row after the header of the uploaded file


def opened(blob: bytes) -> Iterator[bytes]:
    """The plain bytes of a piece, a bounded chunk at a time."""
    with zstandard.ZstdDecompressor().stream_reader(blob) as reader:
        while chunk := reader.read(1 << 16):
            yield chunk


class _OpenPiece:
    """A piece that still grows; compressed as it grows."""

    def __init__(self, number: int, first_row: int, header: bytes) -> None:
        self.number = number
        self.first_row = first_row
        self.rows = 0
        self._packer = zstandard.ZstdCompressor(level=3).compressobj()
        self._packed = [self._packer.compress(header)]
        self.size_bytes = len(header)

    def add(self, record: bytes) -> None:
        self._packed.append(self._packer.compress(record))
        self.size_bytes += len(record)
        self.rows += 1

    def closed(self) -> Piece:
        self._packed.append(self._packer.flush())
        return Piece(self.number, b"".join(self._packed), self.size_bytes, self.rows, self.first_row)


class Cutter:
    """Push text in, get pieces out. `columns` is known after the header, `rows` counts as it goes."""

    def __init__(self, *, format: Format, limit_bytes: int, required: tuple[str, ...]) -> None:  # noqa: A002
        self._format = format
        self._limit_bytes = limit_bytes
        self._required = required
        self._scanner = RecordScanner(format.delimiter, limit_bytes=limit_bytes)
        self._header = b""
        self._open: _OpenPiece | None = None
        self.columns: tuple[str, ...] = ()
        self.rows = 0

    def feed(self, text: bytes) -> list[Piece]:
        """Errors: BadFile, each with a stable code."""
        return self._take(self._scanner.feed(text))

    def finish(self) -> list[Piece]:
        pieces = self._take(self._scanner.finish())
        if not self.columns:
            raise BadFile("The file is empty. Send a header line and at least one row.", code="empty_file")
        if self._open is None:
            raise BadFile("The file has a header and no rows. There is nothing to import.", code="no_rows")
        return [*pieces, self._open.closed()]

    def _take(self, records: list[bytes]) -> list[Piece]:
        pieces = []
        for record in records:
            if not self.columns:
                self._take_header(record)
            elif piece := self._take_row(record):
                pieces.append(piece)
        return pieces

    def _take_row(self, record: bytes) -> Piece | None:
        self.rows += 1
        if len(self._header) + len(record) > self._limit_bytes:
            message = f"Row {self.rows} alone is larger than the {self._limit_bytes} bytes of a part. Shorten it."
            raise BadFile(message, code="record_too_large", details=(Detail(message, row=self.rows),))
        full = None
        if self._open and self._open.size_bytes + len(record) > self._limit_bytes:
            full, self._open = self._open.closed(), None
        if self._open is None:
            number = full.number + 1 if full else 1
            self._open = _OpenPiece(number, self.rows, self._header)
        self._open.add(record)
        return full

    def _take_header(self, record: bytes) -> None:
        found = cells(record, self._format.delimiter)
        self.columns = tuple(cell.strip() for cell in found)
        self._check_columns()
        self._header = record if list(self.columns) == found else self._written(record)

    def _written(self, record: bytes) -> bytes:
        """The header with its cells trimmed, ending as it did: Marketo takes ` email` and then fails every row."""
        end = record[len(record.rstrip(b"\r\n")) :].decode()
        return line(self.columns, self._format.delimiter, end)

    def _check_columns(self) -> None:
        blank = [number for number, name in enumerate(self.columns, 1) if not name]
        if blank:
            message = f"Column {blank[0]} has no name. Name every column by its API name, or leave the column out."
            raise BadFile(message, code="blank_column", details=(Detail(message, field=str(blank[0])),))
        doubled = [name for name, count in Counter(name.lower() for name in self.columns).items() if count > 1]
        if doubled:
            message = f"Column {doubled[0]!r} stands in the header twice. Keep one of them."
            raise BadFile(message, code="duplicate_column", details=(Detail(message, field=doubled[0]),))
        known = {name.lower() for name in self.columns}
        missing = [name for name in self._required if name.lower() not in known]
        if missing:
            message = f"Column {missing[0]!r} is missing; found: {', '.join(self.columns)}.{self._other_format()}"
            details = tuple(Detail(f"the column {name!r} is missing", field=name) for name in missing)
            raise BadFile(message, code="missing_column", details=details)

    def _other_format(self) -> str:
        for other in Format:
            if other is not self._format and len(self.columns) == 1 and other.delimiter in self.columns[0]:
                return f" The header looks like {other}: say so with `format={other}`."
        return ""
