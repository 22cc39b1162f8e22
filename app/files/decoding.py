"""Decodes an uploaded file: undoes its compression, charset and byte order mark. Takes chunks of any size."""

import hashlib
from collections.abc import Iterator

from app.domain.errors import TooLarge
from app.files.charsets import advice, is_same, lacks_its_mark, readings, told_by_bytes
from app.files.decompression import STEP_BYTES, Plain, unpacker
from app.files.file_kinds import refuse_what_is_no_table
from app.files.preamble import Beginning
from app.files.transcoding import converter

BOMB_RATIO = 1000  # of decompressed to compressed bytes; real rows do not shrink more
BOMB_BYTES = 1 << 26  # below this size the ratio is not checked
SAMPLE_BYTES = 1 << 19  # of a file's beginning that are kept, to find all mistakes if it is refused
RECENT_BYTES = 1 << 12  # before and after bytes that are not in the charset, used to guess the real one


class Unreadable(Exception):
    """The bytes after those that were given out are no text. Only the reader of the text knows which row that is."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what}. {remedy}")
        self.code = code
        self.what = what
        self.remedy = remedy


class Decoder:
    """Turns bytes as sent into UTF-8 without a byte order mark.

    `size_bytes`, `sha256` and `sample` (its beginning) are of the uploaded file: decompressed, in its own charset;
    `sent_bytes` are what came.
    """

    def __init__(self, *, content_encoding: str | None, charset: str, limit_bytes: int) -> None:
        self._unpacker = unpacker(content_encoding)
        self._text = converter(charset)
        self._charset = charset
        self._limit_bytes = limit_bytes
        self._digest = hashlib.sha256()
        self._beginning = Beginning()
        self._packed = not isinstance(self._unpacker, Plain)
        self.sent_bytes = 0
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
        """The text, in blocks of bounded size. Errors: TooLarge, BrokenUpload; Unreadable after all text before it."""
        self.sent_bytes += len(chunk)
        for piece in _joined(self._unpacker.feed(chunk)):
            self._count(piece)
            yield from self._readable(piece, final=False)

    def finish(self) -> Iterator[bytes]:
        """The rest of the text. Errors: BrokenUpload, Unreadable."""
        self._unpacker.finish()
        yield from self._readable(b"", final=True)

    def _count(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        self._digest.update(piece)
        if len(self.sample) < SAMPLE_BYTES:
            self.sample += piece[: SAMPLE_BYTES - len(self.sample)]
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(f"The file is larger than the {self._limit_bytes} bytes that are taken. Send it in pieces.")
        if self.size_bytes > max(BOMB_BYTES, BOMB_RATIO * self.sent_bytes):
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
    """The pieces joined to larger ones: each piece makes the scanner read an unfinished record again."""
    waiting, size = [], 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= STEP_BYTES // 2:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
