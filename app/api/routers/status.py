"""Is work flowing? /v1/status for people, /livez and /readyz for machines."""

from fastapi import Response

from app.api.auth import Guarded, needs
from app.api.dependencies import TheContainer, takes_parameters
from app.api.openapi.answers import responses
from app.api.openapi.operation_ids import Router
from app.api.schemas.status import CheckOut, HealthOut, StatusOut
from app.domain.api_keys import Scope
from app.reporting.checks import Level

router = Router(tags=["status"])
guarded = Router(tags=["status"], route_class=Guarded)


@router.get("/livez", response_model=HealthOut)
async def livez() -> HealthOut:
    """The process answers."""
    return HealthOut(status=Level.OK, checks=[])


@router.get(
    "/readyz",
    response_model=HealthOut,
    responses={503: {"model": HealthOut, "description": "Not ready; the checks say why"}},
)
async def readyz(response: Response, container: TheContainer) -> HealthOut:
    """Whether the database can be read and written to and its schema is current; 503 if not."""
    check = await container.reports.health.check()
    is_ready = check.status is Level.OK
    response.status_code = 200 if is_ready else 503
    return HealthOut(status=Level.OK if is_ready else Level.DOWN, checks=[CheckOut.of(check)])


@guarded.get(
    "/v1/status",
    response_model=StatusOut,
    dependencies=[takes_parameters(), needs(Scope.READ)],
    responses=responses({}, "forbidden"),
)
async def status(container: TheContainer) -> StatusOut:
    """One honest verdict, and its reasons."""
    return StatusOut.of(await container.reports.verdict.read())
