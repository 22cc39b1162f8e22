"""The duty of a worker that sends the deliveries of webhooks: it takes endpoints, and has each one's deliveries sent.

Every endpoint with something to send has a task of its own: one that is slow or dead delays no other.
"""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from app.clock import Clock, ClockJumped
from app.domain.timeouts import CLOCK_TOLERANCE_SECONDS, WEBHOOK_WAKE_SECONDS
from app.notify.signal import Signal
from app.store import clock_jumps, webhooks
from app.store.database import AWAY, Database, cause
from app.webhooks.lease import EndpointLease
from app.webhooks.posting import IDLE_SECONDS
from app.webhooks.sending import EndpointSender

log = structlog.get_logger()

RENEWED_SHARE = 1 / 3  # of a lease's time, after which it is renewed
CARE_SHARE = 0.1  # of a lease's time: in this last part of it nothing is sent any more, as clocks differ
NEVER_TOO_LATE = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class WebhookDuty:
    """Sends what is due, as long as the process works. State is in the database: losing this object loses nothing."""

    db: Database
    now: Clock
    sender: EndpointSender
    wakeup: Signal  # sent by each commit that has written deliveries
    worker: str  # this worker's name
    lease_seconds: float
    tick_seconds: float
    shutdown_seconds: float
    alone: bool = field(init=False)  # True where this is the only process: whoever held a lease before is dead
    stopping: bool = False
    _leases: dict[int, EndpointLease] = field(default_factory=dict)
    _running: dict[int, asyncio.Task[bool]] = field(default_factory=dict)  # by endpoint
    _closed_idle_at: float = -math.inf  # by this process's monotonic clock

    def __post_init__(self) -> None:
        self.alone = self.db.on_sqlite

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then the tries under way end, and the leases are given up."""
        stopped = asyncio.ensure_future(stop.wait())
        stopped.add_done_callback(lambda _: self.wakeup.send())
        while not stop.is_set():
            await self._safely()
            await self.wakeup.wait(within_seconds=min(self.tick_seconds, self.lease_seconds / 10))
            await asyncio.sleep(WEBHOOK_WAKE_SECONDS)
        await self.end()

    async def _safely(self) -> None:
        try:
            await self.look()
        except ClockJumped as jumped:
            log.info("the clock was set, webhooks go on by the new one", why=str(jumped))
        except AWAY as away:
            log.warning("webhooks wait for the database", error=cause(away))
        except Exception:  # the next look may go well
            log.exception("webhooks failed")

    async def look(self) -> None:
        """Keep the leases that are in use, and begin with each endpoint that has something to send."""
        self._end_lost()
        await self._renew()
        await self._close_idle()
        async with self.db.read() as tx:
            ids = await webhooks.with_work(tx, now=self.now(), worker=self.worker, over=self._over())
        new = [webhook_id for webhook_id in ids if webhook_id not in self._running]
        for webhook_id in self._running.keys() & set(ids):
            self._leases[webhook_id].has_more = True  # or only what is under way: its task will see
        await self._take([webhook_id for webhook_id in new if not self._holds(webhook_id)])
        for webhook_id in new:
            if not self.stopping and self._holds(webhook_id):
                self._begin(self._leases[webhook_id])

    async def settled(self) -> None:
        """Wait until no endpoint is sent anything."""
        while self._running:
            await asyncio.wait(self._running.values())

    async def end(self) -> None:
        """Begin nothing new, wait for what is under way, and let the leases go."""
        self.stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self.shutdown_seconds):
                while self._running:
                    await asyncio.wait(self._running.values(), timeout=self.lease_seconds / 3)
                    with suppress(*AWAY, ClockJumped):
                        await self._renew()
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        with suppress(*AWAY):
            if self._leases:
                async with self.db.write() as tx:
                    await webhooks.release(tx, {each.webhook_id: each.epoch for each in self._leases.values()})
        self._leases.clear()
        await self.sender.poster.close()

    def _begin(self, lease: EndpointLease) -> None:
        task = asyncio.create_task(self.sender.run(lease, lambda: self.stopping))
        self._running[lease.webhook_id] = task
        task.add_done_callback(lambda ended: self._ended(lease.webhook_id, ended))

    def _ended(self, webhook_id: int, task: asyncio.Task[bool]) -> None:
        self._running.pop(webhook_id, None)
        if task.cancelled():
            return
        mistake = task.exception()
        if isinstance(mistake, AWAY):
            log.warning("webhooks wait for the database", webhook=webhook_id, error=cause(mistake))
        elif mistake:
            log.error("webhooks failed", webhook=webhook_id, exc_info=mistake)
        elif task.result():
            self.wakeup.send()  # what came while it was ending is seen at once

    def _holds(self, webhook_id: int) -> bool:
        lease = self._leases.get(webhook_id)
        return lease is not None and lease.holds(self.now.monotonic())

    def _end_lost(self) -> None:
        """What another worker may have taken over is sent by that one."""
        for webhook_id, task in list(self._running.items()):
            if not self._holds(webhook_id):
                task.cancel()
        for webhook_id in [each for each in self._leases if not self._holds(each)]:
            del self._leases[webhook_id]

    async def _renew(self) -> None:
        """Renew the leases in use that are old enough. One that is not ours any more is dropped."""
        begun = self.now.monotonic()
        fresh_until = begun + self.lease_seconds * (1 - CARE_SHARE - RENEWED_SHARE)
        due = {
            lease.webhook_id: lease.epoch
            for lease in self._leases.values()
            if lease.webhook_id in self._running and lease.until < fresh_until
        }
        if not due:
            return
        jump_id = self.now.jump_id
        async with self.db.write() as tx:
            ours = await webhooks.renew(tx, due, until=self.now() + timedelta(seconds=self.lease_seconds))
            self.now.expect(jump_id)
        for webhook_id in due:
            if webhook_id in ours:
                self._leases[webhook_id].until = self._with_care(begun)
            else:
                del self._leases[webhook_id]
        self._end_lost()

    async def _take(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        begun, jump_id = self.now.monotonic(), self.now.jump_id
        async with self.db.write() as tx:
            if not self.alone and abs(self.now.off(await clock_jumps.read(tx, self.now))) >= CLOCK_TOLERANCE_SECONDS:
                self.now.doubt.send()  # leases end by a time that we do not know
                return
            until = self.now() + timedelta(seconds=self.lease_seconds)
            taken = await webhooks.take(tx, ids, worker=self.worker, until=until, over=self._over())
            self.now.expect(jump_id)
        for webhook_id, epoch in taken.items():
            self._leases[webhook_id] = EndpointLease(webhook_id, epoch, self._with_care(begun))

    async def _close_idle(self) -> None:
        if self.now.monotonic() - self._closed_idle_at >= IDLE_SECONDS:
            self._closed_idle_at = self.now.monotonic()
            await self.sender.poster.close_idle()

    def _over(self) -> datetime | None:
        """Another worker's lease that ends by then may be taken; None where that cannot be judged yet."""
        if self.alone:
            return NEVER_TOO_LATE
        return self.now() if self.now.monotonic() >= self.now.sure_from else None

    def _with_care(self, begun: float) -> float:
        return begun + self.lease_seconds * (1 - CARE_SHARE)
