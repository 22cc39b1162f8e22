"""Spans about a job stand in nobody's way."""

import pytest

from app.simulator.faults import Fault
from app.store import job_queries, jobs
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.telemetry.traced import linked, traced


async def away(*_: object) -> None:
    raise TimeoutError


@pytest.mark.parametrize(("where", "what"), [(job_queries, "trace_of"), (jobs, "keep_trace")])
async def test_a_database_that_is_away_costs_a_job_its_links_and_nothing_else(
    where: object, what: str, database_url: str, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
):
    """Whether it goes before the submission or after it: the import is sent, once, and followed to its end."""
    async with traced(database_url, clock) as it:
        import_id = await it.stage.created(LEADS)
        monkeypatch.setattr("app.scheduling.job_spans.AWAY", (TimeoutError,))
        monkeypatch.setattr(where, what, away)
        await it.stage.run()
        assert (await it.stage.read(import_id))["status"] == "complete"
        assert len(it.stage.posted) == 1
        submission, collected = it.one("submit job"), it.one("collect job")
        assert linked(submission) == set() or collected.parent is None


async def test_a_job_that_marketo_turned_away_says_so(database_url: str, clock: SteppedClock):
    """And its rows go again, in a job and a trace of their own."""
    async with traced(database_url, clock) as it:
        await it.stage.created(LEADS)
        it.stage.simulator.order(Fault("json_error:1016", on="create"))
        await it.stage.run()
        first, second = it.named("submit job")
        assert first.attributes["sluice.state"] == "turned_away"
        assert (second.attributes["sluice.state"], second.parent) == ("queued", None)
        assert second.attributes["sluice.batch_id"]
        assert linked(first) == linked(second)
