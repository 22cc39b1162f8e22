"""An uploaded file, from its bytes as sent to the pieces that become parts. What cannot be read says where."""

from collections.abc import Iterator

from app.domain.errors import BadFile, Detail
from app.files.corrected_file import Corrected
from app.files.cutting import Cutter, Piece
from app.files.decoding import SAMPLE_BYTES, Decoder, Unreadable


class UploadedFile:
    def __init__(self, decoder: Decoder, cutter: Cutter, corrected: Corrected | None = None) -> None:
        self._decoder = decoder
        self._cutter = cutter
        self._corrected = corrected
        self._has_ended = False

    def feed(self, chunk: bytes, *, last: bool = False) -> Iterator[Piece]:
        """The pieces that this chunk filled. Heavy: run it in a thread, one piece at a time. Errors: CallerError.

        `last`: nothing comes behind it, as far as is known.
        """
        self._has_ended = last
        yield from self._pieces(self._decoder.feed(chunk))

    def finish(self) -> Iterator[Piece]:
        """The last pieces. Errors: CallerError."""
        self._has_ended = True
        yield from self._pieces(self._decoder.finish())
        if self._corrected:
            yield from self._cutter.feed(self._corrected.finish())
            if not self._cutter.rows and (left_out := self._corrected.left_out()).rows:
                raise BadFile(f"There is no row to send: {left_out.reason}", code="no_rows")
        yield from self._cutter.finish()

    def let_go(self) -> Iterator[Piece]:
        """The pieces that are begun, as they are: others need the memory."""
        yield from self._cutter.let_go()

    @property
    def memory_bytes(self) -> tuple[int, int]:
        """(what is held, what would be after `let_go`)."""
        held, least = self._cutter.memory_bytes
        fixed = self._decoder.memory_bytes + (self._corrected.memory_bytes if self._corrected else 0)
        return held + fixed, least + fixed

    @property
    def size_bytes(self) -> int:
        """After decompression, before the charset is undone; so is the SHA-256."""
        return self._decoder.size_bytes

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
        """Those whose number of cells is not the header's."""
        return self._cutter.ragged_rows

    @property
    def first_ragged_rows(self) -> list[int]:
        """The numbers of the first of them, where they are known."""
        return self._cutter.first_ragged_rows

    @property
    def sample(self) -> bytes:
        """How the file begins, before the charset is undone."""
        return self._decoder.sample

    @property
    def is_in_sample(self) -> bool:
        """Whether that is all of it."""
        return self._has_ended and len(self.sample) < SAMPLE_BYTES

    def _pieces(self, texts: Iterator[bytes]) -> Iterator[Piece]:
        try:
            for text in texts:
                yield from self._cutter.feed(self._corrected.feed(text) if self._corrected else text)
        except Unreadable as reason:
            row, column, name = (self._corrected and self._corrected.place) or self._cutter.place
            where = f"{f'Row {row}' if row else 'The header'}, column {column}{f' ({name})' if name else ''}"
            message = f"{where} holds {reason.what}. {reason.remedy}"
            raise BadFile(message, code=reason.code, details=(Detail(message, row=row, field=name),)) from None
