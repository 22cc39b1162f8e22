"""Erase: uploaded rows, results and history, because a person asked for it or because their time is over."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock, Jump
from app.domain.errors import NotFound, WrongState
from app.domain.imports import FINISHED, Content
from app.domain.timeouts import RETENTION_DOUBT_SECONDS
from app.store import erasures, import_queries, imports, jobs, webhook_deliveries
from app.store.database import Database
from app.store.transaction import Transaction

BY_AGE = "retention"
DAY_SECONDS = 86_400
PLAUSIBLE_SHARE = 0.25  # of all that is kept, to go within the first day after the clock was set

log = structlog.get_logger()

Step = Callable[[Transaction], Awaitable[bool]]
"""Erases a little in one transaction. False: nothing is left to erase."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long after an import has finished; each may be the longest."""

    file_days: float
    result_days: float
    history_days: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """The clock was set, or nobody was here for long; and much would go if it is right now."""

    jump: Jump
    due: int  # imports that would lose something
    kept: int  # of so many
    seconds: float  # until the clock is believed

    def __str__(self) -> str:
        before, after = f"{self.jump.before:%Y-%m-%dT%H:%MZ}", f"{self.jump.after:%Y-%m-%dT%H:%MZ}"
        return (
            f"{self.due} of {self.kept} finished imports would lose something, just after the time went from {before} "
            f"to {after}. If that is right, it goes on by itself in {self.seconds / 3600:.1f} hours"
        )


@dataclass(frozen=True, slots=True)
class Erase:
    """Each method works in many short transactions, so that others can write between them."""

    db: Database
    now: Clock
    retention: Retention

    async def one(self, import_id: int, *, by: str) -> None:
        """A finished import's file and results; its counts and history stay. To ask twice is no mistake.

        Errors: NotFound; WrongState for an import that is not finished.
        """
        async with self.db.write() as tx:
            lock = await imports.lock(tx, import_id)
            summary = await import_queries.get_summary(tx, import_id)
            if lock is None or summary is None:
                raise NotFound(f"There is no import {import_id}.")
            if summary.status not in FINISHED:
                message = f"Import {import_id} is {summary.status}. Wait for its end, or cancel it; then erase it."
                raise WrongState(message, code="not_finished")
            await erasures.mark(tx, lock, at=self.now(), by=by)
        await self._all(partial(erasures.go_on, import_id=import_id))
        await self._give_back()

    async def what_is_too_old(self) -> None:
        """What its retention has run out for: uploaded rows, results, then the imports themselves.

        Nothing, where the clock was set and it would be implausibly much: a day later it is believed.
        """
        async with self.db.read() as tx:
            refused = await self.refusal(tx)
        if refused:
            log.warning("retention erases nothing", why=str(refused))
            return
        at, old = self.now(), self._old()
        for content in (Content.FILE, Content.RESULTS):
            await self._all(partial(erasures.mark_old, content=content, finished_before=old[content], at=at, by=BY_AGE))
        await self._all(erasures.go_on)
        await self._all(partial(erasures.forget, finished_before=old[None], at=at, by=BY_AGE))
        await self._all(partial(erasures.forget_events, before=old[None]))
        await self._all(partial(webhook_deliveries.forget, before=old[None]))
        await self._all(partial(jobs.forget, finished_before=old[None]))
        await self._give_back()

    async def refusal(self, tx: AsyncConnection) -> "Refusal | None":
        """Why nothing is erased by its age now; None where nothing speaks against it."""
        jump = next(reversed(self.now.jumps), None)
        if jump is None or (since := self.now.seconds_since(jump)) >= RETENTION_DOUBT_SECONDS:
            return None
        for content, old in self._old().items():
            due, kept = await erasures.due(tx, content, finished_before=old)
            if due > PLAUSIBLE_SHARE * kept:
                return Refusal(jump, due, kept, RETENTION_DOUBT_SECONDS - since)
        return None

    def _old(self) -> Mapping[Content | None, datetime]:
        """Which imports' contents, and which whole imports (None), are too old: those that finished before."""
        days = self.retention
        forgotten = self.now.ago(DAY_SECONDS * days.history_days)  # an import does not go before its contents
        return {
            Content.FILE: max(forgotten, self.now.ago(DAY_SECONDS * days.file_days)),
            Content.RESULTS: max(forgotten, self.now.ago(DAY_SECONDS * days.result_days)),
            None: forgotten,
        }

    async def _all(self, step: Step) -> None:
        """Repeat the step, each time in a transaction of its own, while there is something left."""
        more = True
        while more:
            async with self.db.write() as tx:
                more = await step(tx)

    async def _give_back(self) -> None:
        while await self.db.give_back():
            pass
