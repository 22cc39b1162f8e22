"""Pause and resume: a person stops new submissions to an instance, and lets them go on."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.errors import NotFound
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.notify.wakeup import Wakeup
from app.store import events, instances, parts
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Pause:
    """What is at Marketo already is followed to its end. The event says who asked."""

    db: Database
    now: Clock
    hit: FailpointHit

    async def run(self, name: str, *, reason: str | None, by: str) -> None:
        """Submit nothing new to an instance. Errors: NotFound."""
        at = self.now()
        async with self.db.write() as tx:
            await _refuse_unknown(tx, name)
            await instances.pause(tx, name, at=at, reason=reason, by=by)
            await events.append(tx, Occurrence.PAUSED, at=at, instance=name, by=by, reason=reason)
        self.hit(Failpoint.DECIDED)


@dataclass(frozen=True, slots=True)
class Resume:
    """The event says who asked."""

    db: Database
    now: Clock
    wakeup: Wakeup
    hit: FailpointHit

    async def run(self, name: str, *, by: str) -> None:
        """Undo a pause, and try at once a blocked instance, and whatever waits to be tried again. Errors: NotFound."""
        at = self.now()
        async with self.db.write() as tx:
            await _refuse_unknown(tx, name)
            await instances.resume(tx, name, at=at)
            await parts.try_again(tx, name)
            await events.append(tx, Occurrence.RESUMED, at=at, instance=name, by=by)
        self.hit(Failpoint.DECIDED)
        self.wakeup.send()


async def _refuse_unknown(tx: AsyncConnection, name: str) -> None:
    """Errors: NotFound."""
    if await instances.get(tx, name) is None:
        raise NotFound(f"There is no instance {name!r}.")
