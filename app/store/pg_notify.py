"""Rings and changes between processes: PostgreSQL's NOTIFY carries ours, LISTEN hears theirs.

They are a courtesy: a ring that gets lost costs a tick, a change that nobody hears of is found by a later look. So they
are sent behind the commit that they tell of, on a line of their own, and many at once become one: PostgreSQL commits
those who notify one after the other.
"""

import asyncio
import importlib
import json
import uuid
from dataclasses import dataclass, field
from typing import Any, NoReturn

import structlog
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from app.domain.timeouts import NEWS_RETRY_SECONDS, NEWS_TOGETHER_SECONDS
from app.notify.pending import Notification, PendingNotifications
from app.notify.subscriptions import Subscriptions
from app.notify.wakeup import Wakeup
from app.store.database import AWAY, Database, postgres_options

log = structlog.get_logger()

CHANNEL = "sluice"
PAYLOAD_BYTES = 7999  # PostgreSQL, "NOTIFY": shorter than 8000 bytes


@dataclass(frozen=True, slots=True)
class PgNotify:
    db: Database
    wakeup: Wakeup
    subscriptions: Subscriptions
    pending: PendingNotifications
    sender: str = field(default_factory=lambda: uuid.uuid4().hex)  # a process need not hear itself

    async def run(self) -> None:
        """Carry news both ways until cancelled. Nothing to do where one process is all there is."""
        if not self.db.on_sqlite:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell())
                group.create_task(self._listen())

    async def _tell(self) -> NoReturn:
        while True:
            await self.pending.filled()
            await asyncio.sleep(NEWS_TOGETHER_SECONDS)
            told = payload(self.sender, self.pending.take())
            try:
                async with self.db.write() as tx:  # nothing is lost with it that would have to be on disk
                    await tx.execute(
                        select(func.set_config("synchronous_commit", "off", True), func.pg_notify(CHANNEL, told))
                    )
            except AWAY as away:
                log.debug("news got lost", error=type(away).__name__)

    async def _listen(self) -> NoReturn:
        psycopg: Any = importlib.import_module("psycopg")  # takes seven megabytes, which SQLite does without
        address = make_url(self.db.url).set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                line = await psycopg.AsyncConnection.connect(address, autocommit=True, **postgres_options(self.db.url))
                async with line:
                    await line.execute(f"LISTEN {CHANNEL}")
                    self._hear(Notification(rung=True, changed=None))  # whatever was told while nobody listened
                    async for notice in line.notifies():
                        sender, news = read(notice.payload)
                        if sender != self.sender:
                            self._hear(news)
            except (psycopg.Error, OSError) as away:
                log.warning("not listening for other processes", error=type(away).__name__)
            await asyncio.sleep(NEWS_RETRY_SECONDS)

    def _hear(self, news: Notification) -> None:
        if news.rung:
            self.wakeup.receive()
        if news.changed is None:
            self.subscriptions.invalidate_all()
        else:
            self.subscriptions.receive(news.changed)


def payload(sender: str, news: Notification) -> str:
    """Ids that do not all fit are not told: then any import may have changed."""
    ids = None if news.changed is None else sorted(news.changed)
    told = json.dumps([sender, news.rung, ids], separators=(",", ":"))
    return told if len(told) <= PAYLOAD_BYTES else json.dumps([sender, news.rung, None])


def read(told: str) -> tuple[str, Notification]:
    """(who told it, what). What another version tells, and we cannot read, may be anything."""
    try:
        sender, rung, ids = json.loads(told)
        return str(sender), Notification(bool(rung), None if ids is None else frozenset(map(int, ids)))
    except (ValueError, TypeError):
        return "", Notification(rung=True, changed=None)
