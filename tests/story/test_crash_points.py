"""A process dies at each place that has a name, once, again, and once more while it recovers; then all comes right.

The story reaches every Point. One that it does not reach turns its tests red: give the story a reason to go there.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.container import Container, build_container
from app.domain.api_keys import EVERYBODY
from app.domain.errors import WrongState
from app.domain.failpoints import Failpoint
from app.domain.imports import Request
from app.domain.objects import CustomObject, Leads
from app.domain.timeouts import UPLOAD_IDLE_SECONDS
from app.pipeline.finish import finish
from app.simulator import Fault, Rules, Simulator, create_app
from app.store import instances
from app.store.database import Database
from app.store.tables import event, import_
from app.uploads.arrival import Arrival
from app.worker.instance_worker import build_instance_worker
from app.worker.leases import Leases
from app.worker.maintenance import build_maintenance
from app.worker.runner import Worker
from app.worker.timetable import timetable
from tests.support.audit import Audit
from tests.support.carried import SentJob
from tests.support.clock import SteppedClock
from tests.support.stage import Killed, stage_settings
from tests.support.transport import SimulatorTransport

BEATS = 250
DIES_IN_MID_POST = (3, 6)  # the POSTs after which the process dies in any case, with the answer on its way
POINTS_A_LIFE = 8
FIRSTS = range(0, len(Failpoint), POINTS_A_LIFE)
BUNDLED = (8,)  # of these, the lives that bundle in `make test`: claims and answers, and what is collected
SMALL_FILES = 6
FIRST, LATER = "the first time", "a later time, and again while it recovers"
WHEN = {FIRST: (1, False), LATER: (2, True)}


@pytest.mark.parametrize(
    ("first", "bundle_seconds"),
    [
        *((first, 0.0) for first in FIRSTS),
        *(pytest.param(first, 20.0, marks=() if first in BUNDLED else pytest.mark.endure) for first in FIRSTS),
    ],
)
async def test_a_death_anywhere_is_put_right(database_url: str, clock: SteppedClock, first: int, bundle_seconds: float):
    """NEVER_TWICE_BY_ACCIDENT, SAFE_ACK, RESULTS_BEFORE_DONE, EACH_ITS_OWN, and the counts, as the audit has them.

    Of each few points, a process dies at each, the first time that it is reached.
    """
    points = list(Failpoint)[first : first + POINTS_A_LIFE]
    theatre = Theatre(database_url, clock, fatal={(point, 1) for point in points}, bundle_seconds=bundle_seconds)
    await theatre.play()
    assert sorted(theatre.deaths) == sorted(points), "the story does not reach all of them"


@pytest.mark.both_databases
@pytest.mark.endure
@pytest.mark.parametrize("bundle_seconds", [0.0, 20.0])
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("point", Failpoint)
async def test_a_death_anywhere_alone_is_put_right(
    database_url: str, clock: SteppedClock, point: Failpoint, when: str, bundle_seconds: float
):
    """The same for each point alone, and while the next process recovers."""
    time, again = WHEN[when]
    theatre = Theatre(database_url, clock, fatal={(point, time)}, again=again, bundle_seconds=bundle_seconds)
    await theatre.play()
    assert point in theatre.deaths, f"the story does not reach {point} as often"
    assert len(theatre.deaths) == 1 + again


class Mortal(Database):
    """A process's way to the database, which is shut the moment it dies: no clean-up of a dead process is written."""

    dead = False

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        self.check()
        async with super().write() as tx:
            yield tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        self.check()
        async with super().read() as tx:
            yield tx

    def check(self) -> None:
        if self.dead:
            raise Killed


