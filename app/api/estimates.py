"""Forecasts for imports that are shown: a few questions for a whole page, the costly one kept for some seconds."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.container import Container
from app.domain.estimates import BacklogSlice, CompletionEstimate
from app.domain.imports import FINISHED, Import
from app.domain.instances import Instance
from app.domain.lifecycle import State
from app.domain.timeouts import FORECAST_LATE_SECONDS, MISSED_LEASES, OUTLOOK_KEPT_SECONDS
from app.store import instances, parts, waiting_queue


@dataclass(slots=True)
class CompletionEstimates:
    container: Container
    _lines: dict[str, tuple[float, list[BacklogSlice]]] = field(default_factory=dict)

    async def of(self, found: Iterable[Import]) -> Mapping[int, datetime]:
        """When each of these imports will be done, by its id; missing where it is done, or that cannot be known."""
        running = [one for one in found if one.status not in FINISHED]
        if not running:
            return {}
        waiting = {one.request.instance for one in running if one.parts[State.WAITING]}
        ahead = await self._ahead({one.request.instance for one in running}, waiting=waiting)
        known = {one.id: ahead[one.request.instance].finish_of(one) for one in running if one.request.instance in ahead}
        return {import_id: at for import_id, at in known.items() if at}

    async def _ahead(self, names: set[str], *, waiting: set[str]) -> dict[str, CompletionEstimate]:
        """For the instances among them that are configured here."""
        now, settings = self.container.now(), self.container.settings
        async with self.container.db.read() as tx:
            known = [one for one in await instances.everyone(tx) if one.name in names & settings.instances.keys()]
            there = await parts.at_marketo(tx, names)
        found = {}
        for one in known:
            estimate = CompletionEstimate(
                now=now,
                instance=one,
                driven=self._driven(one, now),
                importers=settings.instances[one.name].max_importing,
                there=[part for part in there if part.instance == one.name],
                line=await self._line(one.name, now) if one.name in waiting else [],
            )
            if one.name in waiting:
                estimate = replace(estimate, held_up=await self._held_up(estimate))
            found[one.name] = estimate
        return found

    async def _held_up(self, estimate: CompletionEstimate) -> frozenset[int]:
        """Those that wait for a part whose end is not in sight, at Marketo or turned away again and again."""
        name, long_ago = estimate.instance.name, estimate.now - timedelta(seconds=FORECAST_LATE_SECONDS)
        async with self.container.db.read() as tx:
            endless = {*estimate.endless, *await parts.failing_since(tx, name, before=long_ago)}
            return await parts.imports_behind(tx, name, endless) if endless else frozenset()

    def _driven(self, instance: Instance, now: datetime) -> bool:
        oldest = now - timedelta(seconds=MISSED_LEASES * self.container.settings.lease_seconds)
        return instance.heartbeat_at is not None and instance.heartbeat_at >= oldest

    async def _line(self, name: str, now: datetime) -> list[BacklogSlice]:
        at, (kept_at, waiting) = self.container.now.monotonic(), self._lines.get(name, (-math.inf, []))
        if at - kept_at >= OUTLOOK_KEPT_SECONDS:
            async with self.container.db.read() as tx:
                waiting = await waiting_queue.backlog_slices(tx, name, now=now)
            self._lines[name] = at, waiting
        return waiting
