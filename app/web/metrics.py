"""/metrics for Prometheus, computed from the database at each scrape: any process gives the same answer."""

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.container import House
from app.domain.api_keys import Scope
from app.store import counters, disk_usage, queue_summary
from app.web.auth import caller_of, refuse_scope
from app.web.contract import answers
from app.web.deps import TheHouse
from app.web.series import CATALOGUE, Numbers
from app.web.views import views

router = APIRouter(tags=["status"])


@router.get(
    "/metrics",
    response_class=Response,
    responses=answers({200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}, "database_unavailable"),
)
async def metrics(request: Request, house: TheHouse) -> Response:
    """Prometheus text format. Needs no key unless SLUICE_METRICS_AUTH says so."""
    if house.settings.metrics_auth == "on" and not (await caller_of(request)).may(Scope.READ):
        refuse_scope(Scope.READ)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Seen(await _numbers(house)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


async def _numbers(house: House) -> Numbers:
    """Live parts, the instances' rows and the tallies: nothing that grows with history."""
    async with house.db.read() as tx:
        return Numbers(
            now=house.now(),
            imports=await queue_summary.unfinished_imports(tx),
            views=await views(house, tx, await queue_summary.live(tx, now=house.now())),
            tallies=await counters.everything(tx),
            room=await disk_usage.look(tx, house.db),
        )


class _Seen(Collector):
    """Metrics that have been computed already."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        return [series.metric(self._numbers) for series in CATALOGUE]
