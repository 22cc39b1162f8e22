"""Notifications between processes: PostgreSQL's NOTIFY sends ours, LISTEN receives those of the others.

Nothing depends on them: a wakeup that is lost costs one tick, and a change that nobody is told of is found by a later
look. So they are sent after the commit that they are about, on a connection of their own, and many at once become one:
PostgreSQL lets transactions that notify commit only one after the other.

Through a pooler nobody can listen (see `poolers`): workers look for work at each tick anyway, and so does then whoever
watches imports.
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
from app.store import poolers
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
    tick_seconds: float  # between two looks, where nobody can listen
    sender: str = field(default_factory=lambda: uuid.uuid4().hex)  # so that a process can ignore its own notifications

    async def run(self) -> None:
        """Send and receive until cancelled. On SQLite there is nothing to do: only one process uses the database."""
        if not self.db.on_sqlite:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send())
                group.create_task(self._listen())

    async def _send(self) -> NoReturn:
        while True:
            await self.pending.filled()
            await asyncio.sleep(NEWS_TOGETHER_SECONDS)
            text = payload(self.sender, self.pending.take())
            try:
                async with self.db.write() as tx:  # it writes nothing that would have to be on disk
                    await tx.execute(
                        select(func.set_config("synchronous_commit", "off", True), func.pg_notify(CHANNEL, text))
                    )
            except AWAY as away:
                log.debug("news got lost", error=type(away).__name__)

    async def _listen(self) -> NoReturn:
        psycopg: Any = importlib.import_module("psycopg")  # takes seven megabytes, which SQLite does without
        address = make_url(self.db.url).set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    address, autocommit=True, **postgres_options(self.db.url)
                )
                async with connection:
                    if await self._is_through_a_pooler(connection):
                        log.info("through a pooler nobody listens: what other processes do is found at each tick")
                        break
                    await connection.execute(f"LISTEN {CHANNEL}")
                    # nobody listened until now, so anything may have been missed
                    self._receive(Notification(has_work=True, changed=None))
                    async for notice in connection.notifies():
                        sender, notification = read(notice.payload)
                        if sender != self.sender:
                            self._receive(notification)
            except (psycopg.Error, OSError) as away:
                log.warning("not listening for other processes", error=type(away).__name__)
            await asyncio.sleep(NEWS_RETRY_SECONDS)
        while True:
            await asyncio.sleep(self.tick_seconds)
            self.subscriptions.invalidate_all()

    @staticmethod
    async def _is_through_a_pooler(connection: Any) -> bool:
        (process,) = await (await connection.execute(poolers.SESSION)).fetchone()
        return poolers.is_pooler(connection, process)

    def _receive(self, notification: Notification) -> None:
        if notification.has_work:
            self.wakeup.receive()
        if notification.changed is None:
            self.subscriptions.invalidate_all()
        else:
            self.subscriptions.receive(notification.changed)


def payload(sender: str, notification: Notification) -> str:
    """The text that is sent. If not all ids fit into it, it has none: then any import may have changed."""
    ids = None if notification.changed is None else sorted(notification.changed)
    text = json.dumps([sender, notification.has_work, ids], separators=(",", ":"))
    return text if len(text) <= PAYLOAD_BYTES else json.dumps([sender, notification.has_work, None])


def read(text: str) -> tuple[str, Notification]:
    """(the sender, the notification). A text of another version that cannot be read may mean anything."""
    try:
        sender, has_work, ids = json.loads(text)
        return str(sender), Notification(bool(has_work), None if ids is None else frozenset(map(int, ids)))
    except (ValueError, TypeError):
        return "", Notification(has_work=True, changed=None)
