"""What a report of Marketo's fills in, and what it leaves as it was."""

from dataclasses import replace

import pytest

from app.domain.answers import MarketoStatus, Report
from app.domain.lifecycle import JobState
from app.domain.parts import Rows
from app.scheduling.job_report import columns_of, observation_of
from app.scheduling.queue_model import Observation
from tests.domain.test_jobs import a_job
from tests.store.seed import AT

JOB = replace(
    a_job(JobState.IMPORTING, rows=Rows(10, 4, 1, 2)),
    attempts=1,
    message="before",
    silent_since=AT,
    denials=2,
    failing_since=AT,
    started_at=AT,
)


def test_what_marketo_does_not_say_stays_as_it_was():
    """An answer at all ends the silence."""
    columns = columns_of(JOB, Report(MarketoStatus.IMPORTING))
    assert columns == {
        "results_missing": False,
        "counted": False,
        "imported": 4,
        "failed": 1,
        "warned": 2,
        "message": "before",
        "silent_since": None,
        "denials": 0,
        "failing_since": None,
    }


def test_what_marketo_says_takes_its_place():
    """From then on the job has counts of Marketo's own."""
    columns = columns_of(JOB, Report(MarketoStatus.COMPLETE, imported=8, failed=2, warned=0, message="done"))
    assert (columns["imported"], columns["failed"], columns["warned"]) == (8, 2, 0)
    assert (columns["counted"], columns["message"], columns["results_missing"]) == (True, "done", False)
    assert columns_of(replace(JOB, counted=True), Report(MarketoStatus.IMPORTING))["counted"]


def test_more_rows_than_the_job_has_are_not_believed():
    """They are cut down, and the results say that something is missing."""
    columns = columns_of(JOB, Report(MarketoStatus.COMPLETE, imported=9, failed=2, warned=11))
    assert (columns["imported"], columns["failed"], columns["warned"]) == (8, 2, 10)
    assert columns["results_missing"]


@pytest.mark.parametrize(
    ("report", "rows_left", "begun"),
    [
        (Report(MarketoStatus.IMPORTING, imported=6), 3, True),
        (Report(MarketoStatus.IMPORTING), None, True),
        (Report(MarketoStatus.QUEUED), None, False),
        (Report(None, imported=6), 3, False),
    ],
)
def test_what_is_left_is_known_where_marketo_counts(report: Report, rows_left: int | None, begun: bool):
    """A word of its status that we do not know says nothing about whether it has begun."""
    assert observation_of(JOB, report, AT) == Observation(AT, rows_left, begun=begun)
