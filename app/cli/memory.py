"""Gives free memory back to the machine: by itself, glibc keeps much of it for later."""

import asyncio
import ctypes
from contextlib import suppress
from dataclasses import dataclass

from app.uploads.admission import Admission

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BYTES = 1 << 20  # a part's file and what it is packed into
LOOSE_BYTES = 1 << 22  # free bytes kept at a heap's end: the next block of a file needs them again
TRIM_SECONDS = 1.0


def keep_small() -> None:
    """Use two heaps instead of one for each thread, and allocate large blocks outside of them.

    Large blocks are then given back as soon as they are freed.
    """
    with suppress(AttributeError):  # another C library has no such word
        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, 2)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, LOOSE_BYTES)


@dataclass(frozen=True, slots=True)
class Trim:
    """After uploads, also gives back what is free in the middle of the heaps."""

    admission: Admission

    async def run(self) -> None:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        ended_uploads = 0
        while trim:
            await asyncio.sleep(TRIM_SECONDS)
            if self.admission.ended != ended_uploads:
                ended_uploads = self.admission.ended
                await asyncio.to_thread(trim, 0)
