"""Discards: uploads that are not to become imports, taken away a few parts at a time.

An upload is given up first: from that commit on nobody can accept it, or add to it. Then its parts go, and itself at
last; a process that dies between leaves the rest to the next one.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update

from app.store.tables import import_, part
from app.store.transaction import Transaction

PARTS_AT_ONCE = 10  # of at most 10 MB each


async def give_up(tx: Transaction, import_id: int, *, at: datetime) -> None:
    """One upload that has not become an import. Nothing, where it has, or is gone."""
    await _give_up(tx, import_.c.id == import_id, at=at)


async def give_up_idle(tx: Transaction, *, untouched_since: datetime, at: datetime) -> None:
    """Those that were broken off: nothing more has come of them since then."""
    await _give_up(tx, import_.c.touched_at < untouched_since, at=at)


async def give_up_all(tx: Transaction, *, at: datetime) -> None:
    """Where this is the only process, and takes nothing in yet."""
    await _give_up(tx, at=at)


async def go_on(tx: Transaction, import_id: int | None = None) -> bool:
    """Take away some of what was given up, of one upload or of any. False: nothing is left of it."""
    given_up: list[ColumnElement[bool]] = [import_.c.status.is_(None), import_.c.file_erased_at.is_not(None)]
    if import_id is not None:
        given_up.append(import_.c.id == import_id)
    next_one = select(import_.c.id).where(*given_up).order_by(import_.c.id).limit(1)
    locked = next_one.with_for_update(skip_locked=import_id is None)
    upload_id = (await tx.execute(locked)).scalar_one_or_none()
    if upload_id is None:
        return False
    few_parts = select(part.c.id).where(part.c.import_id == upload_id).limit(PARTS_AT_ONCE)
    if not (await tx.execute(delete(part).where(part.c.id.in_(few_parts)))).rowcount:
        await tx.execute(delete(import_).where(import_.c.id == upload_id))
    return True


async def _give_up(tx: Transaction, *which: ColumnElement[bool], at: datetime) -> None:
    unborn = (import_.c.status.is_(None), import_.c.file_erased_at.is_(None))
    await tx.execute(update(import_).where(*unborn, *which).values(file_erased_at=at))
