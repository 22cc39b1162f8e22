"""An uploaded file: turns its bytes as sent into parts. An error says in which row and column it is."""

from collections.abc import Iterator

from app.domain.errors import BadFile, Detail
from app.files.column_mapping import ColumnMapping
from app.files.corrected_file import Corrected
from app.files.cutting import Cutter, PartFile
from app.files.decoding import SAMPLE_BYTES, Decoder, Unreadable


class UploadedFile:
    def __init__(
        self,
        decoder: Decoder,
        cutter: Cutter,
        corrected: Corrected | None = None,
        mapping: ColumnMapping | None = None,
    ) -> None:
        self._decoder = decoder
        self._cutter = cutter
        self._corrected = corrected
        self._mapping = mapping
        self._has_ended = False

    def feed(self, chunk: bytes, *, last: bool = False) -> Iterator[PartFile]:
        """The parts that this chunk fills. Heavy: run it in a thread, one part at a time. Errors: CallerError.

        `last`: this is the last chunk, as far as is known.
        """
        self._has_ended = last
        yield from self._pieces(self._decoder.feed(chunk))

    def finish(self) -> Iterator[PartFile]:
        """The last parts. Errors: CallerError."""
        self._has_ended = True
        yield from self._pieces(self._decoder.finish())
        if self._corrected:
            yield from self._cut(self._corrected.finish())
        if self._mapping:
            for text in self._mapping.finish():
                yield from self._cutter.feed(text)
        if self._corrected and not self._cutter.rows and (left_out := self._corrected.left_out()).rows:
            raise BadFile(f"There is no row to send: {left_out.reason}", code="no_rows")
        yield from self._cutter.finish()

    def let_go(self) -> Iterator[PartFile]:
        """The open parts, as full as they are, to free memory."""
        yield from self._cutter.let_go()

    @property
    def memory_bytes(self) -> tuple[int, int]:
        """(bytes in use, bytes that would be in use after `let_go`)."""
        used_bytes, least_bytes = self._cutter.memory_bytes
        before = (self._decoder, self._corrected, self._mapping)
        fixed_bytes = sum(stage.memory_bytes for stage in before if stage)
        return used_bytes + fixed_bytes, least_bytes + fixed_bytes

    @property
    def size_bytes(self) -> int:
        """The size of the file after decompression, in its own charset; the SHA-256 is of the same bytes."""
        return self._decoder.size_bytes

    @property
    def sent_bytes(self) -> int:
        """How much of it has come, compressed as it was sent."""
        return self._decoder.sent_bytes

    @property
    def sha256(self) -> str:
        return self._decoder.sha256

    @property
    def columns(self) -> tuple[str, ...]:
        return self._cutter.columns

    @property
    def rows(self) -> int:
        return self._cutter.rows

    @property
    def ragged_rows(self) -> int:
        """Rows with more or fewer cells than the header."""
        return self._cutter.ragged_rows

    @property
    def first_ragged_rows(self) -> list[int]:
        """The row numbers of the first ragged rows, where they are known."""
        return self._cutter.first_ragged_rows

    @property
    def sample(self) -> bytes:
        """The beginning of the file, in its own charset."""
        return self._decoder.sample

    @property
    def is_in_sample(self) -> bool:
        """Whether the sample is the whole file."""
        return self._has_ended and len(self.sample) < SAMPLE_BYTES

    @property
    def _place(self) -> tuple[int, int, str | None]:
        """(row, column, the column's name in the file) of the place at which the text so far ends."""
        for stage in (self._corrected, self._mapping):
            if stage and stage.place:
                return stage.place
        row, column, name = self._cutter.place
        return row, column, (self._mapping and self._mapping.name_of(column)) or name

    def _cut(self, text: bytes) -> Iterator[PartFile]:
        for mapped in self._mapping.feed(text) if self._mapping else (text,):
            yield from self._cutter.feed(mapped)

    def _pieces(self, texts: Iterator[bytes]) -> Iterator[PartFile]:
        try:
            for text in texts:
                yield from self._cut(self._corrected.feed(text) if self._corrected else text)
        except Unreadable as reason:
            row, column, name = self._place
            where = f"{f'Row {row}' if row else 'The header'}, column {column}{f' ({name})' if name else ''}"
            message = f"{where} holds {reason.what}. {reason.remedy}"
            raise BadFile(message, code=reason.code, details=(Detail(message, row=row, field=name),)) from None
