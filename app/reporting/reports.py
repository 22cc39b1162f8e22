"""Everything that can be told of the work, in one value: the API, pages, webhooks and the monitor take it from here."""

from dataclasses import dataclass

from app.reporting.clients import ClientReader
from app.reporting.health import DatabaseProbe
from app.reporting.import_details import DetailReader
from app.reporting.import_list import ListReader
from app.reporting.imports import ImportReader
from app.reporting.instance_details import InstanceDetailReader
from app.reporting.instances import InstanceReader
from app.reporting.jobs import JobReader
from app.reporting.metrics import MetricReader
from app.reporting.monitor import Monitor
from app.reporting.overview import OverviewReader
from app.reporting.parts import PartReader
from app.reporting.result_export import ResultExport
from app.reporting.reviews import ReviewReader
from app.reporting.verdict import VerdictReader


@dataclass(frozen=True, slots=True)
class Reports:
    imports: ImportReader
    lists: ListReader
    details: DetailReader
    parts: PartReader
    jobs: JobReader
    results: ResultExport
    reviews: ReviewReader
    instances: InstanceReader
    health: DatabaseProbe
    verdict: VerdictReader
    overview: OverviewReader
    metrics: MetricReader
    monitor: Monitor
    instance_details: InstanceDetailReader
    clients: ClientReader
