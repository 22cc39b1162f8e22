"""The stage of story tests: API, steps and simulator in one loop, over real HTTP semantics and a stepped clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
from fastapi.dependencies import models
from sqlalchemy import exists, func, select

from app.cli.http_api import build_app
from app.container import Container, build_container, build_marketo_clients
from app.domain.failpoints import FailpointHit, no_op
from app.domain.lifecycle import FINAL, JobState, PartState
from app.marketo.rate_limit import Sleep
from app.scheduling.lease import Lease
from app.settings import Settings, exactly
from app.simulator import Rules, Simulator, create_app
from app.store import instances, job_queries
from app.store.database import in_transaction
from app.store.tables import event, import_, instance, part, part_file, part_keys
from app.tracing import NO_TRACER, Tracer
from app.worker.instance_worker import InstanceWorker, build_instance_worker
from app.worker.leases import Leases
from app.worker.maintenance import Maintenance, build_maintenance
from app.worker.timetable import timetable
from tests.support.clock import SteppedClock
from tests.support.transport import SimulatorTransport

MARKETO = "http://marketo.example.com"
IDLE_SECONDS = 60.0  # the longest that the clock is moved between two beats: what stops is told within a minute


class CallInTransaction(AssertionError):
    """NO_CALL_IN_TX was broken."""


class Killed(BaseException):
    """The process ends here, as by SIGKILL: nothing catches it."""


def stage_settings(database_url: str, **knobs: Any) -> Settings:
    rules = Rules()
    instance = {"base_url": MARKETO, "client_id": rules.client_id, "client_secret": rules.client_secret}
    known = {"auth": "off", "disk_floor_bytes": 0, "bundle_seconds": 0, "instances": {"default": instance}}
    return exactly(database_url=database_url, **(known | knobs))


@dataclass
class Stage:
    container: Container
    instance_worker: InstanceWorker
    simulator: Simulator
    transport: SimulatorTransport
    api: httpx.AsyncClient
    clock: SteppedClock
    leases: Leases
    posted: list[httpx.Request] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # the paths of all other calls to Marketo

    @property
    def maintenance(self) -> Maintenance:
        return build_maintenance(self.container)

    @property
    def lease(self) -> Lease:
        return self.leases.held["default"]

    async def take_lease(self) -> None:
        if await self.leases.keep("default", self.instance_worker):
            await self.instance_worker.recovery.take_over(self.lease)

    async def create(self, content: bytes, **parameters: Any) -> httpx.Response:
        return await self.api.post(
            "/v1/imports", content=content, params=parameters, headers={"Content-Type": "text/csv"}
        )

    async def created(self, content: bytes, **parameters: Any) -> int:
        """Create an import that must be taken; its id."""
        answer = await self.create(content, **parameters)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    async def read(self, import_id: int) -> dict[str, Any]:
        return (await self.api.get(f"/v1/imports/{import_id}")).json()

    async def parts(self, import_id: int) -> list[dict[str, Any]]:
        return (await self.api.get(f"/v1/imports/{import_id}/parts")).json()["items"]

    async def events(self, import_id: int) -> list[str]:
        found = (await self.api.get(f"/v1/imports/{import_id}/events", params={"page_size": 200})).json()
        return [event["type"] for event in found["items"]]

    async def holds_nothing(self) -> bool:
        """Nothing of any upload, accepted or not."""
        async with self.container.db.read() as tx:
            return not any(
                [
                    (await tx.execute(select(exists().select_from(table)))).scalar_one()
                    for table in (import_, part, part_file, part_keys, event)
                ]
            )

    def forget_descriptions(self) -> None:
        """As another process would begin."""
        for describe in self.container.intake.describe.values():
            describe._objects.clear()

    async def beat(self) -> None:
        """Each step whose turn it is, as the worker does; all of them where the clock has not moved since."""
        if not self.leases.is_fresh("default"):
            await self.take_lease()
        at, ticked = self.clock(), self.instance_worker.ticked
        is_again = max(ticked.values(), default=at) == at
        for tick in timetable(self.instance_worker, 1):
            if is_again or tick.name not in ticked or at - ticked[tick.name] >= timedelta(seconds=tick.seconds):
                while await tick.step(self.lease):
                    pass
                ticked[tick.name] = self.clock()

    async def run(self, *, until: Any = None, beats: int = 400, seconds: float = 5) -> None:
        """Beat and step the clock until every import is finished (or `until()` is true).

        Where nothing is due for longer than `seconds`, the clock goes on to when it is: hours of waiting are few beats.
        """
        for _ in range(beats):
            await self.beat()
            if await (until() if until else self.quiet()):
                return
            self.clock.step(max(seconds, min(await self.seconds_until_due(), IDLE_SECONDS)))
        raise AssertionError(f"not done after {beats} beats: {(await self.api.get('/v1/imports')).json()}")

    async def seconds_until_due(self) -> float:
        """How long the steps will find nothing to do; a few seconds where no moment is known."""
        now = self.clock()
        async with self.container.db.read() as tx:
            under_way = {JobState.QUEUED, JobState.IMPORTING}
            there = await job_queries.in_states(tx, "default", under_way)
            answering = [each for each in there if each.silent_since is None]
            moments = [self.instance_worker.queue_model.next_poll(answering, now).at] if answering else []
            moments += [each.due_at for each in there if each.silent_since and each.due_at and each.due_at > now]
            by_time = select(func.min(part.c.due_at)).where(
                part.c.instance == "default",
                part.c.state.in_(set(PartState) - set(map(PartState, under_way)) - FINAL),
                part.c.due_at > now,
            )
            moments.append((await tx.execute(by_time)).scalar_one())
            held = select(instance.c.hold_until, instance.c.hold_reason).where(instance.c.hold_until > now)
            until, reason = (await tx.execute(held)).one_or_none() or (None, None)
            moments = [until] if reason == "daily_quota" else [*moments, until]
            others = select(instance.c.foreign_until).where(instance.c.foreign_until > now)
            moments.append((await tx.execute(others)).scalar_one_or_none())
        soonest = min((at for at in moments if at is not None), default=now + timedelta(seconds=5))
        return (soonest - now).total_seconds()

    async def quiet(self) -> bool:
        """Every import is finished."""
        under_way = exists().where(import_.c.status.in_(["queued", "importing"]))
        async with self.container.db.read() as tx:
            return not (await tx.execute(select(under_way))).scalar_one()

    async def crash(self) -> None:
        """The worker dies and another one starts: all that it had in memory is gone."""
        container = self.container
        self.container = replace(
            container,
            marketo=build_marketo_clients(container.settings, container.http, now=self.clock, sleep=self.clock.sleep),
        )
        self.instance_worker = build_instance_worker(self.container, "default")
        self.leases = Leases(db=self.container.db, now=self.clock, worker="another", seconds=30)
        self.clock.step(31)  # the dead worker's lease


@asynccontextmanager
async def staged(
    database_url: str,
    clock: SteppedClock,
    *,
    rules: Rules | None = None,
    hang: Sleep = asyncio.sleep,
    hit: FailpointHit = no_op,
    tracer: Tracer = NO_TRACER,
    **knobs: Any,
) -> AsyncIterator[Stage]:
    """`hang` is how a call of the simulator hangs, when that was ordered."""
    simulator = Simulator(rules or Rules(), now=clock.seconds)
    posted: list[httpx.Request] = []
    asked: list[str] = []

    def watch(request: httpx.Request) -> None:
        if in_transaction():
            raise CallInTransaction(str(request.url))
        if request.method == "POST" and "/bulk/" in request.url.path:
            posted.append(request)
        else:
            asked.append(request.url.path)

    transport = SimulatorTransport(create_app(simulator, sleep=hang), before_request=watch)
    http = httpx.AsyncClient(transport=transport)
    settings = stage_settings(database_url, **knobs)
    container = build_container(settings, tracer=tracer, now=clock, sleep=clock.sleep, http=http, hit=hit)
    try:
        async with container.db.write() as tx:
            await instances.ensure(tx, container.settings.instances)
        door = httpx.ASGITransport(build_app(container))
        async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1") as api:
            instance_worker = build_instance_worker(container, "default")
            leases = Leases(db=container.db, now=clock, worker="the worker", seconds=30)
            stage = Stage(container, instance_worker, simulator, transport, api, clock, leases, posted, asked)
            await stage.take_lease()
            yield stage
    finally:
        await container.close()
        _forget_apps()


def _forget_apps() -> None:
    """FastAPI remembers thousands of functions, and with them every app of a test run, and all that belongs to it."""
    for known in vars(models).values():
        if hasattr(known, "cache_clear"):
            known.cache_clear()