@dataclass
class Theatre:
    """One process after another on one database, before one Marketo."""

    url: str
    clock: SteppedClock
    fatal: Collection[tuple[Failpoint, int]]  # the nth time that a point is reached
    again: bool = False  # the first point that is reached after that death is fatal, too
    bundle_seconds: float = 0.0
    hit: dict[Failpoint, int] = field(default_factory=dict)
    deaths: list[Failpoint] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    posts: int = 0
    files: int = 0

    def __post_init__(self) -> None:
        self.simulator = Simulator(Rules(keep_jobs=True), now=self.clock.seconds)
        for order in (
            Fault("lost_response", on="create", nth=2),
            Fault("job_failed", on="create", nth=5),
            Fault("lost_response", on="create", nth=7),
            Fault("late_file", on="failures", times=2),
        ):
            self.simulator.order(order)

    async def play(self) -> None:
        await self._start()
        await self._upload_small_files()
        await self._until_done(self._upload_with_trouble)
        await self._until_done(self._upload_many_parts)
        await self._until_done(self._upload_cars)
        await self._until_done(self._beat)
        await self._upload_small_files()
        await self._until_done(self._upload_many_parts)  # of the same people
        await self._until_done(self._upload_for_later)
        await self._until_done(self._pause_and_resume)
        await self._to_the_end()
        if self.bundle_seconds:
            self.simulator.order(Fault("all_failed", on="create"))
            await self._upload_small_files()
            await self._to_the_end()
        await self._until_done(self._retry)
        await self._until_done(self._leave)
        await self._to_the_end()
        await self._until_done(self._leave)
        await self._until_done(self._tidy)
        audit = Audit(self.container.db, {"default": self.simulator})
        books = await audit.close_the_books(self.accepted)
        self._check_the_story(audit.sent("default", books))
        report = self.simulator.report()
        assert not report["errors"].keys() & {"1016", "606", "615"}, "a limit was met"
        await self.container.close()

    async def _until_done(self, deed: Callable[[], Awaitable[object]]) -> None:
        """Whoever gets no answer asks the next process."""
        while True:
            try:
                await deed()
            except Killed:
                await self._recover()
            else:
                return

    async def _recover(self) -> None:
        self.db.dead = True
        await self.container.close()
        self.clock.step(31)  # the dead worker's lease
        while True:
            try:
                await self._start()
            except Killed:
                await self.container.close()
            else:
                return

    async def _start(self) -> None:
        self.db = Mortal(self.url, finish=finish)
        http = httpx.AsyncClient(transport=SimulatorTransport(create_app(self.simulator), after_request=self._answered))
        self.container: Container = build_container(
            stage_settings(self.url, part_bytes=1000, bundle_seconds=self.bundle_seconds),
            now=self.clock,
            sleep=self.clock.sleep,
            http=http,
            hit=self._reach,
            db=self.db,
        )
        async with self.db.write() as tx:
            await instances.ensure(tx, self.container.settings.instances)
        self.instance_worker = build_instance_worker(self.container, "default")
        self.maintenance = build_maintenance(self.container)
        if self.db.on_sqlite:
            await self.maintenance.forget_uploads()
        self.worker = Worker(
            instance_workers={"default": self.instance_worker},
            maintenance=self.maintenance,
            leases=Leases(db=self.db, now=self.clock, worker=f"worker {len(self.deaths)}", seconds=30),
            wakeup=self.container.wakeup,
            now=self.clock,
            tick_seconds=1,
            shutdown_seconds=30,
            hit=self._reach,
        )

    def _reach(self, point: Failpoint) -> None:
        self.db.check()
        self.hit[point] = self.hit.get(point, 0) + 1
        in_recovery = self.again and len(self.deaths) == 1
        if in_recovery or (point, self.hit[point]) in self.fatal:
            self.deaths.append(point)
            self.db.dead = True
            raise Killed

    async def _answered(self, request: httpx.Request, _response: httpx.Response) -> None:
        if request.method == "POST" and "/bulk/" in request.url.path:
            self.posts += 1
            if self.posts in DIES_IN_MID_POST:
                raise Killed

    async def _beat(self) -> None:
        await self.worker.lease("default")
        for tick in timetable(self.instance_worker, 1):
            await self.worker.tick("default", tick)

    async def _to_the_end(self) -> None:
        """Beat, and look less often the longer nothing happens, until every import has finished."""
        seconds, last = 5.0, 0
        for _ in range(BEATS):
            await self._until_done(self._beat)
            async with Database.read(self.db) as tx:
                open_ = select(func.count()).where(import_.c.status.in_(["queued", "importing"])).scalar_subquery()
                unfinished, newest = (await tx.execute(select(open_, func.max(event.c.id)))).one()
            if not unfinished:
                return
            seconds = 5.0 if newest > last else min(2 * seconds, 600)
            last = newest
            self.clock.step(seconds)
        raise AssertionError(f"{unfinished} imports are stuck")

    async def _upload_with_trouble(self) -> None:
        """A failed row, a warned one, and one that Marketo finds nobody for."""
        await self._receive(["a@example.com,{},1", "b@example.com,{},many", "no address,{},3", ",{},4"])

    async def _upload_small_files(self) -> None:
        """Where they are bundled: of each, one row fails and one is warned of; one shares its people with another."""
        for _ in range(SMALL_FILES if self.bundle_seconds else 0):
            await self._until_done(self._upload_small_file)

    async def _upload_small_file(self) -> None:
        people = self.files % (SMALL_FILES - 1)
        await self._receive([f"s{people}@example.com,{{}},1", f"t{people}@example.com,{{}},x", f"u{people},{{}},2"])

    def _check_the_story(self, sent: list[SentJob]) -> None:
        """Where files are bundled, a job with several parts failed as a whole, and one went well."""
        bundled = [job for job in sent if len(job.pieces) > 1]
        if not self.bundle_seconds:
            assert not bundled
            return
        assert any(job.has_imported and job.failures and job.warnings for job in bundled)
        assert any(not job.has_imported for job in bundled)

    async def _upload_many_parts(self) -> None:
        await self._receive([f"p{n}@example.com,{{}},{'x' if n == 40 else n}" for n in range(45)])

    async def _upload_cars(self) -> None:
        await self._receive(["v1,{},x", ",{},y"], target=CustomObject("car_c"), header="vin,make,model")

    async def _upload_for_later(self) -> None:
        for _ in range(2):
            at = self.clock() + timedelta(seconds=20 * (self.files % 2 + 1))
            await self._receive([f"later{self.files}@example.com,{{}},1"], not_before=at)

    async def _receive(self, rows: list[str], *, header: str = "email,firstName,leadScore", **known: object) -> None:
        self.files += 1
        content = "\n".join([header, *(row.format(f"file{self.files}") for row in rows), ""]).encode()

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        request = Request(**({"target": Leads()} | known))  # type: ignore[arg-type]
        self.accepted.append((await self.container.intake.receive(request, Arrival(chunks()))).import_id)

    async def _pause_and_resume(self) -> None:
        await self.container.pause.run("default", reason=None, by=EVERYBODY.client)
        await self.container.resume.run("default", by=EVERYBODY.client)

    async def _retry(self) -> None:
        for import_id in list(self.accepted):
            with suppress(WrongState):
                self.accepted.append((await self.container.retry.parts(import_id, by=EVERYBODY)).import_id)

    async def _leave(self) -> None:
        stop = asyncio.Event()
        stop.set()
        await self.worker.run(stop)
        await self._begin_again()

    async def _begin_again(self) -> None:
        await self.container.close()
        await self._start()

    async def _tidy(self) -> None:
        self.clock.step(UPLOAD_IDLE_SECONDS + 1)
        await self.maintenance.run_once()
        async with self.db.read() as tx:
            left = (await tx.execute(select(func.count()).where(import_.c.status.is_(None)))).scalar_one()
        assert left == 0, "an upload that broke off is still there"
