"""/metrics for Prometheus, computed from the database at each scrape: any process gives the same answer."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.domain.clients import Scope
from app.domain.imports import Status
from app.store import counts
from app.store.counts import Live, Outcome
from app.web.auth import caller_of, refuse_scope
from app.web.contract import answers
from app.web.deps import TheHouse
from app.web.instances import everyone
from app.web.schemas import InstanceOut

router = APIRouter(tags=["status"])

DAY = timedelta(hours=24)
OUTCOMES = ("imported", "failed", "warned")


@router.get(
    "/metrics",
    response_class=Response,
    responses=answers({200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}, "database_unavailable"),
)
async def metrics(request: Request, house: TheHouse) -> Response:
    """Prometheus text format. Needs no key unless SLUICE_METRICS_AUTH says so."""
    if house.settings.metrics_auth == "on" and not (await caller_of(request)).may(Scope.READ):
        refuse_scope(Scope.READ)
    now = house.now()
    async with house.db.read() as tx:
        statuses = await counts.imports_by_status(tx, since=now - DAY)
        live = await counts.live(tx)
        outcomes = await counts.rows_by_outcome(tx, since=now - DAY)
    found = [*_of_imports(statuses, outcomes), *_of_instances(await everyone(house), live, now)]
    registry = CollectorRegistry()
    registry.register(_Seen(found))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Seen(Collector):
    """Metrics that have been computed already."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def _of_imports(statuses: dict[Status, int], outcomes: dict[str, Outcome]) -> Iterator[Metric]:
    yield InfoMetricFamily("sluice_build", "This version.", {"version": version("marketo-sluice")})
    by_status = GaugeMetricFamily(
        "sluice_imports", "Imports that are unfinished, or finished in the last 24 hours.", labels=["status"]
    )
    for status, number in statuses.items():
        by_status.add_metric([status], number)
    yield by_status
    by_outcome = GaugeMetricFamily(
        "sluice_rows_last_day", "Rows of imports that finished in the last 24 hours.", labels=["instance", "outcome"]
    )
    for instance, outcome in outcomes.items():
        for name in OUTCOMES:
            by_outcome.add_metric([instance, name], getattr(outcome, name))
    yield by_outcome


def _of_instances(listed: list[InstanceOut], live: dict[str, Live], now: datetime) -> Iterator[Metric]:
    parts = GaugeMetricFamily("sluice_parts", "Parts that have not ended.", labels=["instance", "state"])
    for name, seen in live.items():
        for state, number in seen.parts.items():
            parts.add_metric([name, state], number)
    yield parts
    gauges = {
        "sluice_waiting_oldest_seconds": "Age of the oldest import with a waiting part.",
        "sluice_waiting_rows": "Rows that wait here.",
        "sluice_slots_used": "Places of Marketo's queue that are ours.",
        "sluice_calls_today": "Calls made to Marketo this day, US Central.",
        "sluice_calls_quota": "Calls that we may make a day.",
        "sluice_instance_running": "1 while parts may be submitted.",
    }
    families = {name: GaugeMetricFamily(name, told, labels=["instance"]) for name, told in gauges.items()}
    for instance in listed:
        values = (
            instance.waiting.oldest_seconds,
            instance.waiting.rows,
            instance.slots.used,
            instance.calls.today,
            instance.calls.quota,
            int(instance.state == "running"),
        )
        for family, value in zip(families.values(), values, strict=True):
            family.add_metric([instance.name], value)
    yield from families.values()
    heartbeats = GaugeMetricFamily(
        "sluice_worker_heartbeat_age_seconds", "Since its worker's last sign of life.", labels=["instance"]
    )
    for instance in listed:
        if instance.worker:
            heartbeats.add_metric([instance.name], (now - instance.worker.heartbeat_at).total_seconds())
    yield heartbeats
