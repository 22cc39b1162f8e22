"""A file's pieces while its bytes arrive, and nobody else waits for the cutting."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Protocol

from app.domain.imports import Request
from app.files.cutting import PartFile
from app.files.prefetch import prefetch
from app.files.record_keys import as_bytes
from app.store import parts
from app.store.parts import NewPart
from app.store.transaction import Transaction
from app.uploads.admission import Place

BLOCK_BYTES = 1 << 19  # what is worked on at once: enough for array operations to pay, little enough to hold
HEAVY_BLOCK_BYTES = 1 << 17  # of what is packed: a thousand times as much may come out of it
BLOCKS = 3  # that are held: one is cut, the next one is there, the one behind it comes in
NOTHING_YET = PartFile(
    number=0,
    blob=b"",
    header=b"",
    size_bytes=0,
    rows=0,
    first_row=0,
    row_numbers=None,
    has_deferred_rows=False,
    keys=None,
)
"""In the place of a part file: others need the memory, and what has come is to be stored without waiting for more."""
SMALL_BYTES = 1 << 14  # are cut in less than it takes to go to a thread and back


class Cut(Protocol):
    """A file that is cut as it comes: one that is uploaded (UploadedFile), or only looked at (Examination)."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def memory_bytes(self) -> tuple[int, int]:
        """(what is held, what would be after `let_go`)."""

    def feed(self, chunk: bytes, *, last: bool = False) -> Iterator[PartFile]: ...

    def finish(self) -> Iterator[PartFile]: ...

    def let_go(self) -> Iterator[PartFile]: ...


async def part_files_of(
    file: Cut, chunks: AsyncIterator[bytes], place: Place, *, heavy: bool
) -> AsyncGenerator[PartFile, None]:
    """A large file's pieces are cut in threads, while its next block arrives; a small file's at once, in the loop.

    `heavy`: a few bytes of it may be much work, as it is packed, or every cell is looked at. It is never small.
    Errors: CallerError.
    """
    block_bytes = HEAVY_BLOCK_BYTES if heavy else BLOCK_BYTES
    async with aclosing(prefetch(blocks_of(chunks, block_bytes), after=2)) as blocks:
        async for block in blocks:
            await place.room()
            small = not heavy and file.size_bytes + len(block) <= SMALL_BYTES
            if block:
                last = len(block) < block_bytes
                async for part_file in _cut(file.feed(block, last=last), place, in_thread=not small):
                    yield part_file
            async for part_file in _let_go(file, place):
                yield part_file
    async for part_file in _cut(file.finish(), place, in_thread=heavy or file.size_bytes > SMALL_BYTES):
        yield part_file
    _note(file, place)


async def blocks_of(chunks: AsyncIterator[bytes], block_bytes: int) -> AsyncGenerator[bytes, None]:
    """Blocks of so many bytes or more; a smaller one is the last. An empty one is no block: see Place.wake."""
    pending: list[bytes] = []
    size = 0
    async for chunk in chunks:
        if not chunk:
            yield b""
            continue
        pending.append(chunk)
        size += len(chunk)
        if size >= block_bytes:
            yield b"".join(pending)
            pending, size = [], 0
    if size:
        yield b"".join(pending)


async def _let_go(file: Cut, place: Place) -> AsyncIterator[PartFile]:
    """Tell what is held; what is begun, too, where others need the memory."""
    _note(file, place)
    if place.must_store:
        alone = place.first_awaits_more and place.moving_bytes > 0
        async for part_file in _cut(file.let_go(), place, in_thread=True):
            alone = False
            yield part_file
        if alone:
            yield NOTHING_YET
        place.must_store = False
        _note(file, place)


async def _cut(part_files: Iterator[PartFile], place: Place, *, in_thread: bool) -> AsyncIterator[PartFile]:
    while True:
        place.check()
        if in_thread:
            async with place.turn():
                part_file = await asyncio.to_thread(next, part_files, None)
        else:
            part_file = next(part_files, None)
        if part_file is None:
            return
        place.moves(part_file.memory_bytes)
        yield part_file


def _note(file: Cut, place: Place) -> None:
    blocks_bytes = min(file.size_bytes, BLOCKS * BLOCK_BYTES)
    held_bytes, least_bytes = file.memory_bytes
    place.note(held_bytes + blocks_bytes, least_bytes + blocks_bytes)


async def add_part(tx: Transaction, import_id: int, request: Request, part_file: PartFile) -> None:
    """Store one part of an upload."""
    await parts.add(tx, import_id, request, new_part(part_file))


def new_part(part_file: PartFile) -> NewPart:
    """As it is stored."""
    return NewPart(
        number=part_file.number,
        first_row=part_file.first_row,
        rows=part_file.rows,
        size_bytes=part_file.size_bytes,
        blob=part_file.blob,
        row_numbers=part_file.row_numbers,
        keys=None if part_file.keys is None else as_bytes(part_file.keys),
        has_deferred_rows=part_file.has_deferred_rows,
        header=part_file.header,
    )
