"""Undo a Content-Encoding. Push style: any chunking will do, and no piece that comes out is large."""

import zlib
from collections.abc import Iterator
from typing import Protocol

from app.domain.errors import BrokenUpload, UnsupportedMedia
from app.files.packing import zstd

STEP_BYTES = 1 << 20  # what is unpacked in one turn: a bomb is noticed before it has gone off
WINDOW_LOG = 23  # zstd's window: 8 MiB is what a receiver has to have. RFC 9659


class Unpacker(Protocol):
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The plain bytes of a packed chunk, a bounded piece at a time. Errors: BrokenUpload."""

    def finish(self) -> None:
        """Errors: BrokenUpload where the packed bytes end too early."""


class Plain:
    """What is packed in nothing."""

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


def unpacker(content_encoding: str | None) -> Unpacker:
    """What undoes a Content-Encoding. Errors: UnsupportedMedia unsupported_encoding."""
    match (content_encoding or "identity").strip().lower():
        case "identity" | "":
            return Plain()
        case "gzip" | "x-gzip":
            return _Gzip()
        case "zstd":
            return _Zstd()
        case unknown:
            raise UnsupportedMedia(
                f"Content-Encoding {unknown!r} is not known here. Use gzip, zstd or none.", code="unsupported_encoding"
            )
