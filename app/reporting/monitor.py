"""The monitor: tells the log and the history of what /v1/status would say, whether anybody asks or not (NO_SILENCE)."""

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
"""Checks of what writes events of its own, where a worker drives it; and of what they are written into."""


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
        """Tell of each check that fails now and did not before, and of each that is well again."""
        found = {check.name: check for check in (await self.verdict.read()).checks}
        failing = {name: check for name, check in found.items() if check.status is not Level.OK}
        at, away_since = self.now(), self._failing.get(DATABASE)
        self._log(found, failing, at)
        if DATABASE not in failing:
            async with self.db.read() as tx:
                known = await instances.everyone(tx)
            for instance in known:
                theirs = {name: check for name, check in failing.items() if self._is_told(name, instance.name)}
                since = away_since if instance.name in self.configured else None
                if since or _differs(instance, theirs):
                    await self._tell(instance.name, theirs, at, away_since=since)

    def _log(self, found: Mapping[str, Check], failing: Mapping[str, Check], at: datetime) -> None:
        for name, check in failing.items():
            if name not in self._failing:
                log.warning("check failed", check=name, status=check.status, detail=check.detail)
                self._failing[name] = at
        for name in [name for name in self._failing if name in found and name not in failing]:
            log.info("check passed", check=name, since=rfc3339(self._failing.pop(name)))
        for name in [name for name in self._failing if name not in found and DATABASE not in failing]:
            log.info("check passed", check=name, since=rfc3339(self._failing.pop(name)))

    def _is_told(self, check: str, instance: str) -> bool:
        """Whether the history of this instance is to tell of a check. One that names none is about all configured."""
        kind, _, name = check.partition(":")
        if instance not in self.configured:
            return name == instance
        return (not name or name == instance) and kind not in HAS_EVENTS

    async def _tell(
        self, name: str, failing: Mapping[str, Check], at: datetime, *, away_since: datetime | None
    ) -> None:
        async with self.db.write() as tx:
            instance = await instances.hold_row(tx, name)
            for check in failing.values():
                if await incidents.meet(tx, name, _kind(check.name), at=at, reason=check.detail):
                    about: dict[str, Any] = {"check": check.name, "status": check.status, "detail": check.detail}
                    await events.append(tx, Occurrence.DEGRADED, at=at, instance=name, **about)
            over = {DATABASE: away_since} if away_since else {}
            for passed in _open(instance) - failing.keys():
                if since := await incidents.end(tx, name, _kind(passed)):
                    over[passed] = since
            for passed, since in sorted(over.items()):
                about = {"what": passed, "since": rfc3339(since)}
                await events.append(tx, Occurrence.RECOVERED, at=at, instance=name, **about)


def _kind(check: str) -> str:
    """By which an incident of it is kept, beside those that calls met."""
    return PREFIX + check


def _open(instance: Instance) -> set[str]:
    """The checks that the instance's row says fail."""
    kinds = {kind for kind, one in instance.incidents.items() if kind.startswith(PREFIX) and one.since}
    return {kind.removeprefix(PREFIX) for kind in kinds}


def _differs(instance: Instance, failing: Mapping[str, Check]) -> bool:
    """Whether the history does not tell of all that fails, or tells of something that does not."""
    known = _open(instance)
    return known != failing.keys() or not all(instance.incidents[_kind(check)].is_told for check in known)
