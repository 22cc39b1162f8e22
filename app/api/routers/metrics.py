"""/metrics for Prometheus, computed from the database at each scrape: any process gives the same answer."""

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.api.auth import caller_of, refuse_scope
from app.api.dependencies import TheContainer
from app.api.metric_series import CATALOGUE, Numbers
from app.api.openapi.document import responses
from app.api.views import instance_views
from app.container import Container
from app.domain.api_keys import Scope
from app.store import counters, disk_usage, queue_summary

router = APIRouter(tags=["status"])


@router.get(
    "/metrics",
    response_class=Response,
    responses=responses({200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}, "database_unavailable"),
)
async def metrics(request: Request, container: TheContainer) -> Response:
    """Prometheus text format. Needs no key unless SLUICE_METRICS_AUTH says so."""
    if container.settings.metrics_auth == "on" and not (await caller_of(request)).may(Scope.READ):
        refuse_scope(Scope.READ)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Seen(await _numbers(container)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


async def _numbers(container: Container) -> Numbers:
    """Live parts, the instances' rows and the tallies: nothing that grows with history."""
    async with container.db.read() as tx:
        return Numbers(
            now=container.now(),
            imports=await queue_summary.unfinished_imports(tx),
            views=await instance_views(container, tx, await queue_summary.summaries(tx, now=container.now())),
            tallies=await counters.everything(tx),
            room=await disk_usage.measure(tx, container.db),
        )


class _Seen(Collector):
    """Metrics that have been computed already."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        return [series.metric(self._numbers) for series in CATALOGUE]
