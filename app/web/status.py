"""Is work flowing? /v1/status for people, /livez and /readyz for machines."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.domain.clients import Scope
from app.domain.imports import Status
from app.domain.patience import MISSED_LEASES
from app.store import counts, imports
from app.store.imports import Filters
from app.web.auth import Guarded, needs
from app.web.contract import answers
from app.web.deps import TheHouse, judgement
from app.web.health import DEGRADED, DOWN, OK, Probe
from app.web.imports import knows
from app.web.instances import everyone
from app.web.schemas import CheckOut, HealthOut, InstanceOut, StatusOut
from app.wiring import House

router = APIRouter(tags=["status"])
guarded = APIRouter(tags=["status"], route_class=Guarded)

BACKLOG_SHARE = 0.9


async def _probe(request: Request) -> Probe:
    probe: Probe = request.app.state.probe
    return probe


TheProbe = Annotated[Probe, Depends(_probe)]


@router.get("/livez", response_model=HealthOut)
async def livez() -> HealthOut:
    """The process answers."""
    return HealthOut(status=OK, checks=[])


@router.get(
    "/readyz",
    response_model=HealthOut,
    responses={503: {"model": HealthOut, "description": "Not ready; the checks say why"}},
)
async def readyz(response: Response, probe: TheProbe) -> HealthOut:
    """Whether the database can be read and written to and its schema is current; 503 if not."""
    checks = [await probe.database()]
    ready = all(check.status == OK for check in checks)
    response.status_code = 200 if ready else 503
    return HealthOut(status=OK if ready else DOWN, checks=checks)


@guarded.get(
    "/v1/status",
    response_model=StatusOut,
    dependencies=[knows(), needs(Scope.READ)],
    responses=answers({}, "forbidden"),
)
async def status(house: TheHouse, probe: TheProbe) -> StatusOut:
    """One honest verdict, and its reasons."""
    database = await probe.database()
    if database.status != OK:
        return StatusOut(status=DOWN, checks=[database], imports={}, instances=[])
    listed = await everyone(house)
    checks = [database, *_workers(house, listed), *_blocked(listed), *_backlog(house, listed), await _attention(house)]
    worst = max(checks, key=lambda check: [OK, DEGRADED, DOWN].index(check.status)).status
    async with house.db.read() as tx:
        recent = await counts.imports_by_status(tx, since=house.now() - timedelta(hours=24))
    return StatusOut(status=worst, checks=checks, imports={str(s): n for s, n in recent.items()}, instances=listed)


def _workers(house: House, listed: list[InstanceOut]) -> Iterator[CheckOut]:
    oldest = house.now() - timedelta(seconds=MISSED_LEASES * house.settings.lease_seconds)
    for instance in listed:
        name = f"worker:{instance.name}"
        if instance.worker is None:
            yield CheckOut(name=name, status=DOWN, detail="no worker drives this instance")
        elif instance.worker.heartbeat_at < oldest:
            yield CheckOut(name=name, status=DOWN, detail=f"{instance.worker.id} has given no sign of life")
        else:
            yield CheckOut(name=name, status=OK, detail=instance.worker.id)


def _blocked(listed: list[InstanceOut]) -> Iterator[CheckOut]:
    for instance in listed:
        flowing = instance.state == "running"
        detail = f"{instance.state}{f': {instance.reason}' if instance.reason else ''}"
        yield CheckOut(name=f"instance:{instance.name}", status=OK if flowing else DEGRADED, detail=detail)


def _backlog(house: House, listed: list[InstanceOut]) -> Iterator[CheckOut]:
    waiting, most = sum(instance.waiting.parts for instance in listed), house.settings.backlog_parts
    near = waiting >= BACKLOG_SHARE * most
    yield CheckOut(name="backlog", status=DEGRADED if near else OK, detail=f"{waiting} of {most} parts waiting")


async def _attention(house: House) -> CheckOut:
    wanted = [Filters(status=status, attention=True) for status in (Status.QUEUED, Status.IMPORTING)]
    async with house.db.read() as tx:
        pages = [await imports.page(tx, one, before=None, size=10, by=judgement(house)) for one in wanted]
    found = [f"{one.id} ({one.attention.code})" for page in pages for one in page if one.attention]
    told = f"imports {', '.join(found)}" if found else "nothing is stuck or unconfirmed"
    return CheckOut(name="attention", status=DEGRADED if found else OK, detail=told)
