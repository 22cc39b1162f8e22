"""A file's pieces while its bytes arrive, and nobody else waits for the cutting."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

from app.ahead import ahead
from app.files.cutting import Piece
from app.files.uploaded import UploadedFile

BLOCK_BYTES = 1 << 19  # what is worked on at once: enough for array operations to pay, little enough to hold
SMALL_BYTES = 1 << 14  # are cut in less than it takes to go to a thread and back


async def pieces_of(file: UploadedFile, chunks: AsyncIterator[bytes], *, packed: bool) -> AsyncGenerator[Piece, None]:
    """A large file's pieces are cut in threads, while its next block arrives; a small file's at once, in the loop.

    What is packed is never small: nobody knows how much comes out of it. Errors: CallerError.
    """
    async with aclosing(ahead(blocks_of(chunks))) as blocks:
        async for block in blocks:
            small = not packed and file.size_bytes + len(block) <= SMALL_BYTES
            last = len(block) < BLOCK_BYTES
            async for piece in _cut(file.feed(block, last=last), in_thread=not small):
                yield piece
    async for piece in _cut(file.finish(), in_thread=file.size_bytes > SMALL_BYTES):
        yield piece


async def blocks_of(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Blocks of BLOCK_BYTES or more; a smaller one is the last."""
    held: list[bytes] = []
    size = 0
    async for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= BLOCK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


async def _cut(pieces: Iterator[Piece], *, in_thread: bool) -> AsyncIterator[Piece]:
    while (piece := await asyncio.to_thread(next, pieces, None) if in_thread else next(pieces, None)) is not None:
        yield piece
