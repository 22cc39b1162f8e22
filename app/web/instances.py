"""/v1/instances: how each Marketo subscription is doing, and pausing it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.domain.clients import Scope
from app.domain.errors import NotFound
from app.domain.instances import Condition, Instance
from app.domain.lifecycle import State
from app.domain.patience import marketo_day
from app.settings import InstanceSettings
from app.store import counts, instances
from app.store.counts import Live
from app.web import contract, examples
from app.web.auth import Guarded, TheCaller, needs
from app.web.deps import SMALL_BODY_BYTES, TheHouse
from app.web.imports import knows
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
async def read(house: TheHouse, name: str) -> InstanceOut:
    """One instance."""
    return await _one(house, name)


@router.post(
    "/{name}/pause",
    response_model=InstanceOut,
    dependencies=DECIDES,
    max_body_size=SMALL_BODY_BYTES,
    responses=contract.answers({}, "forbidden", "not_found", "disk_full", *contract.OF_JSON),
)
async def pause(house: TheHouse, caller: TheCaller, name: str, why: Pause | None = None) -> InstanceOut:
    """Submit nothing new to it; what is at Marketo is followed to its end."""
    await house.desk.pause(name, reason=why.reason if why else None, by=caller.client)
    return await _one(house, name)


@router.post(
    "/{name}/resume",
    response_model=InstanceOut,
    dependencies=DECIDES,
    responses=contract.answers({}, "forbidden", "not_found", "disk_full"),
)
async def resume(house: TheHouse, caller: TheCaller, name: str) -> InstanceOut:
    """Go on; a blocked instance is tried again at once."""
    await house.desk.resume(name, by=caller.client)
    return await _one(house, name)


async def everyone(house: House) -> list[InstanceOut]:
    """The configured instances as they stand, in the order of their names."""
    now = house.now()
    async with house.db.read() as tx:
        known = {instance.name: instance for instance in await instances.everyone(tx)}
        live = await counts.live(tx)
        rates = await counts.rows_per_second(tx, now=now)
    return [
        _View(settings, known.get(name, Instance(name)), live.get(name, Live()), rates.get(name), now).out()
        for name, settings in sorted(house.settings.instances.items())
    ]


async def _one(house: House, name: str) -> InstanceOut:
    for instance in await everyone(house):
        if instance.name == name:
            return instance
    raise NotFound(f"There is no instance {name!r}.")


@dataclass(frozen=True, slots=True)
class _View:
    settings: InstanceSettings
    instance: Instance
    live: Live
    rate: float | None
    now: datetime

    def out(self) -> InstanceOut:
        instance, settings, parts = self.instance, self.settings, self.live.parts
        used = sum(parts.get(s, 0) for s in (State.SUBMITTING, State.UNCONFIRMED, State.QUEUED, State.IMPORTING))
        waited = (self.now - self.live.waiting_since).total_seconds() if self.live.waiting_since else 0
        worker = None
        if instance.worker and instance.heartbeat_at:
            worker = WorkerOut(id=instance.worker, heartbeat_at=instance.heartbeat_at)
        return InstanceOut(
            name=instance.name,
            base_url=settings.base_url,
            state=instance.condition(self.now),
            reason=self._reason(),
            until=instance.hold_until if instance.holding(self.now) else None,
            limits=LimitsOut(importing=settings.max_importing, queued=settings.max_queued),
            slots=SlotsOut(
                used=used,
                importing=parts.get(State.IMPORTING, 0),
                queued=parts.get(State.QUEUED, 0),
                unconfirmed=parts.get(State.UNCONFIRMED, 0),
            ),
            waiting=WaitingOut(
                parts=parts.get(State.WAITING, 0), rows=self.live.waiting_rows, oldest_seconds=max(0, int(waited))
            ),
            calls=CallsOut(
                today=self._calls_today(),
                quota=settings.daily_calls,
                last_window=self._calls_in_window(),
                window_limit=settings.calls_per_window,
            ),
            throughput=ThroughputOut(rows_per_second=self.rate),
            worker=worker,
        )

    def _calls_today(self) -> int:
        calls = self.instance.calls
        return calls.today if calls and calls.day == marketo_day(self.now) else 0

    def _calls_in_window(self) -> int:
        calls, window = self.instance.calls, timedelta(seconds=self.settings.window_seconds)
        return calls.last_window if calls and calls.at + window > self.now else 0

    def _reason(self) -> str | None:
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
