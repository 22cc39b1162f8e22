"""The verdict: whether work flows, in one word, and the checks that it is made of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.imports import Import, ImportStatus
from app.reporting import checks
from app.reporting.checks import Check, Level
from app.reporting.health import DatabaseProbe
from app.reporting.instances import InstanceReader, InstanceView
from app.scheduling.timekeeper import Timekeeper
from app.settings import Settings
from app.store import attention, disk_usage, import_queries, queue_summary, webhooks
from app.store.attention import AttentionCriteria
from app.store.database import Database
from app.store.import_queries import Filters
from app.store.queue_summary import QueueSummary

LATELY = timedelta(hours=24)
NAMED_IMPORTS = 10  # unfinished ones that need attention, of each status


def lately(now: datetime) -> datetime:
    """A day ago, to the minute: or the number of those who have finished since would change with every second."""
    return (now - LATELY).replace(second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the service is at one moment."""

    status: Level  # of the worst check
    checks: Sequence[Check]
    imports: Mapping[ImportStatus, int]  # of the last 24 hours, by status
    instances: Sequence[InstanceView]
    troubled: Sequence[Import] = ()  # unfinished imports that a person should look at, the newest of each status


@dataclass(frozen=True, slots=True)
class VerdictReader:
    """Looks at everything that could keep work from flowing."""

    settings: Settings
    db: Database
    now: Clock
    timekeeper: Timekeeper
    probe: DatabaseProbe
    instances: InstanceReader
    retention_refusal: Callable[[AsyncConnection], Awaitable[object | None]]
    """Why nothing is erased by its age at the moment; None where nothing speaks against it."""

    async def read(self) -> Verdict:
        """The verdict as of now. Where the database cannot be worked with, nothing else can be said."""
        database = await self.probe.check()
        if database.status is not Level.OK:
            return Verdict(Level.DOWN, [database], imports={}, instances=[])
        async with self.db.read() as tx:
            queues = await self.instances.queues.read_in(tx)
            instances = await self.instances.read_all_in(tx, queues)
            troubled = await self._troubled_imports(tx)
            all_checks = [database, *await self._checks(tx, queues, instances, troubled)]
            recent = await self._recent_imports(tx)
        worst = max((check.status for check in all_checks), key=lambda level: level.severity)
        return Verdict(worst, all_checks, recent, instances, troubled)

    async def _recent_imports(self, tx: AsyncConnection) -> dict[ImportStatus, int]:
        """Those that are unfinished, and those that finished lately."""
        counts = dict.fromkeys(ImportStatus, 0)
        for of_instance in (await self.instances.queues.unfinished_in(tx)).values():
            for status, imports in of_instance.items():
                counts[status] += imports
        return counts | await queue_summary.finished_imports(tx, since=lately(self.now()))

    async def _checks(
        self,
        tx: AsyncConnection,
        queues: Mapping[str, QueueSummary],
        instances: Sequence[InstanceView],
        troubled: Sequence[Import],
    ) -> list[Check]:
        missing = await attention.missing_lately(tx, since=self.now() - LATELY)
        return [
            *checks.check_workers(self.settings, instances),
            *checks.check_ticks(self.settings, instances),
            *checks.check_conditions(instances),
            *checks.check_unconfigured_instances(self.settings, queues),
            *checks.check_parts(instances),
            *checks.check_flow(instances),
            *checks.check_quotas(instances),
            checks.check_backlog(self.settings, queues),
            *checks.check_storage(self.settings, await disk_usage.measure(tx, self.db)),
            checks.check_clock(self.timekeeper),
            checks.check_retention(await self.retention_refusal(tx)),
            checks.check_webhooks(await webhooks.switched_off(tx)),
            checks.check_attention(troubled, missing),
        ]

    async def _troubled_imports(self, tx: AsyncConnection) -> list[Import]:
        """The newest unfinished imports that a person should look at."""
        criteria = AttentionCriteria(now=self.now(), stuck_seconds=self.settings.stuck_seconds)
        pages = [
            await import_queries.page(
                tx, Filters(status=status, attention=True), before=None, size=NAMED_IMPORTS, by=criteria
            )
            for status in (ImportStatus.QUEUED, ImportStatus.IMPORTING)
        ]
        return [import_ for page in pages for import_ in page]
