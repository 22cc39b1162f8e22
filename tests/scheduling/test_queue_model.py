"""The model of Marketo's queue: how fast it is, and how far the forecast is trusted."""

from dataclasses import replace
from datetime import timedelta

from app.domain.jobs import Job
from app.domain.parts import Rows
from app.scheduling.queue_model import Observation, QueueModel
from tests.domain.test_jobs import NOON, a_job


def a_queued_job(number: int, *, submitted: float = 0, rows: int = 1000) -> Job:
    return replace(a_job(id_=number, rows=Rows(rows, 0, 0, 0)), submitted_at=after(submitted))


def model_of_two() -> QueueModel:
    return QueueModel(importers=2, poll_min_seconds=5, poll_max_seconds=30)


def after(seconds: float):
    return NOON + timedelta(seconds=seconds)


def test_jobs_that_end_out_of_order_are_told_apart():
    """The first is a long one; three short ones passed it on the other importer, one after the other."""
    model = model_of_two()
    there = [a_queued_job(1, rows=100_000), *(a_queued_job(n, rows=5000) for n in (2, 3, 4, 5))]
    for _ in range(3):
        model.observe_end(there, 1, after(60))
        del there[1]
    spans = model.queue(there, after(60)).spans
    assert [(span.end - NOON).total_seconds() for span in spans] == [22, 12]
    model.observe_end(there, 0, after(60))
    assert model.done == {}


def test_a_probe_is_worth_its_call_only_while_the_pace_is_in_doubt():
    """Each job that was found at work as foretold makes the next test rarer; one that ended early begins anew."""
    model = model_of_two()
    for n in range(1, 4):
        there = [a_queued_job(2 * n, submitted=100 * n, rows=100_000), a_queued_job(2 * n + 1, submitted=100 * n)]
        model.observe(there, there[0], Observation(after(100 * n + 10), 54_000, begun=True))
        assert (model.trusted, model.on_trust) == (2**n, 0)
        model.observe_end(there, 0, after(100 * n + 23))
    model.observe(there, there[1], Observation(after(301), None, begun=None))
    assert model.trusted == 8
    model.observe_end([a_queued_job(9, submitted=400, rows=100_000)], 0, after(405))
    assert model.trusted == 1


def test_while_the_pace_is_in_doubt_more_is_kept_at_marketo():
    """Thirty seconds of work instead of ten and a little."""
    model, there = model_of_two(), [a_queued_job(n, rows=25_000) for n in range(4)]  # seven seconds each, as is thought
    assert not model.has_enough(there, NOON)
    model.trusted = 32
    assert model.has_enough(there, NOON)
