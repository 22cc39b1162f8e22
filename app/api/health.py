"""Whether the database can be worked with: read, of the right schema, and written to."""

import asyncio
import math
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

import migrations
from app.api.schemas import CheckOut
from app.api.verdict import DOWN, OK
from app.container import Container
from app.domain.timeouts import PROBE_KEPT_SECONDS, PROBE_SECONDS
from app.store import schema
from app.store.database import WrongSchema, cause

HEAD = migrations.head()
WRITE = text("UPDATE alembic_version SET version_num = version_num")


@dataclass(slots=True)
class Probe:
    """Asks the database itself, at most once a second whoever asks."""

    container: Container
    _found: CheckOut | None = None
    _found_at: float = -math.inf  # by the monotonic clock
    _asking: asyncio.Task[CheckOut] | None = None

    async def database(self) -> CheckOut:
        at = self.container.now.monotonic()
        if self._found is None or at - self._found_at >= PROBE_KEPT_SECONDS:
            self._found, self._found_at = await self._ask(), at
        return self._found

    async def _ask(self) -> CheckOut:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._look())
        # not cancelled when it takes long: a database that says nothing would not let go of a question either
        done, _ = await asyncio.wait({self._asking}, timeout=PROBE_SECONDS)
        return self._asking.result() if done else _down(f"no answer within {PROBE_SECONDS} seconds")

    async def _look(self) -> CheckOut:
        try:
            async with self.container.db.read() as tx:
                found = await schema.revision(tx)
        except (SQLAlchemyError, OSError) as error:
            return _down(f"it cannot be read: {cause(error)}")
        if why := schema.refusal(found, HEAD):
            return _down(why)
        try:
            async with self.container.db.write() as tx:
                await tx.execute(WRITE)
        except (SQLAlchemyError, OSError, WrongSchema) as error:
            return _down(f"it cannot be written to: {cause(error)}")
        return CheckOut(name="database", status=OK, detail=f"can be read and written to, schema {found}")


def _down(detail: str) -> CheckOut:
    return CheckOut(name="database", status=DOWN, detail=detail)
