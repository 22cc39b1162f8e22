"""Compression of stored bytes: zstd frames in sequence, so that a file can be written and read in blocks."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 1  # takes half the time of the library's default; rows of people become at most a tenth larger
STEP_BYTES = 1 << 20  # that are decompressed in one step

_packers = ThreadPoolExecutor(2, thread_name_prefix="packer")


def pack(plain: bytes) -> bytes:
    """Compress to one frame. Frames may be joined: they decompress to the joined texts."""
    return zstd.compress(plain, level=LEVEL)


def pack_aside(plain: bytes) -> Future[bytes]:
    """Compress in another thread while the caller goes on."""
    return _packers.submit(pack, plain)


def unpacked(packed: bytes) -> Iterator[bytes]:
    """Decompress frames, at most STEP_BYTES at a time."""
    while packed:
        frame = zstd.ZstdDecompressor()
        while not frame.eof:
            yield frame.decompress(packed, STEP_BYTES)
            packed = b""
        packed = frame.unused_data


__all__ = ["pack", "pack_aside", "unpacked", "zstd"]
