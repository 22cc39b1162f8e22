"""/metrics for Prometheus."""

from collections.abc import Iterable

from fastapi import Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.api.auth import caller_of, refuse_scope
from app.api.dependencies import TheContainer
from app.api.openapi.answers import responses
from app.api.openapi.operation_ids import Router
from app.domain.api_keys import Scope
from app.reporting.metric_series import CATALOGUE, Histogram, Kind, Numbers, Series

router = Router(tags=["status"])


@router.get(
    "/metrics",
    summary="Get metrics for Prometheus",
    response_class=Response,
    responses=responses({200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}, "database_unavailable"),
)
async def get_metrics(request: Request, container: TheContainer) -> Response:
    """Prometheus text format. Needs no key unless SLUICE_METRICS_AUTH says so."""
    if container.settings.metrics_auth == "on" and not (await caller_of(request)).may(Scope.READ):
        refuse_scope(Scope.READ)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Computed(await container.reports.metrics.read()))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Computed(Collector):
    """All series, from numbers that have been read already: Prometheus's client asks for them synchronously."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        return [_family(series, self._numbers) for series in CATALOGUE]


def _family(series: Series, numbers: Numbers) -> Metric:
    """A series as Prometheus's client writes it."""
    if series.kind is Kind.INFO:
        info = InfoMetricFamily(series.name.removesuffix("_info"), series.meaning, labels=())
        for values, _ in series.read(numbers):
            info.add_metric((), dict(zip(series.labels, values, strict=True)))
        return info
    if series.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(series.name, series.meaning, labels=series.labels)
        for values, value in series.read(numbers):
            assert isinstance(value, Histogram)
            histogram.add_metric(values, value.buckets, value.total)
        return histogram
    kind = CounterMetricFamily if series.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(series.name, series.meaning, labels=series.labels)
    for values, value in series.read(numbers):
        assert not isinstance(value, Histogram)
        family.add_metric(values, value)
    return family
