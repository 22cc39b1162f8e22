"""Is work flowing? /v1/status for people, /livez and /readyz for machines."""

from fastapi import Response

from app.api.auth import Guarded, needs
from app.api.dependencies import TheContainer, takes_parameters
from app.api.openapi.answers import responses
from app.api.openapi.operation_ids import Router
from app.api.schemas.status import Health, HealthCheck, ServiceStatus
from app.domain.api_keys import Scope
from app.reporting.checks import Level

router = Router(tags=["status"])
guarded = Router(tags=["status"], route_class=Guarded)


@router.get("/livez", summary="Check that the process answers", response_model=Health)
async def get_liveness() -> Health:
    """The process answers."""
    return Health(status=Level.OK, checks=[])


@router.get(
    "/readyz",
    summary="Check that the service is ready",
    response_model=Health,
    responses={503: {"model": Health, "description": "Not ready; the checks say why"}},
)
async def get_readiness(response: Response, container: TheContainer) -> Health:
    """Whether the database can be read and written to and its schema is current; 503 if not."""
    check = await container.reports.health.check()
    is_ready = check.status is Level.OK
    response.status_code = 200 if is_ready else 503
    return Health(status=Level.OK if is_ready else Level.DOWN, checks=[HealthCheck.of(check)])


@guarded.get(
    "/v1/status",
    summary="Get the verdict: is work flowing?",
    response_model=ServiceStatus,
    dependencies=[takes_parameters(), needs(Scope.READ)],
    responses=responses({}, "forbidden"),
)
async def get_status(container: TheContainer) -> ServiceStatus:
    """One honest verdict, and its reasons."""
    return ServiceStatus.of(await container.reports.verdict.read())
