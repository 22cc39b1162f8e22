"""Whether the database can be worked with: read, of the right schema, and written to."""

import asyncio
import math
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.clock import Clock
from app.domain.timeouts import PROBE_KEPT_SECONDS, PROBE_SECONDS
from app.reporting.checks import Check, Level
from app.store import schema
from app.store.data_keys import what_is_missing_here
from app.store.database import Database, WrongSchema, cause

WRITE = text("UPDATE alembic_version SET version_num = version_num")


@dataclass(slots=True)
class DatabaseProbe:
    """Tries the database itself, at most once a second, however many ask."""

    db: Database
    now: Clock
    revision: str  # the schema's, which this version needs
    _check: Check | None = None
    _checked_at: float = -math.inf  # by the monotonic clock
    _trial: asyncio.Task[Check] | None = None

    async def check(self) -> Check:
        """The result of the last trial, or of a new one where that is too old."""
        at = self.now.monotonic()
        if self._check is None or at - self._checked_at >= PROBE_KEPT_SECONDS:
            self._check, self._checked_at = await self._try_within_time(), at
        return self._check

    async def _try_within_time(self) -> Check:
        if self._trial is None or self._trial.done():
            self._trial = asyncio.create_task(self._try())
        # A trial that takes long is not cancelled: a silent database would not let go of the cancelled query either.
        done, _ = await asyncio.wait({self._trial}, timeout=PROBE_SECONDS)
        return self._trial.result() if done else _down(f"no answer within {PROBE_SECONDS} seconds")

    async def _try(self) -> Check:
        try:
            async with self.db.read() as tx:
                revision, why = await schema.revision(tx), await schema.why_not(tx, self.revision)
                missing = None if why else await what_is_missing_here(tx)
        except (SQLAlchemyError, OSError) as error:
            return _down(f"it cannot be read: {cause(error)}")
        if why:
            return _down(why)
        if missing:
            return _down(missing)
        try:
            async with self.db.write() as tx:
                await tx.execute(WRITE)
        except (SQLAlchemyError, OSError, WrongSchema) as error:
            return _down(f"it cannot be written to: {cause(error)}")
        newer = f", newer than this version's {self.revision}" if revision != self.revision else ""
        return Check(name="database", status=Level.OK, detail=f"can be read and written to, schema {revision}{newer}")


def _down(detail: str) -> Check:
    return Check(name="database", status=Level.DOWN, detail=detail)
