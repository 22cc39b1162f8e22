"""An import at one moment: as the database has it, with an estimate of when it will be done."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.clock import Clock
from app.domain.imports import FINISHED, Import
from app.domain.timeouts import NEXT_LOOK_MOST_SECONDS, NEXT_LOOK_SECONDS
from app.reporting.estimates import CompletionEstimates
from app.store import attention, import_queries
from app.store.attention import AttentionCriteria
from app.store.database import Database
from app.store.import_queries import Filters


@dataclass(frozen=True, slots=True)
class ImportView:
    """An import, and what is only known at the moment at which somebody looks at it."""

    summary: Import
    estimated_finish_at: datetime | None  # None: it is finished, or nobody can know
    next_look_seconds: int | None  # when a caller should ask again; None: it is finished


@dataclass(frozen=True, slots=True)
class ImportReader:
    """Reads imports for whoever shows them."""

    db: Database
    now: Clock
    stuck_seconds: float  # how long a part may be at Marketo before its import needs attention
    estimates: CompletionEstimates

    async def get(self, import_id: int) -> Import | None:
        """The import without an estimate, for whoever only has to know it. None: there is none."""
        async with self.db.read() as tx:
            return await import_queries.get(tx, import_id, by=self._attention_criteria())

    async def each(self, ids: Collection[int]) -> list[ImportView]:
        """These imports with their estimates, as far as they are there, in no certain order."""
        async with self.db.read() as tx:
            imports = await import_queries.each(tx, ids, by=self._attention_criteria())
        return await self.view_all(imports)

    async def get_each(self, ids: Collection[int]) -> list[Import]:
        """These imports without estimates, as far as they are there, newest first."""
        async with self.db.read() as tx:
            return await import_queries.each(tx, ids, by=self._attention_criteria())

    async def page(self, filters: Filters, *, before: int | None, size: int) -> list[Import]:
        """Imports without estimates, newest first, from before the id `before` on."""
        async with self.db.read() as tx:
            return await import_queries.page(tx, filters, before=before, size=size, by=self._attention_criteria())

    async def view(self, import_: Import) -> ImportView:
        """This import with its estimate."""
        return (await self.view_all([import_]))[0]

    async def view_new(self, import_: Import) -> ImportView:
        """An import that was just stored, with what was known of its instance within the last second."""
        outlook = await self.estimates.outlook(import_.request.instance)
        if outlook is None:
            return _view(import_, None, self.now())
        block = attention.of_block(outlook.instance.blocked_at, outlook.instance.blocked_reason)
        return _view(replace(import_, attention=block), outlook.finish_of(import_), self.now())

    async def view_all(self, imports_: Sequence[Import]) -> list[ImportView]:
        """These imports with their estimates, in the same order. However many they are, it takes a few queries."""
        estimates, now = await self.estimates.estimate(imports_), self.now()
        return [_view(import_, estimates.get(import_.id), now) for import_ in imports_]

    def _attention_criteria(self) -> AttentionCriteria:
        return AttentionCriteria(now=self.now(), stuck_seconds=self.stuck_seconds)


def _view(import_: Import, estimated_finish_at: datetime | None, now: datetime) -> ImportView:
    is_finished = import_.status in FINISHED
    next_look_seconds = None if is_finished else _next_look_seconds(estimated_finish_at, now)
    return ImportView(import_, estimated_finish_at, next_look_seconds)


def _next_look_seconds(estimated_finish_at: datetime | None, now: datetime) -> int:
    """When it should be done, within reason."""
    if estimated_finish_at is None:
        return NEXT_LOOK_SECONDS
    seconds = math.ceil((estimated_finish_at - now).total_seconds())
    return min(NEXT_LOOK_MOST_SECONDS, max(NEXT_LOOK_SECONDS, seconds))
