"""One life: a few processes on one database, contending for a few instances, while everything goes wrong that may.

Then the trouble ends, one worker is left, and all must come right. Every decision is drawn from the seed; each task
draws from a die of its own, so that nobody's draw depends on who went first.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import httpx
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock, ClockJumped, Reading
from app.container import Container, build_container
from app.domain.api_keys import EVERYBODY
from app.domain.errors import CallerError, WrongState
from app.domain.failpoints import Failpoint
from app.domain.imports import OnUnconfirmed, Request
from app.domain.lifecycle import PartState
from app.domain.objects import CustomObject, Leads
from app.scheduling.lease import Lease
from app.settings import Settings, exactly
from app.simulator import Fault, Rules, Simulator, create_app
from app.store import instances
from app.store.database import in_transaction
from app.store.parts import Stale
from app.store.tables import event, import_
from app.uploads.arrival import Arrival
from app.worker.instance_worker import build_instance_worker
from app.worker.leases import Leases
from app.worker.maintenance import build_maintenance
from app.worker.runner import Worker
from app.worker.timetable import Step, Tick, timetable
from tests.simulation.harness import Door, Ground
from tests.support import in_jobs
from tests.support.audit import Audit
from tests.support.stage import CallInTransaction, Killed
from tests.support.transport import SimulatorTransport

BEGINS = datetime(2026, 11, 4, 12, tzinfo=UTC)
LEASE_SECONDS = 30.0
TICK_SECONDS = 8.0
CLOCK_SECONDS = 10.0
SETTLE_SECONDS = 240.0  # longer than any job can take here
LAST_BEATS = 300
BUNDLE_SECONDS = 20.0
FILES_TO_BUNDLE = 12  # times as many as in a life in which each goes by itself
BURST = 8  # files that come at once, where they are bundled; and so many upload side by side
CALLERS = 3
FIRST_STEP_SECONDS = 60.0
LONGEST_STEP_SECONDS = 3600.0

FAULTS = (
    ("lost_response", "create"),
    ("lost_request", "create"),
    ("executed_then:611", "create"),
    ("executed_then:502", "create"),
    ("half_body", "create"),
    ("bad_json", "any"),
    ("empty_body", "any"),
    ("html_200", "any"),
    ("html_502", "any"),
    ("http_500", "any"),
    ("hang", "any"),
    ("token_dies", "any"),
    ("expires_in_zero", "identity"),
    ("lost_response", "identity"),
    ("json_error:603", "create"),
    ("json_error:606", "any"),
    ("json_error:615", "any"),
    ("json_error:713", "create"),
    ("json_error:1016", "create"),
    ("json_error:1019", "create"),
    ("json_error:1006", "create"),
    ("json_error:601", "any"),
    ("slow_queue", "create"),
    ("job_failed", "create"),
    ("failed_in_answer", "create"),
    ("forget_batch", "status"),
    ("status_backwards", "status"),
    ("late_file", "any"),
    ("garbled_file", "any"),
    ("json_error_on_file", "any"),
)
RARE = {"job_failed", "failed_in_answer", "forget_batch", "json_error:1006", "json_error:603", "garbled_file"}

die: ContextVar[Random] = ContextVar("die")
driven: ContextVar[Lease | None] = ContextVar("driven", default=None)
job_name: ContextVar[str] = ContextVar("job_name", default="")


async def _fenced(tx: AsyncConnection) -> None:
    """FENCED: what a step is about to commit, it writes under the lease that counts."""
    if lease := driven.get():
        found = await instances.get(tx, lease.instance)
        assert found is not None
        assert found.lease_epoch == lease.epoch, f"FENCED: {job_name.get()} writes under epoch {lease.epoch}"


@dataclass(frozen=True)
class Plan:
    """What a seed decides beforehand."""

    seed: int
    instances: tuple[str, ...]
    workers: int
    lasts_seconds: float
    imports: int
    people: int  # few: the imports share many keys
    kills: float  # of all pauses, so many
    deaths: float  # of all points that are reached
    aimed: tuple[tuple[Failpoint, int], ...]  # the nth time that this point is reached, somebody dies
    stalls: float
    slow: float  # of all pauses, so many take seconds
    job_seconds: float  # what Marketo takes for each part, its rows aside
    busy_people: bool
    faults: tuple[tuple[str, str, float], ...]
    foreign: float  # seconds between two times that others take slots
    leaps: bool  # the machine sleeps now and then, and everybody with it
    skews: tuple[float, ...]  # seconds by which a process's own time of day may be off
    jumps: tuple[float, ...]  # seconds by which the database's time of day is set, now and then
    bundle_seconds: float  # of every second life; small files are many there, and more of them alike

    @classmethod
    def of(cls, seed: int) -> "Plan":
        dice = Random(f"{seed}/plan")
        chosen = dice.sample(FAULTS, dice.choice([0, 1, 2, 4]))
        planned = cls(
            seed=seed,
            instances=tuple(f"i{n}" for n in range(dice.choice([1, 1, 1, 2, 2, 3]))),
            workers=dice.choice([2, 2, 2, 3, 4]),
            lasts_seconds=dice.uniform(15, 60),
            imports=dice.choice([1, 2, 2, 3]),
            people=dice.choice([8, 30, 200]),
            kills=dice.choice([0, 0, 0.002, 0.01]),
            deaths=dice.choice([0, 0, 0.01, 0.05]),
            aimed=tuple(
                (dice.choice(list(Failpoint)), dice.choice([1, 1, 2, 3])) for _ in range(dice.choice([0, 1, 2, 3]))
            ),
            stalls=dice.choice([0, 0.005, 0.02]),
            slow=dice.choice([0, 0.03, 0.1]),
            job_seconds=dice.choice([4.0, 40.0]),
            busy_people=dice.random() < 0.3,
            faults=tuple((name, on, dice.uniform(0.02, 0.1 if name in RARE else 0.3)) for name, on in chosen),
            foreign=dice.choice([0, 0, 30]),
            leaps=dice.random() < 0.3,
            skews=dice.choice([(0.0,), (0.0,), (60.0, -60.0, 0.0), (3600.0, -45.0, 86_400.0)]),
            jumps=dice.choice([(), (), (5.0, -5.0), (60.0, -60.0), (3600.0, -3600.0), (100 * 86_400.0, -3600.0)]),
            bundle_seconds=0 if seed % 2 else BUNDLE_SECONDS,
        )
        return planned if seed % 2 else replace(planned, imports=FILES_TO_BUNDLE * planned.imports)


@dataclass
class Process:
    """A process that may stall and die at any of its pauses."""

    life: "Life"
    name: str
    alive: bool = True
    stopping: bool = False
    stalled_until: float = 0.0
    worker: Worker | None = None
    claims: dict[str, int] = field(default_factory=dict)  # by instance, the epoch of the claim under way
    container: Container = field(init=False)
    shared_die: Random = field(init=False)  # of what is done for several callers together, in nobody's context

    def __post_init__(self) -> None:
        life = self.life
        self.shared_die = Random(f"{life.plan.seed}/{self.name}/together")
        chance = Random(f"{life.plan.seed}/{self.name}/chance")
        self.clock = _clock(life, Random(f"{life.plan.seed}/{self.name}/clock"))
        self.container = build_container(
            life.settings,
            now=self.clock,
            http=httpx.AsyncClient(transport=_Lines(self), trust_env=False),
            hit=self.hit,
            chance=chance.random,
            db=Door(life.ground, self.pause, _fenced),
        )
        self.container.timekeeper.alone = False
        self.container.timekeeper.look_seconds = CLOCK_SECONDS

    @property
    def leases(self) -> Mapping[str, Lease]:
        """By instance: what it may begin a call for."""
        return self.worker.leases.held if self.worker and self.alive else {}

    async def pause(self) -> None:
        """Where another may come first. Errors: Killed."""
        if not self.alive:
            raise Killed
        if self.life.calm:
            return
        dice, plan = die.get(self.shared_die), self.life.plan
        await asyncio.sleep(dice.uniform(0.001, 6 if dice.random() < plan.slow else 0.05))
        if dice.random() < plan.stalls:
            seconds = dice.choice([2, LEASE_SECONDS, 2 * LEASE_SECONDS]) * dice.uniform(0.5, 1.5)
            self.stalled_until = max(self.stalled_until, self.life.loop.time() + seconds)
            self.life.trace(self.name, f"stalls for {seconds:.1f} s")
        while self.stalled_until > self.life.loop.time():
            await asyncio.sleep(self.stalled_until - self.life.loop.time() + dice.uniform(0.001, 0.05))
        if dice.random() < plan.kills:
            self._die("somewhere")
        if not self.alive:
            raise Killed

    def hit(self, point: Failpoint) -> None:
        self.life.trace(self.name, point)
        self._watch_claims(point)
        if point is Failpoint.TAKEN_OVER:
            self._watch_leases(job_name.get().partition(":")[2])
        if self.life.dies_at(point):
            self._die(point)

    def _watch_claims(self, point: Failpoint) -> None:
        """Nobody calls a claim of his own lost while he is still at it."""
        job, _, name = job_name.get().partition(":")
        if self.worker is None or (lease := self.worker.leases.held.get(name)) is None:
            return
        if point is Failpoint.CLAIMED:
            self.claims[name] = lease.epoch
        elif point is Failpoint.SUBMITTED:
            self.claims.pop(name, None)
        elif point is Failpoint.JUDGED_LOST and job == "lease":
            assert self.claims.get(name) != lease.epoch, f"{self.name} called its own claim lost"

    def _watch_leases(self, name: str) -> None:
        """Nobody takes an instance from a worker that may still begin calls for it, whatever their clocks say."""
        mine = self.leases.get(name)
        if mine is None or not mine.holds(self.clock.monotonic()):
            return  # it comes late to its own take-over: what it writes is fenced
        for other in self.life.processes:
            if other is not self and (lease := other.leases.get(name)):
                assert not lease.holds(other.clock.monotonic()), (
                    f"{self.name} took {name} from {other.name}, which lives"
                )

    def _die(self, where: str) -> None:
        self.alive = False
        self.life.trace(self.name, f"dies: {where}")
        raise Killed

    async def live(self, jobs: dict[str, Callable[[], Awaitable[None]]]) -> bool:
        """Set the clock, and then do the jobs, with an eye on it until the last one ends. True when it died."""
        if await self.run({"clock": self.container.timekeeper.begin}, last=False):
            return True
        under_way = set(jobs)

        async def until_done(name: str, job: Callable[[], Awaitable[None]]) -> None:
            await job()
            under_way.discard(name)

        clocked = {name: partial(until_done, name, job) for name, job in jobs.items()}
        return await self.run(clocked | {"clock": partial(self._keep_time, under_way)})

    async def _keep_time(self, under_way: Collection[str]) -> None:
        dice = die.get()
        await asyncio.sleep(dice.uniform(0, CLOCK_SECONDS))
        while under_way:
            await self.pause()
            with suppress(ClockJumped):
                await self.container.timekeeper.look()
            await asyncio.sleep(dice.uniform(0.5, 1.5) * CLOCK_SECONDS)

    async def run(self, jobs: dict[str, Callable[[], Awaitable[None]]], *, last: bool = True) -> bool:
        """Do the jobs side by side, until all have ended or one of them dies, and all with it. True when it died."""
        tasks = [asyncio.create_task(self._with_die(name, job)) for name, job in jobs.items()]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        errors = [error for error in outcomes if isinstance(error, BaseException)]
        for error in errors:
            if not isinstance(error, Killed | asyncio.CancelledError):
                raise error
        if errors or last:
            await self.container.http.aclose()
        return bool(errors)

    async def _with_die(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        die.set(Random(f"{self.life.plan.seed}/{self.name}/{name}"))
        job_name.set(name)
        await job()


class _Lines(httpx.AsyncBaseTransport):
    """A process's lines to every Marketo. The request may be late, and so may the answer."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.inner = {
            f"{name}.example.com": SimulatorTransport(create_app(simulator))
            for name, simulator in process.life.marketos.items()
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if in_transaction():
            raise CallInTransaction(str(request.url))
        await self.process.pause()
        response = await self.inner[request.url.host].handle_async_request(request)
        self.process.life.trace(self.process.name, f"{request.method} {request.url.path}: {response.status_code}")
        await self.process.pause()
        return response


