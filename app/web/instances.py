"""/v1/instances: how each Marketo subscription is doing, and pausing it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.clients import Scope
from app.domain.errors import NotFound
from app.domain.instances import Condition, Instance
from app.domain.lifecycle import AT_MARKETO, State
from app.domain.patience import marketo_day
from app.masking import masked_url
from app.settings import InstanceSettings
from app.store import counts, instances, line
from app.store.counts import Live
from app.web import contract, examples
from app.web.auth import Guarded, TheCaller, needs
from app.web.deps import SMALL_BODY_BYTES, TheHouse
from app.web.known import knows
from app.web.parameters import plain_text
from app.web.schemas import (
    CallsOut,
    InstanceOut,
    InstancePage,
    LimitsOut,
    SlotsOut,
    ThroughputOut,
    WaitingOut,
    WorkerOut,
)
from app.wiring import House

router = APIRouter(prefix="/v1/instances", tags=["instances"], route_class=Guarded)
Name = Annotated[str, AfterValidator(str.lower)]
READS, DECIDES = [knows(), needs(Scope.READ)], [knows(), needs(Scope.OPERATE)]


class Pause(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PAUSE]})

    reason: Annotated[str, Field(max_length=1000), AfterValidator(plain_text)] | None = None


@router.get("", response_model=InstancePage, dependencies=READS, responses=contract.answers({}, "forbidden"))
async def page(house: TheHouse) -> InstancePage:
    """Every configured instance."""
    return InstancePage(items=await everyone(house))


@router.get(
    "/{name}", response_model=InstanceOut, dependencies=READS, responses=contract.answers({}, "forbidden", "not_found")
)
async def read(house: TheHouse, name: Name) -> InstanceOut:
    """One instance."""
    return await _one(house, name)


@router.post(
    "/{name}/pause",
    response_model=InstanceOut,
    dependencies=DECIDES,
    max_body_size=SMALL_BODY_BYTES,
    responses=contract.answers({}, "forbidden", "not_found", "disk_full", *contract.OF_JSON),
)
async def pause(house: TheHouse, caller: TheCaller, name: Name, why: Pause | None = None) -> InstanceOut:
    """Submit nothing new to it; what is at Marketo is followed to its end."""
    await house.desk.pause(name, reason=why.reason if why else None, by=caller.client)
    return await _one(house, name)


@router.post(
    "/{name}/resume",
    response_model=InstanceOut,
    dependencies=DECIDES,
    responses=contract.answers({}, "forbidden", "not_found", "disk_full"),
)
async def resume(house: TheHouse, caller: TheCaller, name: Name) -> InstanceOut:
    """Go on; a blocked instance is tried again at once."""
    await house.desk.resume(name, by=caller.client)
    return await _one(house, name)


async def everyone(house: House) -> list[InstanceOut]:
    """The configured instances as they stand, in the order of their names."""
    async with house.db.read() as tx:
        return [view.out() for view in await views(house, tx, await counts.live(tx, now=house.now()))]


async def views(house: House, tx: AsyncConnection, live: Mapping[str, Live]) -> list["View"]:
    now = house.now()
    known = {instance.name: instance for instance in await instances.everyone(tx)}
    rates = await counts.rows_per_second(tx, now=now)
    return [
        View(
            settings=settings,
            instance=known.get(name, Instance(name)),
            live=live.get(name, Live()),
            any_may_go=await line.any_may_go(tx, name, now=now),
            rate=rates.get(name),
            now=now,
        )
        for name, settings in sorted(house.settings.instances.items())
    ]


async def _one(house: House, name: str) -> InstanceOut:
    for instance in await everyone(house):
        if instance.name == name:
            return instance
    raise NotFound(f"There is no instance {name!r}.")


@dataclass(frozen=True, slots=True)
class View:
    """An instance at one moment."""

    settings: InstanceSettings
    instance: Instance
    live: Live
    any_may_go: bool  # a part waits for nothing but a slot
    rate: float | None
    now: datetime

    @property
    def slots_used(self) -> int:
        return sum(self.live.parts.get(state, 0) for state in AT_MARKETO)

    @property
    def waited_seconds(self) -> float:
        """How long the oldest waiting part has been here."""
        return self._seconds_since(self.live.waiting_since)

    @property
    def importing_seconds(self) -> float:
        """How long Marketo has been importing the part that it began with first."""
        return self._seconds_since(self.live.importing_since)

    @property
    def idle_seconds(self) -> float:
        """For how long one of Marketo's importers has had nothing from us while a part could go; 0: none is idle.

        As the worker's signs of life have it; where there are none any more, since the last one.
        """
        instance, settings = self.instance, self.settings
        importers, queued = settings.max_importing, settings.max_queued
        if not self.any_may_go or not instance.idle_importers(
            self.now, parts=self.live.parts, importers=importers, queued=queued
        ):
            return 0.0
        since = instance.idle_since
        if since is None and (instance.lease_until or self.now) <= self.now:  # nobody looks
            since = max(filter(None, (instance.heartbeat_at, self.live.waiting_since)), default=None)
        return self._seconds_since(since)

    def _seconds_since(self, moment: datetime | None) -> float:
        return max(0.0, (self.now - moment).total_seconds()) if moment else 0.0

    def out(self) -> InstanceOut:
        instance, settings, parts = self.instance, self.settings, self.live.parts
        worker = None
        if instance.worker and instance.heartbeat_at:
            worker = WorkerOut(id=instance.worker, heartbeat_at=instance.heartbeat_at)
        return InstanceOut(
            name=instance.name,
            base_url=masked_url(settings.base_url),
            state=instance.condition(self.now),
            reason=self.reason,
            until=instance.hold_until if instance.holding(self.now) else None,
            limits=LimitsOut(importing=settings.max_importing, queued=settings.max_queued),
            slots=SlotsOut(
                used=self.slots_used,
                importing=parts.get(State.IMPORTING, 0),
                queued=parts.get(State.QUEUED, 0),
                unconfirmed=parts.get(State.UNCONFIRMED, 0),
            ),
            waiting=WaitingOut(
                parts=parts.get(State.WAITING, 0), rows=self.live.waiting_rows, oldest_seconds=int(self.waited_seconds)
            ),
            calls=CallsOut(
                today=self.calls_today,
                quota=settings.daily_calls,
                last_window=self.calls_in_window,
                window_limit=settings.calls_per_window,
            ),
            throughput=ThroughputOut(rows_per_second=self.rate),
            worker=worker,
        )

    @property
    def calls_today(self) -> int:
        calls = self.instance.calls
        return calls.today if calls and calls.day == marketo_day(self.now) else 0

    @property
    def calls_in_window(self) -> int:
        calls, window = self.instance.calls, timedelta(seconds=self.settings.window_seconds)
        return calls.last_window if calls and calls.at + window > self.now else 0

    @property
    def reason(self) -> str | None:
        instance = self.instance
        match instance.condition(self.now):
            case Condition.PAUSED:
                return instance.paused_reason
            case Condition.BLOCKED:
                return instance.blocked_reason
            case Condition.BACKING_OFF:
                return instance.hold_reason
            case Condition.RUNNING:
                return None
