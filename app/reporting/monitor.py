"""The monitor: reads the verdict now and then, and writes what fails into the log and the history (NO_SILENCE).

It runs whether or not anybody asks for /v1/status.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

import structlog

from app.clock import Clock, rfc3339
from app.domain.events import Occurrence
from app.domain.instances import Instance
from app.domain.timeouts import MONITOR_SECONDS
from app.reporting.checks import Check, Level
from app.reporting.verdict import VerdictReader
from app.store import events, incidents, instances
from app.store.database import AWAY, Database, cause

log = structlog.get_logger(__name__)

DATABASE = "database"
PREFIX = "check "
HAS_EVENTS = frozenset({"instance", "parts", "attention", DATABASE})
"""Checks that get no event here: what they look at writes events itself, or is the database that holds the events."""


@dataclass(slots=True)
class Monitor:
    """Reads the verdict now and then. Any number of processes may do so: each event is written once."""

    db: Database
    now: Clock
    sleep: Callable[[float], Awaitable[None]]
    verdict: VerdictReader
    configured: Collection[str]  # names of instances
    _failing: dict[str, datetime] = field(default_factory=dict)  # by check: since when, as of the last look

    async def run(self) -> NoReturn:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except AWAY as away:
                log.warning("nobody can look whether work flows", error=cause(away))
            except Exception:  # the next look may go well
                log.exception("the monitor failed")
            await self.sleep(MONITOR_SECONDS)

    async def look(self) -> None:
        """Write of each check that fails now and did not before, and of each that has passed again."""
        checks = {check.name: check for check in (await self.verdict.read()).checks}
        failing = {name: check for name, check in checks.items() if check.status is not Level.OK}
        at, away_since = self.now(), self._failing.get(DATABASE)
        self._log(checks, failing, at)
        if DATABASE not in failing:
            async with self.db.read() as tx:
                rows = await instances.everyone(tx)
            for instance in rows:
                failing_of_instance = {
                    name: check for name, check in failing.items() if self._concerns(name, instance.name)
                }
                since = away_since if instance.name in self.configured else None
                if since or _needs_events(instance, failing_of_instance):
                    await self._write_events(instance.name, failing_of_instance, at, away_since=since)

    def _log(self, checks: Mapping[str, Check], failing: Mapping[str, Check], at: datetime) -> None:
        for name, check in failing.items():
            if name not in self._failing:
                log.warning("check failed", check=name, status=check.status, detail=check.detail)
                self._failing[name] = at
        for name in [name for name in self._failing if name in checks and name not in failing]:
            log.info("check passed", check=name, since=rfc3339(self._failing.pop(name)))
        for name in [name for name in self._failing if name not in checks and DATABASE not in failing]:
            log.info("check passed", check=name, since=rfc3339(self._failing.pop(name)))

    def _concerns(self, check: str, instance: str) -> bool:
        """Whether a check is for this instance's history. One that names none concerns all that are configured."""
        kind, _, name = check.partition(":")
        if instance not in self.configured:
            return name == instance
        return (not name or name == instance) and kind not in HAS_EVENTS

    async def _write_events(
        self, name: str, failing: Mapping[str, Check], at: datetime, *, away_since: datetime | None
    ) -> None:
        async with self.db.write() as tx:
            instance = await instances.hold_row(tx, name)
            for check in failing.values():
                if await incidents.meet(tx, name, _kind(check.name), at=at, reason=check.detail):
                    data: dict[str, Any] = {"check": check.name, "status": check.status, "detail": check.detail}
                    await events.append(tx, Occurrence.DEGRADED, at=at, instance=name, **data)
            recovered = {DATABASE: away_since} if away_since else {}
            for check_name in _recorded_failures(instance) - failing.keys():
                if since := await incidents.end(tx, name, _kind(check_name)):
                    recovered[check_name] = since
            for check_name, since in sorted(recovered.items()):
                data = {"what": check_name, "since": rfc3339(since)}
                await events.append(tx, Occurrence.RECOVERED, at=at, instance=name, **data)


def _kind(check: str) -> str:
    """The kind of incident under which a failing check is recorded, beside those that calls met."""
    return PREFIX + check


def _recorded_failures(instance: Instance) -> set[str]:
    """The checks that fail according to the instance's row."""
    kinds = {kind for kind, incident in instance.incidents.items() if kind.startswith(PREFIX) and incident.since}
    return {kind.removeprefix(PREFIX) for kind in kinds}


def _needs_events(instance: Instance, failing: Mapping[str, Check]) -> bool:
    """Whether the history lacks a failing check, or still has one that has passed."""
    recorded = _recorded_failures(instance)
    return recorded != failing.keys() or not all(instance.incidents[_kind(check)].is_told for check in recorded)