@dataclass
class Life:
    plan: Plan
    ground: Ground
    calm: bool = False
    leapt_seconds: float = 0.0
    set_by_seconds: float = 0.0  # the database's time of day
    started: float = 0.0
    story: list[str] = field(default_factory=list)
    hit: dict[Failpoint, int] = field(default_factory=dict)
    accepted: list[int] = field(default_factory=list)
    born: int = 0
    processes: list[Process] = field(default_factory=list)
    lost_at: dict[int, datetime | None] = field(default_factory=dict)  # by part: when its answer was lost, if known
    parts_of_jobs: list[int] = field(default_factory=list)  # at Marketo, once all is over
    marketos: dict[str, Simulator] = field(init=False)
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.loop = self.ground.loop
        self.started = self.loop.time()
        rules = Rules(job_seconds=self.plan.job_seconds, rows_per_second=20.0, seed=self.plan.seed, keep_jobs=True)
        self.marketos = {name: Simulator(rules, now=lambda: self.now().timestamp()) for name in self.plan.instances}
        self.settings = _settings(self.ground.url, self.plan, rules)

    def passed(self) -> float:
        """Seconds since the beginning."""
        return self.loop.time() - self.started + self.leapt_seconds

    def now(self) -> datetime:
        """The true time, and Marketo's."""
        return BEGINS + timedelta(seconds=self.passed())

    def database_time(self) -> datetime:
        return self.now() + timedelta(seconds=self.set_by_seconds)

    def trace(self, who: str, what: str) -> None:
        self.story.append(f"{self.now() - BEGINS} {who} {what}")

    def dies_at(self, point: Failpoint) -> bool:
        self.hit[point] = self.hit.get(point, 0) + 1
        if self.calm:
            return False
        return (point, self.hit[point]) in self.plan.aimed or die.get().random() < self.plan.deaths

    async def live(self) -> None:
        """Errors: whatever goes wrong that should not; AssertionError from the audit."""
        await self.ground.empty()
        async with self.ground.write() as tx:
            await instances.ensure(tx, self.plan.instances)
        self._order_mischief()
        ends = self.loop.time() + self.plan.lasts_seconds
        lives = [self._again_and_again(f"w{n}", self._work, ends) for n in range(self.plan.workers)]
        lives.append(self._again_and_again("api", self._serve, ends))
        lives.append(self._others(ends))
        tasks = [asyncio.create_task(one) for one in lives]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.calm = True
        for simulator in self.marketos.values():
            simulator.call_off()
        await self._come_right()

    def _order_mischief(self) -> None:
        for simulator in self.marketos.values():
            for name, on, probability in self.plan.faults:
                seconds = {"hang": 40.0, "slow_queue": 20.0}.get(name)
                simulator.order(Fault(name, on=on, probability=probability, seconds=seconds))

    async def _again_and_again(self, name: str, job: Callable[[Process], Awaitable[bool]], ends: float) -> None:
        """A process of that kind, and another when it has died, until the time is up."""
        dice = Random(f"{self.plan.seed}/{name}")
        number = 0
        while self.loop.time() < ends:
            number += 1
            process = Process(self, f"{name}.{number}")
            self.processes.append(process)
            asked = self.loop.call_later(max(0.0, ends - self.loop.time()), setattr, process, "stopping", True)
            if dice.random() < 0.3:  # a calm end, and a new start
                self.loop.call_later(dice.uniform(5, 40), setattr, process, "stopping", True)
            await job(process)
            asked.cancel()
            await asyncio.sleep(dice.uniform(0.5, 15))

    async def _work(self, process: Process) -> bool:
        worker = self._worker(process)
        jobs = {}
        for name, instance_worker in worker.instance_workers.items():
            jobs[f"lease:{name}"] = self.every(process, LEASE_SECONDS / 4, worker.lease, name)
            for tick in timetable(instance_worker, TICK_SECONDS):
                jobs[f"{tick.name}:{name}"] = self.every(
                    process, TICK_SECONDS, worker.tick, name, tick._replace(step=self._driving(tick))
                )
        if await process.live(jobs):
            return True
        return await process.run({"end": lambda: self._leave(process, worker)})

    def _worker(self, process: Process) -> Worker:
        container = process.container
        leases = Leases(db=container.db, now=container.now, worker=process.name, seconds=LEASE_SECONDS)
        leases.alone = False
        process.worker = Worker(
            instance_workers={name: build_instance_worker(container, name) for name in self.plan.instances},
            maintenance=build_maintenance(container),
            leases=leases,
            wakeup=container.wakeup,
            now=container.now,
            tick_seconds=TICK_SECONDS,
            shutdown_seconds=30,
            hit=process.hit,
        )
        return process.worker

    async def _leave(self, process: Process, worker: Worker) -> None:
        process.hit(Failpoint.LEAVING)
        for name in list(worker.leases.held):
            await worker.leases.give_up(name, worker.instance_workers[name])

    def every(
        self, process: Process, seconds: float, deed: Callable[..., Awaitable[object]], *args: object
    ) -> Callable[[], Awaitable[None]]:
        async def job() -> None:
            dice = die.get()
            await asyncio.sleep(dice.uniform(0, seconds))
            while not process.stopping:
                await process.pause()
                with suppress(Stale, ClockJumped):  # another worker was faster: the next tick looks again
                    await deed(*args)
                await asyncio.sleep(dice.uniform(0.5, 1.5) * seconds)

        return job

    async def _serve(self, process: Process) -> bool:
        callers = CALLERS if self.plan.bundle_seconds else 1
        uploads = {f"uploads{n or ''}": lambda: self._upload(process) for n in range(callers)}
        return await process.live(uploads | {"desk": lambda: self._decide(process)})

    async def _upload(self, process: Process) -> None:
        dice = die.get()
        burst = BURST if self.plan.bundle_seconds else 1
        while self.born < self.plan.imports and not process.stopping:
            if self.born % burst == 0:
                await asyncio.sleep(dice.uniform(0.1, self.plan.lasts_seconds * burst / self.plan.imports / 2))
            await process.pause()
            self.born += 1
            number = self.born
            request, content = _upload(number, dice, self.plan, process.clock())
            with suppress(CallerError):
                receipt = await process.container.intake.receive(request, Arrival(_chunks(content)))
                self.accepted.append(receipt.import_id)
            self.trace(process.name, f"import {number} is accepted as {self.accepted[-1:]}")

    async def _decide(self, process: Process) -> None:
        """What people do."""
        dice, operations = die.get(), process.container
        while not process.stopping:
            await asyncio.sleep(dice.uniform(1, 6 if self.plan.busy_people else 60))
            await process.pause()
            name = dice.choice(self.plan.instances)
            with suppress(WrongState):
                match dice.choice(["cancel", "pause", "resume", "resolve", "retry"]):
                    case "cancel" if self.accepted and dice.random() < 0.5:
                        await operations.cancel.run(self.accepted[-1], by=EVERYBODY.client)
                    case "pause":
                        await operations.pause.run(name, reason=None, by=EVERYBODY.client)
                        await asyncio.sleep(dice.uniform(1, 20))
                        await operations.resume.run(name, by=EVERYBODY.client)
                    case "resume":
                        await operations.resume.run(name, by=EVERYBODY.client)
                    case "resolve":
                        await self._resolve(process, name)
                    case "retry" if self.accepted:
                        again = await process.container.retry.parts(dice.choice(self.accepted), by=EVERYBODY)
                        self.accepted.append(again.import_id)

    async def _resolve(self, process: Process, name: str) -> None:
        """Somebody looks into Marketo whether it has an unconfirmed job, and says so. Whoever is unsure waits."""
        audit = Audit(process.container.db, self.marketos)
        books = await audit.look()
        taken = {found.batch_id for found in books.jobs if found.instance == name}
        sent = audit.sent(name, books)
        doubtful = {found.job_id: found for found in reversed(books.parts) if found.state == PartState.UNCONFIRMED}
        for job_id, part in sorted(doubtful.items()):
            if part.instance != name:
                continue
            cargoes = audit.cargoes_of(job_id, books)
            known = [job.batch_id for job in sent if job.cargoes == cargoes and job.batch_id not in taken]
            settled = part.state_since is not None and (process.clock() - part.state_since).total_seconds() > 60
            if known:
                await process.container.resolve.run(
                    part.import_id, part.number, batch_id=known[-1], by=EVERYBODY.client
                )
            elif settled:
                await process.container.resolve.run(part.import_id, part.number, batch_id=None, by=EVERYBODY.client)

    async def _others(self, ends: float) -> None:
        """Other users of the instances, and the machine that sleeps."""
        dice = Random(f"{self.plan.seed}/others")
        while self.loop.time() < ends:
            await asyncio.sleep(dice.uniform(5, 30))
            if self.plan.leaps and dice.random() < 0.3:
                self.leapt_seconds += dice.choice([5, 40, 700, 4000])
                self.trace("machine", "slept")
            if self.plan.jumps and dice.random() < 0.3:
                seconds = dice.choice(self.plan.jumps)
                self.set_by_seconds += seconds
                self.trace("database", f"is set by {seconds} s")
            if self.plan.foreign and dice.random() < 0.3:
                dice.choice(list(self.marketos.values())).occupy(dice.randint(1, 10), self.plan.foreign)
                self.trace("others", "take slots")

    async def _come_right(self) -> None:
        """No more trouble: one worker goes on alone, and looks less often the longer nothing happens."""
        process = Process(self, "last")
        await process.run({"clock": process.container.timekeeper.begin}, last=False)
        await process.run({"last": lambda: self._finish(process)})

    async def _finish(self, process: Process) -> None:
        worker = self._worker(process)
        audit = Audit(process.container.db, self.marketos)
        await audit.look()
        for name in self.plan.instances:
            await process.container.resume.run(name, by="the last")
        seconds, last_event = FIRST_STEP_SECONDS, 0
        for _ in range(LAST_BEATS):
            await process.container.timekeeper.look()
            unfinished, newest = await self._how_far()
            if not unfinished:
                break
            for name in sorted(unfinished):
                await worker.lease(name)
                for tick in timetable(worker.instance_workers[name], TICK_SECONDS):
                    with suppress(Stale, ClockJumped):
                        await worker.tick(name, tick)
                await self._resolve_held(process, name)
            seconds = FIRST_STEP_SECONDS if newest > last_event else min(2 * seconds, LONGEST_STEP_SECONDS)
            last_event = newest
            await asyncio.sleep(seconds)
        books = await audit.close_the_books(self.accepted)
        self.parts_of_jobs = [len(job.pieces) for name in self.plan.instances for job in audit.sent(name, books)]

    async def _how_far(self) -> tuple[set[str], int]:
        """(the instances with imports that are not finished, the last event)."""
        newest = select(func.coalesce(func.max(event.c.id), 0)).scalar_subquery()
        unfinished = select(import_.c.instance, newest).where(import_.c.status.in_(["queued", "importing"]))
        async with self.ground.read() as tx:
            found = (await tx.execute(unfinished)).all()
        return {row[0] for row in found}, max((row[1] for row in found), default=0)

    def _driving(self, tick: Tick) -> Step:
        """The same step, its lease known to whoever looks at what it writes."""

        async def run_once(lease: Lease) -> bool:
            driven.set(lease)
            if not self.plan.jumps:
                return await tick.step(lease)
            began, lost = self.now(), await self._lost(lease.instance)
            for part_id in lost:
                self.lost_at.setdefault(part_id, None)  # by one that died meanwhile
            more = await tick.step(lease)
            still = await self._lost(lease.instance)
            for part_id in still - lost:
                self.lost_at[part_id] = began
            if tick.name == "sweep":
                self._settled(lost - still)
            return more

        return run_once

    async def _lost(self, name: str) -> set[int]:
        """The parts that nobody knows of whether Marketo has them."""
        async with self.ground.read() as tx:
            return {found.id for found in await in_jobs.parts_in(tx, name, PartState.UNCONFIRMED)}

    def _settled(self, sent_back: set[int]) -> None:
        """A part whose answer was lost is given its time, whatever a clock says."""
        for part_id in sent_back:
            if lost_at := self.lost_at.pop(part_id):
                seconds = (self.now() - lost_at).total_seconds()
                assert seconds >= SETTLE_SECONDS, f"NEVER_TWICE: part {part_id} was sent back after {seconds} s"

    async def _resolve_held(self, process: Process, name: str) -> None:
        async with process.container.db.read() as tx:
            doubtful = await in_jobs.parts_in(tx, name, PartState.UNCONFIRMED)
        if any(part.due_at and part.due_at <= process.clock() for part in doubtful):
            await self._resolve(process, name)


