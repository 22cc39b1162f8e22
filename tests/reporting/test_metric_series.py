"""The catalogue of metrics: what each series has, computed from numbers that were read before."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from app.domain.imports import ImportStatus
from app.reporting.metric_series import CATALOGUE, Histogram, Kind, Numbers
from app.store import counters
from app.store.disk_usage import Connections, DiskUsage
from tests.reporting.views import NOW, view

SERIES = {series.name: series for series in CATALOGUE}


def samples(
    name: str,
    *,
    counted: Mapping[str, Mapping[str, float]] | None = None,
    usage: DiskUsage | None = None,
    **fields: Any,
) -> list[tuple[tuple[str, ...], float | Histogram]]:
    """What a series has of one instance, `default`; `counted`: its counters."""
    numbers = Numbers(
        now=NOW,
        imports={"default": {ImportStatus.QUEUED: 2}},
        instances=[view(**fields)],
        counters={counter: {"default": dict(values)} for counter, values in (counted or {}).items()},
        waiting_deliveries=7,
        webhooks={"on": 2, "failing": 1, "off": 0},
        usage=usage or DiskUsage(10, 20),
    )
    return list(SERIES[name].read(numbers))


def test_names_are_unique_and_say_their_kind():
    """As Prometheus recommends."""
    assert len(SERIES) == len(CATALOGUE)
    for series in CATALOGUE:
        assert re.fullmatch(r"sluice_[a-z_]+", series.name)
        assert series.name.endswith("_total") is (series.kind is Kind.COUNTER), series.name
        assert series.meaning.endswith("."), series.name
        assert "instance" not in series.labels, "Prometheus sets that one itself"


@pytest.mark.parametrize("series", CATALOGUE, ids=lambda series: series.name)
def test_every_sample_has_a_value_for_each_label(series: Any):
    """Also of a database in which nothing has ever happened."""
    for values, _ in samples(series.name):
        assert len(values) == len(series.labels)


def test_unfinished_imports_and_parts_are_there_from_the_start():
    """0 where there are none."""
    assert samples("sluice_imports") == [(("default", "queued"), 2), (("default", "importing"), 0)]
    parts = dict(samples("sluice_parts", parts={"waiting": 3}))
    assert parts[("default", "waiting")] == 3
    assert {state for _, state in parts} == {
        *("waiting", "submitting", "unconfirmed", "queued", "importing", "collecting"),
    }


def test_a_counter_is_there_before_it_counts():
    """So that the first of anything is an increase."""
    outcomes = samples("sluice_rows_total", counted={counters.ROWS: {"failed": 4.0}})
    assert outcomes == [(("default", "imported"), 0), (("default", "failed"), 4.0), (("default", "unprocessed"), 0)]
    assert samples("sluice_parts_unconfirmed_total", counted={counters.MOVES: {"lose": 2.0, "forget": 1.0}}) == [
        (("default",), 3.0)
    ]


def test_answers_are_told_by_call_and_code():
    """In two labels."""
    counted = {counters.ANSWERS: {"create 1016": 3.0}}
    assert samples("sluice_marketo_answers_total", counted=counted) == [(("default", "create", "1016"), 3.0)]


def test_ages_are_seconds_and_a_worker_that_was_never_there_is_infinitely_old():
    """An alert on it must fire."""
    at = NOW - timedelta(seconds=12)
    assert samples("sluice_worker_heartbeat_age_seconds", heartbeat_at=at) == [(("default",), 12.0)]
    assert samples("sluice_worker_heartbeat_age_seconds") == [(("default",), float("inf"))]
    assert samples("sluice_tick_age_seconds", ticked={"poll": at}) == [(("default", "poll"), 12.0)]


def test_what_only_one_of_the_databases_has_is_left_out_of_the_other():
    """Free space of SQLite's disk, connections of PostgreSQL's server."""
    on_sqlite, on_postgres = DiskUsage(1, 2, free_bytes=3), DiskUsage(1, 2, connections=Connections(4, 5))
    assert samples("sluice_database_free_bytes", usage=on_sqlite) == [((), 3)]
    assert samples("sluice_database_free_bytes", usage=on_postgres) == []
    assert samples("sluice_database_connections", usage=on_postgres) == [((), 4)]
    assert samples("sluice_database_connections_allowed", usage=on_sqlite) == []


def test_a_histogram_has_all_its_buckets():
    """Each with all that took no longer."""
    ((_, histogram),) = samples("sluice_import_duration_seconds", counted={counters.TOOK: {counters.SUM: 1.5}})
    assert isinstance(histogram, Histogram)
    assert histogram.total == 1.5
    assert histogram.buckets[-1][0] == "+Inf"


def test_jobs_are_told_by_their_ends_their_parts_and_the_calls_that_they_saved():
    """The buckets are numbers of parts; what never happened is 0."""
    ends = samples("sluice_jobs_total", counted={counters.JOBS: {"over": 2.0}})
    assert ends == [(("default", "complete"), 0), (("default", "failed"), 0), (("default", "over"), 2.0)]
    counted = {counters.JOB_PARTS: {"1": 3.0, "50": 1.0, counters.SUM: 45.0}}
    ((_, histogram),) = samples("sluice_job_parts", counted=counted)
    assert isinstance(histogram, Histogram)
    assert histogram.total == 45
    bounds = (1, 2, 5, 10, 20, 50, 100, 200, 500)
    assert histogram.buckets == [*((f"{bound}.0", 4 if bound >= 50 else 3) for bound in bounds), ("+Inf", 4)]
    assert samples("sluice_calls_saved_total", counted={counters.CALLS_SAVED: {"create": 41.0}}) == [
        (("default",), 41.0)
    ]
    assert samples("sluice_calls_saved_total") == [(("default",), 0)]
