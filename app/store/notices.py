"""Rings between processes: PostgreSQL's NOTIFY carries ours, LISTEN hears theirs.

A ring is a courtesy: one that gets lost costs a tick. So it is sent behind the commit that it tells of, on a line of
its own, and many at once become one: PostgreSQL commits those who notify one after the other.
"""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import NoReturn

import psycopg
import structlog
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from app.store.database import AWAY, Database, postgres_options
from app.wake import Wake

log = structlog.get_logger()

CHANNEL = "sluice"
TOGETHER_SECONDS = 0.02  # rings within so long are one
AGAIN_SECONDS = 2.0  # between two tries to reach the database


@dataclass(frozen=True, slots=True)
class Notices:
    db: Database
    wake: Wake
    sender: str = field(default_factory=lambda: uuid.uuid4().hex)  # a process need not hear itself

    async def run(self) -> None:
        """Carry rings both ways until cancelled. Nothing to do where one process is all there is."""
        if not self.db.on_sqlite:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell())
                group.create_task(self._listen())

    async def _tell(self) -> NoReturn:
        while True:
            await self.wake.rung()
            await asyncio.sleep(TOGETHER_SECONDS)
            try:
                async with self.db.write() as tx:
                    await tx.execute(select(func.pg_notify(CHANNEL, self.sender)))
            except AWAY as away:
                log.debug("a ring got lost", error=type(away).__name__)

    async def _listen(self) -> NoReturn:
        address = make_url(self.db.url).set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                line = await psycopg.AsyncConnection.connect(address, autocommit=True, **postgres_options(self.db.url))
                async with line:
                    await line.execute(f"LISTEN {CHANNEL}")
                    self.wake.hear()  # whatever was rung while nobody listened
                    async for notice in line.notifies():
                        if notice.payload != self.sender:
                            self.wake.hear()
            except (psycopg.Error, OSError) as away:
                log.warning("not listening for other processes", error=type(away).__name__)
            await asyncio.sleep(AGAIN_SECONDS)
