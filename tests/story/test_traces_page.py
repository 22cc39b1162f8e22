"""docs/operating.md, "Traces", followed as it is written: real processes, and a collector that hears them."""

import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.simulator import Rules
from tests.story.files import LEADS_WITH_TROUBLE
from tests.story.test_processes import QUICK
from tests.support import patience
from tests.support.collector import Collector, collecting
from tests.support.patience import wait_until
from tests.support.processes import ROOT, Service, simulator
from tests.telemetry.traced import CALLERS, CALLERS_SPAN, CALLERS_TRACE

SECTION = (ROOT / "docs/operating.md").read_text().partition("### Traces\n")[2].partition("\n### ")[0]
ROUTE = re.compile(r"[A-Z]+( /\S*)?")
STATEMENT = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|WITH|PRAGMA|NOTIFY|SET)\b")
BY_INSTRUMENTATIONS = re.compile(rf"{ROUTE.pattern}|{STATEMENT.pattern}.*", re.DOTALL)


def exported(collector: Collector) -> Mapping[str, str]:
    """The variables that the page's commands export, with the test's collector in the place of the example's."""
    found = dict(re.findall(r"^export (OTEL_\w+)=(\S+)$", SECTION, re.MULTILINE))
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"
    return {**found, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}


def traced_service(folder: Path, database_url: str, marketo: str, collector: Collector, **knobs: Any) -> Service:
    service = Service(folder, database_url, marketo, **QUICK, **knobs)
    service.environment |= exported(collector)
    service.start()
    return service


def upload(api: Service) -> int:
    headers = {"content-type": "text/csv", "traceparent": CALLERS}
    made = patience.post(f"{api.url}/v1/imports", content=LEADS_WITH_TROUBLE, headers=headers)
    assert made.status_code == 202
    return int(made.json()["id"])


def check(collector: Collector, import_id: int, *logs: Path) -> None:
    """What the page says: the caller's trace, the links, the names, the log; and no cell of the file."""
    (request,), (submission,) = collector.named("POST /v1/imports"), collector.named("submit job")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (CALLERS_TRACE, CALLERS_SPAN)
    assert {(link.trace_id, link.span_id) for link in submission.links} == {(request.trace_id, request.span_id)}
    (collected,) = collector.named("collect job")
    assert (collected.trace_id, collected.parent_span_id) == (submission.trace_id, submission.span_id)
    assert collector.services == {"sluice-eu"}
    in_table = set(re.findall(r"^\| `([a-z]+ [a-z]+)` \|", SECTION, re.MULTILINE))
    assert in_table == {"store imports", "submit job", "poll job", "collect job", "deliver webhook"}
    others = {span.name for span in collector.spans()} - in_table
    assert [name for name in others if not BY_INSTRUMENTATIONS.fullmatch(name)] == []
    assert not any(b"@example.com" in body for body in collector.bodies)
    said = "".join(path.read_text() for path in logs)
    assert "traces are on" in said
    assert submission.trace_id.hex() in said
    assert CALLERS_TRACE in said
    assert import_id


def test_the_page_on_traces_is_true_of_one_process(sqlite_url: str, tmp_path: Path):
    with collecting() as collector, simulator(Rules(job_seconds=0.2, window_seconds=1)) as (marketo, _):
        service = traced_service(tmp_path, sqlite_url, marketo, collector)
        try:
            import_id = upload(service)
            wait_until(lambda: bool(collector.named("collect job")), "the job to be collected")
        finally:
            code = service.end(signal.SIGTERM)
        assert code == 0
        check(collector, import_id, service.log)


@pytest.mark.endure
def test_the_page_on_traces_is_true_of_an_api_and_workers_that_die(postgres_url: str, tmp_path: Path):
    """One worker sends, and is killed; another one, started anew, goes on with its trace."""
    with collecting() as collector, simulator(Rules(job_seconds=3, window_seconds=1)) as (marketo, _):
        api = traced_service(tmp_path, postgres_url, marketo, collector, role="api")
        worker = traced_service(tmp_path, postgres_url, marketo, collector, role="worker")
        try:
            import_id = upload(api)
            wait_until(lambda: bool(collector.named("submit job")), "the job to be sent")
            worker.end(signal.SIGKILL)
            worker.start()
            wait_until(lambda: bool(collector.named("collect job")), "the job to be collected")
        finally:
            assert api.end(signal.SIGTERM) == worker.end(signal.SIGTERM) == 0
        check(collector, import_id, api.log, worker.log)


@pytest.mark.endure
def test_a_collector_that_is_not_there_disturbs_nobody(sqlite_url: str, tmp_path: Path):
    """The log says so; imports go on, and the stop is calm."""
    with simulator(Rules(job_seconds=0.2, window_seconds=1)) as (marketo, _):
        gone = Collector(port=9)
        service = traced_service(tmp_path, sqlite_url, marketo, gone)
        try:
            import_id = upload(service)
            url = f"{service.url}/v1/imports/{import_id}"
            wait_until(lambda: patience.get(url).json()["status"] == "complete", "the import to be complete")
        finally:
            assert service.end(signal.SIGTERM) == 0
        assert '"event": "stopped"' in service.log.read_text()
