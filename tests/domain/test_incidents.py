"""Incidents: told once when they begin and once when they end, whatever comes and goes meanwhile."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.answers import OutcomeUnknown, QueryFailed, RejectionReason, TurnedAway
from app.domain.incidents import CallError, Incident, begin_or_continue, end, error_of, is_to_be_told

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_an_incident_is_told_when_it_begins_and_when_it_is_over():
    """Not in between, however often it is met."""
    known, tell = begin_or_continue(None, at=at(0), reason="refused")
    assert (known, tell) == (Incident(at(0), at(0), False, "refused"), True)
    known, tell = begin_or_continue(known, at=at(500), reason="no route")
    assert (known.since, known.reason, tell) == (at(0), "no route", False)
    known, tell = end(known)
    assert (known.since, known.reason, tell) == (None, None, True)


def test_one_that_is_back_within_a_minute_is_told_only_if_it_stays():
    """A line that flaps fills no history; one that stays broken is told within the minute after."""
    known, _ = begin_or_continue(None, at=at(0))
    known, _ = end(known)
    known, tell = begin_or_continue(known, at=at(10))
    assert not tell
    known, tell = end(known)
    assert not tell, "nobody was told of its beginning"
    known, tell = begin_or_continue(known, at=at(59))
    assert not tell
    known, tell = begin_or_continue(known, at=at(60))
    assert tell
    assert end(known)[1]


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 90)), max_size=60))
def test_beginnings_and_ends_are_told_by_turns_and_no_two_beginnings_within_a_minute(steps: list[tuple[bool, float]]):
    """And whoever reads the history knows of each that lasts for a minute while it is met."""
    known, now, told = Incident(), 0.0, []
    for is_met, seconds in steps:
        now += seconds
        if is_met:
            known, tell = begin_or_continue(known, at=at(now))
            assert known.since is not None
            assert known.is_told or at(now) - known.since < timedelta(seconds=60)
        else:
            known, tell = end(known) if known.since else (known, False)
        if tell:
            told.append((is_met, now))
    assert [begun for begun, _ in told] == [index % 2 == 0 for index in range(len(told))]
    begun = [moment for is_begun, moment in told if is_begun]
    assert all(later - earlier >= 60 - 1e-6 for earlier, later in pairwise(begun))


@pytest.mark.parametrize(
    ("answer", "code", "call"),
    [
        (TurnedAway(RejectionReason.QUEUE_FULL, "1016", "m"), "1016", "create"),
        (TurnedAway(RejectionReason.UNAVAILABLE, None, "m"), "unavailable", "create"),
        (TurnedAway(RejectionReason.BLOCKED, "401", "m", call="identity"), "401", "identity"),
        (OutcomeUnknown("m"), "lost", "create"),
        (QueryFailed("m"), "no_answer", "create"),
        (QueryFailed("m", None, RejectionReason.UNAVAILABLE, call="identity"), "unavailable", "identity"),
        (QueryFailed("m", "1013", unknown_job=True), "1013", "create"),
    ],
)
def test_what_is_kept_of_a_call_that_did_not_go_through(
    answer: TurnedAway | OutcomeUnknown | QueryFailed, code: str, call: str
):
    """Marketo's code, or a word of ours where none came; and which call it was that failed."""
    assert error_of(answer, call="create", at=NOON) == CallError(NOON, call, code, "m")


def test_tries_about_one_part_are_told_once_after_half_a_minute():
    """A question may miss its answer now and then."""
    tries = [at(seconds) for seconds in (0, 5, 10, 29.9, 30, 31, 500)]
    told = [is_to_be_told(NOON, before=before, at=now) for before, now in zip([None, *tries], tries, strict=False)]
    assert told == [False, False, False, False, True, False, False]
