"""Checksums of what is stored as bytes: nothing is used that is not what was stored."""

import asyncio
import hashlib

LARGE_BYTES = 1 << 18  # are summed up in a thread: a megabyte takes a millisecond or two


class Corrupt(Exception):
    """What is stored has changed since it was stored. It must not be used."""


async def checksum(*contents: bytes | bytearray | None) -> bytes:
    """Of some values together, in their order; each may be missing."""
    if sum(len(content) for content in contents if content) < LARGE_BYTES:
        return _summed(contents)
    return await asyncio.to_thread(_summed, contents)


async def is_whole(expected: bytes | None, *contents: bytes | None) -> bool:
    """Whether these are what the checksum was taken of. What has none, from before there were any, passes."""
    return expected is None or await checksum(*contents) == expected


def _summed(contents: tuple[bytes | bytearray | None, ...]) -> bytes:
    """Each with its length in front, so that nothing can move from one into another."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(b"-" if content is None else b"%d:" % len(content))
        digest.update(content or b"")
    return digest.digest()
