"""Memory that is free goes back to the machine: by itself glibc keeps much of it, for a next time."""

import asyncio
import ctypes
from contextlib import suppress
from dataclasses import dataclass

from app.uploads.admission import Admission

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BYTES = 1 << 20  # a part's file and what it is packed into
LOOSE_BYTES = 1 << 22  # at a heap's end, that the next block of a file will want again
TRIM_SECONDS = 1.0


def keep_small() -> None:
    """Two heaps, not one for each thread; and what is large outside of them, given back as soon as it is let go."""
    with suppress(AttributeError):  # another C library has no such word
        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, 2)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, LOOSE_BYTES)


@dataclass(frozen=True, slots=True)
class Trim:
    """After uploads, gives back what lies free in the middle of the heaps, too."""

    admission: Admission

    async def run(self) -> None:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        seen = 0
        while trim:
            await asyncio.sleep(TRIM_SECONDS)
            if self.admission.ended != seen:
                seen = self.admission.ended
                await asyncio.to_thread(trim, 0)
