"""Integrity: whether what is stored is still what was stored. A person asks; nothing is changed."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum

from app.files.compression import unpacked, zstd
from app.store import integrity
from app.store.database import Database
from app.store.integrity import CONTENTS, Stored
from app.store.tables import part_file, part_keys


class Condition(StrEnum):
    WHOLE = "whole"
    UNCHECKED = "unchecked"  # stored before there were checksums, and can be read
    CORRUPT = "corrupt"


@dataclass(frozen=True, slots=True)
class Finding:
    """The condition of one stored value."""

    table: str
    import_id: int
    part: int
    part_state: str | None
    condition: Condition


@dataclass(frozen=True, slots=True)
class Integrity:
    db: Database

    async def count(self) -> int:
        """How many values there are to look at."""
        async with self.db.read() as tx:
            return await integrity.count(tx)

    async def complaints(self) -> list[str]:
        """What the database itself finds wrong with its file."""
        async with self.db.read() as tx:
            return await integrity.complaints(tx)

    async def look(self) -> AsyncGenerator[Finding, None]:
        """Each value that is stored as bytes, one after the other. Some megabytes are held at a time."""
        for table in CONTENTS:
            after = None
            while True:
                async with self.db.read() as tx:
                    values = await integrity.some(tx, table, after=after)
                if not values:
                    break
                after = values[-1].key
                for value in values:
                    condition = await asyncio.to_thread(_condition, value)
                    yield Finding(value.table, value.import_id, value.part_number, value.state, condition)


def _condition(stored: Stored) -> Condition:
    if not stored.whole:
        return Condition.CORRUPT
    if stored.has_checksum:
        return Condition.WHOLE
    return Condition.UNCHECKED if _can_be_read(stored) else Condition.CORRUPT


def _can_be_read(stored: Stored) -> bool:
    """What can be told of a value without a checksum."""
    if stored.table == part_keys.name:
        return len(stored.contents[0] or b"") % 8 == 0
    try:
        sizes = [sum(map(len, unpacked(content))) for content in stored.contents if content]
    except (zstd.ZstdError, EOFError):
        return False
    return stored.table != part_file.name or sizes[:1] == [stored.part_bytes]
