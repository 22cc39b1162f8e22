"""Undoes a Content-Encoding. Takes chunks of any size, and gives pieces of bounded size."""

import zlib
from collections.abc import Iterator
from typing import Protocol

from app.domain.errors import BrokenUpload, UnsupportedMedia
from app.files.compression import zstd

STEP_BYTES = 1 << 20  # that are decompressed in one step, so that a compression bomb is noticed in time
WINDOW_LOG = 23  # zstd's window: a receiver has to support 8 MiB. RFC 9659
SLICE_BYTES = 1 << 12  # compressed bytes that are handled at once: what follows the end of a member is copied
FEW_MEMBERS, TINY_BYTES = 10_000, 64  # more members than that need as many bytes each: each one costs time


class Unpacker(Protocol):
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The decompressed bytes of a chunk, in pieces of bounded size. Errors: BrokenUpload."""

    def finish(self) -> None:
        """Check that the compressed bytes are complete. Errors: BrokenUpload."""

    @property
    def memory_bytes(self) -> int:
        """The memory that the decompressor's window takes."""


class Plain:
    """The unpacker for a body without compression."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if chunk:
            yield chunk

    def finish(self) -> None:
        """Nothing can be missing."""

    @property
    def memory_bytes(self) -> int:
        return 0


class _Members:
    """Counts the members (gzip) or frames (zstd) of a body that was joined as `cat` does it."""

    def __init__(self) -> None:
        self._members = self._bytes = 0

    def took(self, size: int) -> None:
        self._bytes += size

    def ended(self) -> None:
        """Count a member. Errors: BrokenUpload where there are so many and so small ones that no real file has them."""
        self._members += 1
        if self._members > FEW_MEMBERS and self._bytes < TINY_BYTES * self._members:
            raise BrokenUpload(f"The body is packed in {self._members} tiny pieces and more. Compress it as one.")


def _slices(chunk: bytes) -> Iterator[bytes]:
    for at in range(0, len(chunk), SLICE_BYTES):
        yield chunk[at : at + SLICE_BYTES]


class _Gzip:
    """gzip, with any number of members, as `cat a.gz b.gz` makes them."""

    def __init__(self) -> None:
        self._members = _Members()
        self._member = self._new()
        self._inside = False

    @staticmethod
    def _new() -> "zlib._Decompress":
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self._members.took(len(chunk))
        for part in _slices(chunk):
            yield from self._of_members(part)

    def _of_members(self, chunk: bytes) -> Iterator[bytes]:
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
                self._members.ended()
                chunk, self._member, self._inside = self._member.unused_data, self._new(), False

    def finish(self) -> None:
        if self._inside:
            raise BrokenUpload("The gzip body ends in the middle. Send the file again.")

    @property
    def memory_bytes(self) -> int:
        return 1 << zlib.MAX_WBITS


class _Zstd:
    """zstd, with any number of frames."""

    def __init__(self) -> None:
        self._members = _Members()
        self._frame = self._new()
        self._frame_bytes = 0  # that were decompressed from it
        self._inside = False

    @staticmethod
    def _new() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self._members.took(len(chunk))
        for part in _slices(chunk):
            yield from self._of_frames(part)

    def _of_frames(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            self._inside = True
            yield from self._of_frame(chunk)
            chunk = b""
            if self._frame.eof:
                self._members.ended()
                chunk, self._frame, self._inside = self._frame.unused_data, self._new(), False
                self._frame_bytes = 0

    def _of_frame(self, chunk: bytes) -> Iterator[bytes]:
        while chunk or not (self._frame.needs_input or self._frame.eof):
            try:
                piece = self._frame.decompress(chunk, STEP_BYTES)
            except zstd.ZstdError as reason:
                if "too much memory" in str(reason):
                    why = f"Its window is larger than {1 << WINDOW_LOG} bytes. Compress it without --long or --ultra."
                    raise BrokenUpload(f"The zstd body cannot be taken. {why}", code="zstd_window") from None
                raise BrokenUpload("The body is not the zstd that Content-Encoding says it is.") from None
            chunk = b""
            self._frame_bytes += len(piece)
            if piece:
                yield piece

    def finish(self) -> None:
        if self._inside:
            raise BrokenUpload("The zstd body ends in the middle. Send the file again.")

    @property
    def memory_bytes(self) -> int:
        return min(self._frame_bytes, 1 << WINDOW_LOG)


def unpacker(content_encoding: str | None) -> Unpacker:
    """The unpacker for a Content-Encoding. Errors: UnsupportedMedia unsupported_encoding."""
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
