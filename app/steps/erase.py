"""Erase: uploaded rows, results and history, because a person asked for it or because their time is over."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.errors import NotFound, WrongState
from app.domain.imports import FINISHED
from app.store import erasures, imports
from app.store.database import Database
from app.store.erasures import Content

BY_AGE = "retention"

Some = Callable[[AsyncConnection], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long after an import has finished; each may be the longest."""

    file_days: float
    result_days: float
    history_days: float


@dataclass(frozen=True, slots=True)
class Erase:
    """Each deed in many short transactions: whoever else writes has a turn between them."""

    db: Database
    now: Clock
    retention: Retention

    async def one(self, import_id: int, *, by: str) -> None:
        """A finished import's file and results; its counts and history stay. To ask twice is no mistake.

        Errors: NotFound; WrongState for an import that is not finished.
        """
        async with self.db.write() as tx:
            known = await imports.standing(tx, import_id, lock=True)
            if known is None:
                raise NotFound(f"There is no import {import_id}.")
            if known.status not in FINISHED:
                message = f"Import {import_id} is {known.status}. Wait for its end, or cancel it; then erase it."
                raise WrongState(message, code="not_finished")
            await erasures.mark(tx, import_id, at=self.now(), by=by)
        await self._all(partial(erasures.go_on, import_id=import_id))
        await self._give_back()

    async def what_is_too_old(self) -> None:
        """What its retention has run out for: uploaded rows, results, then the imports themselves."""
        at, days = self.now(), self.retention
        forgotten = at - timedelta(days=days.history_days)
        for content, kept_days in ((Content.FILE, days.file_days), (Content.RESULTS, days.result_days)):
            old = max(forgotten, at - timedelta(days=kept_days))  # an import does not go before its contents
            await self._all(partial(erasures.mark_old, content=content, finished_before=old, at=at, by=BY_AGE))
        await self._all(erasures.go_on)
        await self._all(partial(erasures.forget, finished_before=forgotten, at=at, by=BY_AGE))
        await self._all(partial(erasures.forget_events, before=forgotten))
        await self._give_back()

    async def _all(self, some: Some) -> None:
        """Again and again, a transaction each, while there is something left."""
        more = True
        while more:
            async with self.db.write() as tx:
                more = await some(tx)

    async def _give_back(self) -> None:
        while await self.db.give_back():
            pass
