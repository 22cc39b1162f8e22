"""Content that is sealed by a data key, each with what it is and whose: so nothing can stand in another's place."""

import asyncio
from typing import TYPE_CHECKING

from app.encryption.errors import BrokenSeal
from app.store.blobs import LARGE_BYTES, Corrupt

if TYPE_CHECKING:
    from app.encryption.sealing import DataKey


def part_file_of(import_id: int, number: int) -> str:
    """The context of a part's file."""
    return f"part-file/{import_id}/{number}"


def record_keys_of(import_id: int, number: int) -> str:
    """The context of a part's record keys."""
    return f"record-keys/{import_id}/{number}"


def result_file_of(job_id: int, kind: str) -> str:
    """The context of a job's result file."""
    return f"result-file/{job_id}/{kind}"


async def seal(key: "DataKey", content: bytes, context: str) -> bytes | bytearray:
    """Large content is sealed in a thread."""
    if len(content) < LARGE_BYTES:
        return key.seal(content, context)
    return await asyncio.to_thread(key.seal, content, context)


async def unseal(key: "DataKey", content: bytes, context: str) -> bytes:
    """Errors: Corrupt."""
    try:
        if len(content) < LARGE_BYTES:
            return key.open(content, context)
        return await asyncio.to_thread(key.open, content, context)
    except BrokenSeal as broken:
        raise Corrupt(f"{context}: {broken}") from None
