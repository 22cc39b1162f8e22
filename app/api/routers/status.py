"""Is work flowing? /v1/status for people, /livez and /readyz for machines."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.api import verdict
from app.api.auth import Guarded, needs
from app.api.dependencies import TheContainer, attention_criteria
from app.api.health import Probe
from app.api.known import knows
from app.api.openapi.document import responses
from app.api.schemas import HealthOut, StatusOut
from app.api.verdict import DEGRADED, DOWN, OK
from app.api.views import instance_views
from app.container import Container
from app.domain.api_keys import Scope
from app.domain.imports import Import, Status
from app.store import attention, disk_usage, imports, queue_summary
from app.store.imports import Filters

router = APIRouter(tags=["status"])
guarded = APIRouter(tags=["status"], route_class=Guarded)


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
    responses=responses({}, "forbidden"),
)
async def status(container: TheContainer, probe: TheProbe) -> StatusOut:
    """One honest verdict, and its reasons."""
    return await overall(container, probe)


async def overall(container: Container, probe: Probe) -> StatusOut:
    """As it is now. Where the database cannot be worked with, nothing else can be told."""
    database = await probe.database()
    if database.status != OK:
        return StatusOut(status=DOWN, checks=[database], imports={}, instances=[])
    settings, lately = container.settings, container.now() - timedelta(hours=24)
    async with container.db.read() as tx:
        live = await queue_summary.summaries(tx, now=container.now())
        seen = await instance_views(container, tx, live)
        found = [
            database,
            *verdict.workers(settings, seen),
            *verdict.ticks(settings, seen),
            *verdict.conditions(seen),
            *verdict.unconfigured_instances(settings, live),
            *verdict.parts(seen),
            *verdict.flow(seen),
            *verdict.quotas(seen),
            verdict.backlog(settings, live),
            *verdict.storage(settings, await disk_usage.measure(tx, container.db)),
            verdict.clock(container.timekeeper),
            verdict.retention(await container.erase.refusal(tx)),
            verdict.attention(await _troubled(container, tx), await attention.missing_lately(tx, since=lately)),
        ]
        recent = await queue_summary.imports_by_status(tx, since=lately)
    worst = max((check.status for check in found), key=[OK, DEGRADED, DOWN].index)
    listed = [view.out() for view in seen]
    return StatusOut(status=worst, checks=found, imports={str(s): n for s, n in recent.items()}, instances=listed)


async def _troubled(container: Container, tx: AsyncConnection) -> list[Import]:
    """The newest unfinished imports that a person should look at."""
    wanted = [Filters(status=status, attention=True) for status in (Status.QUEUED, Status.IMPORTING)]
    pages = [await imports.page(tx, one, before=None, size=10, by=attention_criteria(container)) for one in wanted]
    return [one for page in pages for one in page]
