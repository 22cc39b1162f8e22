"""A job: what one POST gave to Marketo, with the rows of its parts."""

from dataclasses import replace
from datetime import UTC, datetime

from app.domain.jobs import Job
from app.domain.lifecycle import JobState
from app.domain.parts import Rows, TryError

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
ONE_ROW = Rows(1, 0, 0, 0)


def a_job(state: JobState = JobState.QUEUED, *, id_: int = 1, rows: Rows = ONE_ROW) -> Job:
    """One of a single part that Marketo accepted at noon."""
    return Job(
        id=id_,
        instance="default",
        state=state,
        state_since=NOON,
        object_type="lead",
        parts=1,
        imports=1,
        rows=rows,
        size_bytes=10,
        slot=1,
        batch_id=7,
        attempts=0,
        due_at=None,
        message=None,
        error=None,
        silent_since=None,
        denials=0,
        last_error=None,
        failing_since=None,
        counted=False,
        results_missing=False,
        results_late=None,
        submitted_at=NOON,
        started_at=None,
        finished_at=None,
    )


def test_a_job_was_last_tried_when_its_last_error_was():
    """Nothing where its last call went through."""
    tried = replace(a_job(), last_error=TryError("606", "slow", NOON))
    assert (a_job().tried_at, tried.tried_at) == (None, NOON)
