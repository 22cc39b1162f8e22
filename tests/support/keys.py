"""Keys of SLUICE_ENCRYPTION_KEYS for tests, and what lies on the disk."""

import base64
from typing import Any

from sqlalchemy import select

from app.encryption.vault import Vault, build_vault
from app.files.compression import unpacked, zstd
from app.store.database import Database
from app.store.tables import metadata


def key(number: int) -> str:
    """A key, each number another one."""
    return base64.b64encode(bytes([number, *range(31)])).decode()


FIRST, SECOND, THIRD = key(1), key(2), key(3)


def vault(*keys: str) -> Vault:
    return build_vault(",".join(keys) or None)


def give_keys(db: Database, *keys: str) -> None:
    """As a process that was started anew with this setting."""
    db.vault = vault(*keys)


async def stored_bytes(db: Database, *, files: bool = True) -> bytes:
    """All that lies in the database, table by table; what is packed, unpacked too. Of SQLite its files besides."""
    found: list[bytes] = []
    async with db.read() as tx:
        for table in metadata.sorted_tables:
            for row in await tx.execute(select(table)):
                found += [_as_bytes(value) for value in row]
    if files and db.path:
        found += [path.read_bytes() for path in db.path.parent.glob(f"{db.path.name}*")]
    return b"\n".join(found)


def _as_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes | memoryview):
        return str(value).encode()
    try:
        return bytes(value) + b"".join(unpacked(bytes(value)))
    except (zstd.ZstdError, EOFError):
        return bytes(value)
