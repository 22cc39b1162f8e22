"""What is made of Marketo's answers: how fast it is, and how far that is trusted."""

from dataclasses import replace
from datetime import timedelta

from app.domain.lifecycle import State
from app.domain.parts import Part, Rows
from app.scheduling.queue_model import Observation, QueueModel
from tests.domain.test_instances import NOON, part


def a_part(number: int, *, submitted: float = 0, rows: int = 1000) -> Part:
    at = NOON + timedelta(seconds=submitted)
    return replace(part(State.QUEUED), id=number, rows=Rows(rows, 0, 0, 0), submitted_at=at)


def watch() -> QueueModel:
    return QueueModel(importers=2, poll_min_seconds=5, poll_max_seconds=30)


def after(seconds: float):
    return NOON + timedelta(seconds=seconds)


def test_parts_that_end_out_of_order_are_told_apart():
    """The first is a long one; three short ones passed it on the other importer, one after the other."""
    seen = watch()
    there = [a_part(1, rows=100_000), *(a_part(n, rows=5000) for n in (2, 3, 4, 5))]
    for _ in range(3):
        seen.ended(there, 1, after(60))
        del there[1]
    spans = seen.queue(there, after(60)).spans
    assert [(span.end - NOON).total_seconds() for span in spans] == [22, 12]
    seen.ended(there, 0, after(60))
    assert seen.done == {}


def test_a_probe_is_worth_its_call_only_while_the_pace_is_in_doubt():
    """Each part that was found at work as foretold makes the next test rarer; one that ended early begins anew."""
    seen = watch()
    for n in range(1, 4):
        there = [a_part(2 * n, submitted=100 * n, rows=100_000), a_part(2 * n + 1, submitted=100 * n)]
        seen.saw(there, there[0], Observation(after(100 * n + 10), 54_000, begun=True))
        assert (seen.trusted, seen.on_trust) == (2**n, 0)
        seen.ended(there, 0, after(100 * n + 23))
    seen.saw(there, there[1], Observation(after(301), None, begun=None))
    assert seen.trusted == 8
    seen.ended([a_part(9, submitted=400, rows=100_000)], 0, after(405))
    assert seen.trusted == 1


def test_while_the_pace_is_in_doubt_more_is_kept_at_marketo():
    """Thirty seconds of work instead of ten and a little."""
    seen, there = watch(), [a_part(n, rows=25_000) for n in range(4)]  # seven seconds each, as is thought
    assert not seen.has_enough(there, NOON)
    seen.trusted = 32
    assert seen.has_enough(there, NOON)
