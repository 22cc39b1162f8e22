"""The monitor: what fails is written once, and so is what has passed again."""

import pytest

from app.reporting.monitor import Monitor
from tests.support.logged import Log, log
from tests.support.stage import Stage

__all__ = ["log"]


@pytest.fixture
def monitor(stage: Stage) -> Monitor:
    return stage.container.reports.monitor


async def history(stage: Stage) -> list[tuple[str, str]]:
    """(event, the check that it is about) of the instance, the oldest first."""
    page = (await stage.api.get("/v1/instances/default/events")).json()["items"]
    events = [(event["type"], event["data"].get("check") or event["data"].get("what")) for event in page]
    return sorted(events, key=lambda event: event[0])


async def test_a_check_that_fails_is_logged_and_written_once(stage: Stage, monitor: Monitor, log: Log):
    """However often the monitor looks; and again when it has passed."""
    stage.clock.step(3600)  # nobody gives a sign of life
    for _ in range(3):
        await monitor.look()
    assert [line["check"] for line in log.lines("check failed")].count("worker:default") == 1
    assert ("degraded", "worker:default") in await history(stage)
    await stage.take_lease()
    await stage.beat()
    await monitor.look()
    assert "worker:default" in [line["check"] for line in log.lines("check passed")]
    assert ("recovered", "worker:default") in await history(stage)


async def test_nothing_is_written_while_all_is_well(stage: Stage, monitor: Monitor, log: Log):
    """Neither a line nor an event."""
    await monitor.look()
    assert log.lines("check failed", "check passed") == []
    assert await history(stage) == []


async def test_what_writes_events_itself_gets_none_here(stage: Stage, monitor: Monitor, log: Log):
    """A pause is in the history already; the log line is the monitor's."""
    await stage.api.post("/v1/instances/default/pause")
    await monitor.look()
    assert [line["check"] for line in log.lines("check failed")] == ["instance:default"]
    assert [event for event, _ in await history(stage)] == ["paused"]
