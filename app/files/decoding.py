"""Undo what the way here did to a file: compression, charset, byte order mark. Push style: any chunking will do."""

import codecs
import hashlib
import zlib
from collections.abc import Iterator
from typing import Protocol

import zstandard

from app.domain.errors import BadFile, BrokenUpload, Detail, TooLarge, UnsupportedMedia

STEP_BYTES = 1 << 20  # what a decompressor may put out in one turn: a bomb is noticed before it has gone off
ZSTD_STEP_BYTES = 64  # its library cannot bound what comes out, so we bound what goes in: 4 bytes make 128 KiB at most


class Unpacker(Protocol):
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The plain bytes of a packed chunk, a bounded piece at a time. Errors: BrokenUpload."""

    def finish(self) -> None:
        """Errors: BrokenUpload where the packed bytes end too early."""


class Decoder:
    """From bytes as sent to UTF-8 without a byte order mark.

    `size_bytes` and `sha256` are those of the uploaded file: after decompression, before the charset is undone.
    """

    def __init__(self, *, content_encoding: str | None, charset: str, limit_bytes: int) -> None:
        self._unpacker = _unpacker(content_encoding)
        self._text = _text_decoder(charset)
        self._charset = charset
        self._limit_bytes = limit_bytes
        self._digest = hashlib.sha256()
        self._begun = False
        self._lines = 0
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def feed(self, chunk: bytes) -> bytes:
        """Errors: TooLarge, BadFile (bad_bytes, nul_byte), BrokenUpload."""
        return b"".join([self._plain(piece) for piece in self._unpacker.feed(chunk)])

    def finish(self) -> bytes:
        """What was still held back. Errors: BrokenUpload, BadFile."""
        self._unpacker.finish()
        return self._decoded(b"", final=True)

    def _plain(self, piece: bytes) -> bytes:
        self.size_bytes += len(piece)
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(f"The file is larger than the {self._limit_bytes} bytes that are taken. Send it in pieces.")
        self._digest.update(piece)
        return self._decoded(piece, final=False)

    def _decoded(self, piece: bytes, *, final: bool) -> bytes:
        before = self._text.getstate()
        try:
            text = self._text.decode(piece, final)
            plain = text.encode()  # utf-7 and its like can spell halves of characters, which UTF-8 cannot
        except UnicodeError as error:
            if isinstance(error, UnicodeDecodeError):
                good = len(piece) - (len(error.object) - error.start)  # `object` may begin with bytes held back before
                self._text.setstate(before)
                self._lines += self._text.decode(piece[: max(good, 0)]).count("\n")
            elif isinstance(error, UnicodeEncodeError):
                self._lines += error.object[: error.start].count("\n")
            message = f"Row {self._row} holds bytes that are not {self._charset}. Name the file's real charset."
            raise BadFile(message, code="bad_bytes", details=(Detail(message, row=self._row),)) from None
        if not self._begun and text:
            self._begun = True
            plain = plain.removeprefix(codecs.BOM_UTF8)
        if "\0" in text:
            self._lines += text[: text.index("\0")].count("\n")
            message = f"Row {self._row} holds a NUL byte. Is the file UTF-16? Then say so with `charset`."
            raise BadFile(message, code="nul_byte", details=(Detail(message, row=self._row),))
        self._lines += text.count("\n")
        return plain

    @property
    def _row(self) -> int:
        """About where we are: line ends so far; the header is line 0."""
        return self._lines


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
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._inside = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        for start in range(0, len(chunk), ZSTD_STEP_BYTES):
            yield from self._step(chunk[start : start + ZSTD_STEP_BYTES])

    def _step(self, packed: bytes) -> Iterator[bytes]:
        while packed:
            self._inside = True
            try:
                piece = self._frame.decompress(packed)
            except zstandard.ZstdError:
                raise BrokenUpload("The body is not the zstd that Content-Encoding says it is.") from None
            if piece:
                yield piece
            if not self._frame.eof:
                return
            packed, self._inside = self._frame.unused_data, False
            self._frame = zstandard.ZstdDecompressor().decompressobj()

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


def _text_decoder(charset: str) -> codecs.IncrementalDecoder:
    try:
        found = codecs.lookup(charset)
        if not found._is_text_encoding:  # noqa: SLF001  # as str.encode itself asks
            raise LookupError(charset)
        return codecs.getincrementaldecoder(charset)()
    except (LookupError, ValueError):  # ValueError: the name itself holds a NUL or half a character
        raise UnsupportedMedia(
            f"There is no charset {charset!r}. Use utf-8, utf-16, cp1252 or another name that Python knows.",
            code="unsupported_charset",
        ) from None
