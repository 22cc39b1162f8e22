"""Each check of the verdict by itself: what it holds to be well, and from where on not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.instances import Calls, Fault
from app.domain.lifecycle import PartState
from app.domain.timeouts import marketo_day
from app.reporting import checks
from app.reporting.checks import Check, Level
from app.reporting.instances import InstanceView
from app.settings import Settings, exactly
from app.store.disk_usage import Connections, DiskUsage
from app.store.queue_summary import Failing, QueueSummary
from tests.reporting.views import NOW, SETTINGS, view

SERVICE: Settings = exactly(instances={"default": SETTINGS}, backlog_parts=100, disk_floor_bytes=1_000)


def ago(seconds: float) -> Any:
    return NOW - timedelta(seconds=seconds)


def test_the_worst_level_is_the_last():
    """So that the worst of many can be told."""
    assert [level.severity for level in (Level.OK, Level.DEGRADED, Level.DOWN)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("instance", "status"),
    [
        ({}, Level.DOWN),
        ({"worker": "w"}, Level.DOWN),
        ({"worker": "w", "heartbeat_at": ago(45)}, Level.OK),
        ({"worker": "w", "heartbeat_at": ago(46)}, Level.DOWN),
    ],
)
def test_a_worker_shows_itself_within_one_and_a_half_leases(instance: dict[str, Any], status: Level):
    """Of 30 seconds."""
    (check,) = checks.check_workers(SERVICE, [view(**instance)])
    assert (check.name, check.status) == ("worker:default", status)


@pytest.mark.parametrize(
    ("tick", "seconds", "status"),
    [
        ("poll", 210, Level.OK),
        ("poll", 211, Level.DEGRADED),
        ("submit", 390, Level.OK),
        ("submit", 391, Level.DEGRADED),
    ],
)
def test_a_step_is_done_within_the_time_that_its_calls_may_take(tick: str, seconds: float, status: Level):
    """Four calls of 30 seconds, or an upload of 300; and three leases beside."""
    settings = SERVICE.model_copy(update={"call_timeout_seconds": 30, "upload_timeout_seconds": 300})
    (check,) = checks.check_ticks(settings, [view(ticked={tick: ago(seconds)})])
    assert check.status is status
    assert (tick in check.detail) is (status is Level.DEGRADED)


def test_a_step_that_fails_is_told_with_its_error():
    """And where to look."""
    (check,) = checks.check_ticks(SERVICE, [view(failing={"collect": Fault(ago(60), "KeyError")})])
    assert check.status is Level.DEGRADED
    assert "collect fails since 2026-11-23T11:59:00Z (KeyError: see the worker's log)" in check.detail


def test_an_instance_that_does_not_run_is_told_with_its_reason():
    """Whatever keeps it."""
    (running,) = checks.check_conditions([view()])
    assert (running.status, running.detail) == (Level.OK, "running")
    (paused,) = checks.check_conditions([view(paused_at=NOW, paused_reason="a move")])
    assert (paused.status, paused.detail) == (Level.DEGRADED, "paused: a move")


def with_queue(**fields: Any) -> InstanceView:
    return replace(view(), queue=QueueSummary(**fields))


def test_three_parts_that_are_tried_in_vain_are_named_and_the_others_counted():
    """The longest first."""
    failing = [Failing(import_id=7, number=n, code="606", since=ago(60)) for n in range(1, 6)]
    (check,) = checks.check_parts([with_queue(failing=failing)])
    assert check.status is Level.DEGRADED
    assert "part 3 of import 7 (606) since 2026-11-23T11:59:00Z, and 2 more" in check.detail
    assert next(iter(checks.check_parts([view()]))).status is Level.OK


def test_parts_of_an_instance_that_is_not_configured_are_told():
    """Nobody would drive it; one without any is no matter."""
    waiting = {"old": {PartState.WAITING: 2}, "gone": {}, "default": {PartState.WAITING: 1}}
    queues = {name: QueueSummary(parts=parts) for name, parts in waiting.items()}
    (check,) = checks.check_unconfigured_instances(SERVICE, queues)
    assert (check.name, check.status) == ("instance:old", Level.DEGRADED)
    assert "2 parts of it have not ended" in check.detail


@pytest.mark.parametrize(("seconds", "status"), [(0, Level.OK), (44, Level.OK), (45, Level.DEGRADED)])
def test_an_importer_may_be_idle_for_less_than_45_seconds(seconds: float, status: Level):
    """So that it is told within a minute (NO_SILENCE)."""
    (check,) = checks.check_flow([view(any_may_go=True, idle_since=ago(seconds))])
    assert check.status is status


@pytest.mark.parametrize(("used", "status"), [(44_999, Level.OK), (45_000, Level.DEGRADED)])
def test_the_calls_of_the_day_are_nearly_used_up_from_nine_tenths_on(used: int, status: Level):
    """Of 50,000; the day ends at midnight US Central."""
    calls = Calls(day=marketo_day(NOW), today=used, last_window=0, at=NOW)
    (check,) = checks.check_quotas([view(calls=calls)])
    assert check.status is status
    assert "it ends at 2026-11-24T06:00Z" in check.detail


@pytest.mark.parametrize(("waiting", "status"), [(89, Level.OK), (90, Level.DEGRADED), (100, Level.DOWN)])
def test_the_backlog_is_counted_over_all_instances(waiting: int, status: Level):
    """At the limit nothing more is taken in."""
    queues = {name: QueueSummary(parts={PartState.WAITING: count}) for name, count in (("a", 50), ("b", waiting - 50))}
    assert checks.check_backlog(SERVICE, queues).status is status


@pytest.mark.parametrize(
    ("usage", "statuses"),
    [
        (DiskUsage(1, 2_000, free_bytes=2_000), {"temporary_files": Level.OK, "disk": Level.OK}),
        (DiskUsage(1, 1_999, free_bytes=1_999), {"temporary_files": Level.DEGRADED, "disk": Level.DEGRADED}),
        (DiskUsage(1, 0, free_bytes=999), {"temporary_files": Level.DEGRADED, "disk": Level.DOWN}),
        (DiskUsage(1, 2_000, connections=Connections(79, 100)), {"temporary_files": Level.OK, "connections": Level.OK}),
        (
            DiskUsage(1, 2_000, connections=Connections(80, 100)),
            {"temporary_files": Level.OK, "connections": Level.DEGRADED},
        ),
    ],
)
def test_room_is_scarce_below_twice_the_floor_and_gone_below_it(usage: DiskUsage, statuses: dict[str, Level]):
    """A full disk for forms alone takes nothing down; connections are scarce from four fifths on."""
    assert {check.name: check.status for check in checks.check_storage(SERVICE, usage)} == statuses


def test_retention_that_refuses_to_erase_says_why():
    """For example because it doubts the clock."""
    assert checks.check_retention(None).status is Level.OK
    refused = checks.check_retention("the clock was set")
    assert (refused.status, refused.detail) == (Level.DEGRADED, "erases nothing: the clock was set")


def test_imports_without_all_their_results_are_named():
    """Also finished ones."""
    assert checks.check_attention([], []) == Check("attention", Level.OK, "nothing is stuck or unconfirmed")
    assert checks.check_attention([], [7, 8]).detail == "imports 7 (results_missing), 8 (results_missing)"
