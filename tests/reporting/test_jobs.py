"""The jobs of an instance as they are told."""

from collections.abc import AsyncIterator

import pytest

from app.domain.errors import NotFound
from app.domain.lifecycle import JobState
from app.simulator import Fault, Rules
from tests.story.files import leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """Marketo takes twenty seconds for a job, whose rows are of up to three imports."""
    async with staged(database_url, clock, rules=Rules(job_seconds=20), bundle_seconds=20) as stage:
        yield stage


async def test_a_job_tells_its_end_until_it_has_ended(stage: Stage):
    """Within a few seconds of what comes true, once one job has shown how long they take."""
    await stage.created(leads(200, start=90_000))
    await stage.run(seconds=1)
    stage.clock.step(15)
    await stage.beat()
    for n in range(1, 4):
        await stage.created(leads(200, start=1_000 * n))
    await stage.beat()
    jobs = stage.container.reports.jobs
    there = await jobs.page("default", state=JobState.QUEUED, before=None, size=10)
    assert sum(view.job.imports for view in there) == 3
    assert all(view.estimated_finish_at for view in there)
    await stage.run(seconds=1)
    ended = {view.job.id: view for view in await jobs.page("default", state=None, before=None, size=10)}
    assert len(ended) == len(there) + 1
    assert all(view.estimated_finish_at is None for view in ended.values())
    for view in there:
        finished_at = ended[view.job.id].job.finished_at
        assert finished_at
        assert view.estimated_finish_at
        assert abs((finished_at - view.estimated_finish_at).total_seconds()) <= 15


async def test_a_job_was_submitted_when_marketo_accepted_it(stage: Stage):
    """NOT_A_GUESS: of one whose answer was lost, nobody can say that it was."""
    stage.simulator.order(Fault("lost_response", on="create"))
    await stage.created(leads(3), on_unconfirmed="hold")
    await stage.beat()
    (view,) = await stage.container.reports.jobs.page("default", state=None, before=None, size=10)
    assert view.job.state is JobState.UNCONFIRMED
    assert view.job.submitted_at is not None
    assert (view.submitted_at, view.estimated_finish_at) == (None, None)


async def test_an_instance_that_there_is_not_has_no_jobs(stage: Stage):
    """The error names it."""
    with pytest.raises(NotFound, match="nope"):
        await stage.container.reports.jobs.page("nope", state=None, before=None, size=10)
