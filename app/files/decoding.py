"""Undo what the way here did to a file: compression, charset, byte order mark. Push style: any chunking will do."""

import hashlib
from collections.abc import Iterator

from app.domain.errors import TooLarge
from app.files.charsets import advice, is_same, lacks_its_mark, readings, told_by_bytes
from app.files.decompression import STEP_BYTES, Plain, unpacker
from app.files.file_kinds import refuse_what_is_no_table
from app.files.preamble import Beginning
from app.files.transcoding import converter

BOMB_RATIO = 1000  # plain bytes to packed ones beyond which nobody's rows shrink
BOMB_BYTES = 1 << 26  # below this size a ratio says nothing
SAMPLE_BYTES = 1 << 19  # of a file's beginning, kept to look at once it is refused
RECENT_BYTES = 1 << 12  # before and behind bytes that are not in the charset


class Unreadable(Exception):
    """The bytes behind those that were handed out are no text. Where that is, only the reader of the text knows."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what}. {remedy}")
        self.code = code
        self.what = what
        self.remedy = remedy


class Decoder:
    """From bytes as sent to UTF-8 without a byte order mark.

    `size_bytes` and `sha256` are those of the uploaded file: after decompression, before the charset is undone. So is
    `sample`, its beginning.
    """

    def __init__(self, *, content_encoding: str | None, charset: str, limit_bytes: int) -> None:
        self._unpacker = unpacker(content_encoding)
        self._text = converter(charset)
        self._charset = charset
        self._limit_bytes = limit_bytes
        self._digest = hashlib.sha256()
        self._beginning = Beginning()
        self._packed = not isinstance(self._unpacker, Plain)
        self._sent_bytes = 0
        self._recent = b""
        self.size_bytes = 0
        self.sample = b""

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def memory_bytes(self) -> int:
        return self._unpacker.memory_bytes + len(self.sample)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Text, a bounded piece at a time. Errors: TooLarge, BrokenUpload; Unreadable behind all text before it."""
        self._sent_bytes += len(chunk)
        for piece in _joined(self._unpacker.feed(chunk)):
            self._count(piece)
            yield from self._readable(piece, final=False)

    def finish(self) -> Iterator[bytes]:
        """What was still held back. Errors: BrokenUpload, Unreadable."""
        self._unpacker.finish()
        yield from self._readable(b"", final=True)

    def _count(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        self._digest.update(piece)
        if len(self.sample) < SAMPLE_BYTES:
            self.sample += piece[: SAMPLE_BYTES - len(self.sample)]
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(f"The file is larger than the {self._limit_bytes} bytes that are taken. Send it in pieces.")
        if self.size_bytes > max(BOMB_BYTES, BOMB_RATIO * self._sent_bytes):
            raise TooLarge(
                f"The body unpacks to more than {BOMB_RATIO} times its size. If it is no bomb, send it uncompressed.",
                code="compression_bomb",
            )

    def _readable(self, piece: bytes, *, final: bool) -> Iterator[bytes]:
        if piece and self.size_bytes == len(piece):
            refuse_what_is_no_table(piece, packed=self._packed)
        text, bad_at = self._text(piece, final)
        nul = text.find(b"\0")
        ends = final or nul >= 0 or bad_at is not None
        if text := self._beginning.without(text[:nul] if nul >= 0 else text, ends=ends):
            yield text
        if nul >= 0:
            raise self._holds_nul()
        if bad_at is not None:
            before = (self._recent + piece[:bad_at])[-RECENT_BYTES:]
            raise self._is_not_in_charset(before.partition(b"\n")[2] + piece[bad_at : bad_at + RECENT_BYTES])
        self._recent = piece[-RECENT_BYTES:]

    def _holds_nul(self) -> Unreadable:
        charset = told_by_bytes(self.sample)
        is_other = charset is not None and not is_same(charset, self._charset)
        remedy = f"The file is {charset}: say so with `charset={charset}`." if is_other else "Take it out."
        return Unreadable("nul_byte", "a NUL byte", remedy)

    def _is_not_in_charset(self, where: bytes) -> Unreadable:
        remedy, _ = advice(self._charset, readings(self.sample, where))
        if lacks_its_mark(self._charset, self.sample):
            return Unreadable("bad_bytes", f"no byte order mark, which {self._charset} begins with", remedy)
        return Unreadable("bad_bytes", f"bytes that are not {self._charset}", remedy)


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """As few pieces as may be: with each, all that is held of a record is looked at again."""
    held, size = [], 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= STEP_BYTES // 2:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
