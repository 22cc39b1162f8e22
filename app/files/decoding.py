"""Undo what the way here did to a file: compression, charset, byte order mark. Push style: any chunking will do."""

import codecs
import hashlib
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from app.domain.errors import BadFile, BrokenUpload, TooLarge, UnsupportedMedia
from app.files.packing import zstd

STEP_BYTES = 1 << 20  # what is unpacked in one turn: a bomb is noticed before it has gone off
BOMB_RATIO = 1000  # plain bytes to packed ones beyond which nobody's rows shrink
BOMB_BYTES = 1 << 26  # below this size a ratio says nothing
WINDOW_LOG = 23  # zstd's window: 8 MiB is what a receiver has to have. RFC 9659
BOM = codecs.BOM_UTF8
NO_STREAM = frozenset({"idna", "punycode", "utf-7", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs that hold a whole text back, or are none for texts."""
MAGIC = {
    b"PK\x03\x04": "This is an archive, an Excel workbook perhaps. Save it as CSV and send that.",
    b"\x1f\x8b": "This is packed with gzip. Say so with Content-Encoding: gzip.",
    b"\x28\xb5\x2f\xfd": "This is packed with zstd. Say so with Content-Encoding: zstd.",
    b"%PDF-": "This is a PDF. Send the rows as CSV.",
}


class Unreadable(Exception):
    """The bytes behind those that were handed out are no text. Where that is, only the reader of the text knows."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"{what}. {remedy}")
        self.code = code
        self.what = what
        self.remedy = remedy


class Decoder:
    """From bytes as sent to UTF-8 without a byte order mark.

    `size_bytes` and `sha256` are those of the uploaded file: after decompression, before the charset is undone.
    """

    def __init__(self, *, content_encoding: str | None, charset: str, limit_bytes: int) -> None:
        self._unpacker = _unpacker(content_encoding)
        self._text = _text(charset)
        self._charset = charset
        self._limit_bytes = limit_bytes
        self._digest = hashlib.sha256()
        self._begun = False
        self._sent_bytes = 0
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

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
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(f"The file is larger than the {self._limit_bytes} bytes that are taken. Send it in pieces.")
        if self.size_bytes > max(BOMB_BYTES, BOMB_RATIO * self._sent_bytes):
            raise TooLarge(
                f"The body unpacks to more than {BOMB_RATIO} times its size. If it is no bomb, send it uncompressed.",
                code="compression_bomb",
            )

    def _readable(self, piece: bytes, *, final: bool) -> Iterator[bytes]:
        if piece and self.size_bytes == len(piece):
            _refuse_what_is_no_text(piece)
        text, good = self._text(piece, final)
        if text and not self._begun:
            self._begun = True
            text = text.removeprefix(BOM)
        nul = text.find(b"\0")
        if text[:nul] if nul >= 0 else text:
            yield text[:nul] if nul >= 0 else text
        if nul >= 0:
            raise Unreadable("nul_byte", "a NUL byte", "Is the file UTF-16? Then say so with `charset`.")
        if not good:
            raise Unreadable("bad_bytes", f"bytes that are not {self._charset}", "Name the file's real charset.")


def _refuse_what_is_no_text(begun: bytes) -> None:
    """By how it begins. Errors: BadFile not_delimited."""
    for magic, told in MAGIC.items():
        if begun.startswith(magic):
            raise BadFile(told, code="not_delimited")


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


class Unpacker(Protocol):
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The plain bytes of a packed chunk, a bounded piece at a time. Errors: BrokenUpload."""

    def finish(self) -> None:
        """Errors: BrokenUpload where the packed bytes end too early."""


class _Plain:
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if chunk:
            yield chunk

    def finish(self) -> None:
        """Nothing can be missing."""


class _Gzip:
    """gzip, with any number of members, as `cat a.gz b.gz` makes them."""

    def __init__(self) -> None:
        self._member = self._new()
        self._inside = False

    @staticmethod
    def _new() -> "zlib._Decompress":
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            self._inside = True
            try:
                piece = self._member.decompress(chunk, STEP_BYTES)
            except zlib.error:
                raise BrokenUpload("The body is not the gzip that Content-Encoding says it is.") from None
            if piece:
                yield piece
            chunk = self._member.unconsumed_tail
            if self._member.eof:
                chunk, self._member, self._inside = self._member.unused_data, self._new(), False

    def finish(self) -> None:
        if self._inside:
            raise BrokenUpload("The gzip body ends in the middle. Send the file again.")


class _Zstd:
    """zstd, with any number of frames."""

    def __init__(self) -> None:
        self._frame = self._new()
        self._inside = False

    @staticmethod
    def _new() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            self._inside = True
            yield from self._of_frame(chunk)
            chunk = b""
            if self._frame.eof:
                chunk, self._frame, self._inside = self._frame.unused_data, self._new(), False

    def _of_frame(self, chunk: bytes) -> Iterator[bytes]:
        while chunk or not (self._frame.needs_input or self._frame.eof):
            try:
                piece = self._frame.decompress(chunk, STEP_BYTES)
            except zstd.ZstdError as reason:
                if "too much memory" in str(reason):
                    told = f"Its window is larger than {1 << WINDOW_LOG} bytes. Compress it without --long or --ultra."
                    raise BrokenUpload(f"The zstd body cannot be taken. {told}", code="zstd_window") from None
                raise BrokenUpload("The body is not the zstd that Content-Encoding says it is.") from None
            chunk = b""
            if piece:
                yield piece

    def finish(self) -> None:
        if self._inside:
            raise BrokenUpload("The zstd body ends in the middle. Send the file again.")


def _unpacker(content_encoding: str | None) -> Unpacker:
    match (content_encoding or "identity").strip().lower():
        case "identity" | "":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Gzip()
        case "zstd":
            return _Zstd()
        case unknown:
            raise UnsupportedMedia(
                f"Content-Encoding {unknown!r} is not known here. Use gzip, zstd or none.", code="unsupported_encoding"
            )


_Text = Callable[[bytes, bool], tuple[bytes, bool]]
"""A piece and whether it is the last → (its text in UTF-8 as far as it is good, whether all of it is)."""


def _text(charset: str) -> _Text:
    try:
        found = codecs.lookup(charset)
        if not found._is_text_encoding or found.name in NO_STREAM:  # noqa: SLF001  # as str.encode itself asks
            raise LookupError(charset)
    except (LookupError, ValueError):  # ValueError: the name itself holds a NUL or half a character
        raise UnsupportedMedia(
            f"Files in {charset!r} are not read here. Use utf-8, utf-16, cp1252 or another of Python's names for a "
            "character set.",
            code="unsupported_charset",
        ) from None
    return _utf8() if found.name in {"utf-8", "utf-8-sig"} else _converted(charset)


def _utf8() -> _Text:
    """What is UTF-8 already is looked at and left as it is."""
    held = b""

    def text(piece: bytes, final: bool) -> tuple[bytes, bool]:
        nonlocal held
        piece, held = held + piece, b""
        if piece.isascii():
            return piece, True
        try:
            _, good = codecs.utf_8_decode(piece, "strict", final)
        except UnicodeDecodeError as error:
            return piece[: error.start], False
        held = piece[good:]
        return piece[:good], True

    return text


def _converted(charset: str) -> _Text:
    decoder = codecs.getincrementaldecoder(charset)()

    def text(piece: bytes, final: bool) -> tuple[bytes, bool]:
        before = decoder.getstate()
        try:
            return decoder.decode(piece, final).encode(), True
        except UnicodeDecodeError as error:
            good = len(piece) - (len(error.object) - error.start)  # `object` may begin with bytes held back before
            decoder.setstate(before)
            return decoder.decode(piece[: max(good, 0)]).encode(), False

    return text