def _clock(life: Life, dice: Random) -> Clock:
    """A machine's: its time of day may be off, and its monotonic clock begins anywhere."""
    since = dice.uniform(0, 1e6)
    clock = Clock(life.database_time, lambda: since + life.passed())
    skew = timedelta(seconds=dice.choice(life.plan.skews))
    clock.set(Reading(life.database_time() + skew, clock.monotonic()))
    return clock


def _settings(url: str, plan: Plan, rules: Rules) -> Settings:
    known = {
        name: {
            "base_url": f"http://{name}.example.com",
            "client_id": rules.client_id,
            "client_secret": rules.client_secret,
        }
        for name in plan.instances
    }
    return exactly(
        database_url=url,
        auth="off",
        disk_floor_bytes=0,
        part_bytes=1000,
        upload_timeout_seconds=60,
        unconfirmed_settle_seconds=SETTLE_SECONDS,
        lease_seconds=LEASE_SECONDS,
        tick_seconds=TICK_SECONDS,
        bundle_seconds=plan.bundle_seconds,
        instances=known,
    )


def _upload(number: int, dice: Random, plan: Plan, now: datetime) -> tuple[Request, bytes]:
    """A small file, or one of several parts; of people whom other files may know, too."""
    rows = dice.choice([1, 1, 1, 3, 10, 45] if plan.bundle_seconds else [1, 3, 10, 10, 45])
    cars = dice.random() < 0.15
    score = dice.choice(["1", "1", "1", "many"])  # which is no number: Marketo fails the row
    lines = [
        f"p{dice.randrange(plan.people)}@example.com,f{number}r{row},{score if row % 2 else 1}" for row in range(rows)
    ]
    request = Request(
        target=CustomObject("car_c") if cars else Leads(list_id=dice.choice([None, None, None, 1])),
        instance=dice.choice(plan.instances),
        client=dice.choice(["crm", "shop"]),
        priority=dice.choice([5, 5, 5, 5, 9] if plan.bundle_seconds else [0, 5, 5, 9]),
        not_before=now + timedelta(seconds=30) if dice.random() < 0.1 else None,
        on_unconfirmed=OnUnconfirmed.HOLD
        if dice.random() < (0.1 if plan.bundle_seconds else 0.2)
        else OnUnconfirmed.RESUBMIT,
    )
    header = "vin,make,model" if cars else "email,firstName,leadScore"
    return request, "\n".join([header, *lines, ""]).encode()


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 700):
        await asyncio.sleep(0.01)
        yield content[start : start + 700]
