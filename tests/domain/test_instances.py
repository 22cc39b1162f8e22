"""Why a part waits."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.imports import Footprint, Part, Rows
from app.domain.instances import Instance, WaitingFor, waiting_for
from app.domain.lifecycle import State

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


def part(
    state: State = State.WAITING,
    due_at: datetime | None = None,
    retry_code: str | None = None,
    waits_for: int | None = None,
) -> Part:
    return Part(
        id=1,
        import_id=1,
        number=1,
        instance="default",
        state=state,
        state_since=NOON,
        turn=1,
        footprint=Footprint(1, "people", "email", None, False),
        client="local",
        waits_for=waits_for,
        first_row=1,
        rows=Rows(1, 0, 0, 0),
        size_bytes=10,
        slot=None,
        batch_id=None,
        attempts=0,
        due_at=due_at,
        retry_code=retry_code,
        message=None,
        error=None,
        silent_since=None,
        counted=False,
        results_missing=False,
        submitted_at=None,
        started_at=None,
        finished_at=None,
    )


@pytest.mark.parametrize(
    ("instance", "due_at", "retry_code", "reason"),
    [
        (Instance("default"), None, None, "slot"),
        (Instance("default", paused_at=NOON), None, None, "instance_paused"),
        (Instance("default", blocked_at=NOON), None, None, "instance_blocked"),
        (Instance("default"), LATER, None, "not_before"),
        (Instance("default"), LATER, "713", "retry"),
        (Instance("default", hold_until=LATER, hold_reason=WaitingFor.RATE_LIMIT), None, None, "rate_limit"),
        (Instance("default", hold_until=LATER, hold_reason=WaitingFor.DAILY_QUOTA), None, None, "daily_quota"),
        (Instance("default", hold_until=NOON, hold_reason=WaitingFor.DAILY_QUOTA), None, None, "slot"),
    ],
)
def test_a_waiting_part_says_what_it_waits_for(
    instance: Instance, due_at: datetime | None, retry_code: str | None, reason: str
):
    """The first thing that would have to change."""
    assert waiting_for(part(due_at=due_at, retry_code=retry_code), instance, NOON) == reason


def test_a_part_that_touches_the_same_records_as_another_says_so():
    """Unless something else would have to change first."""
    assert waiting_for(part(waits_for=7), Instance("default"), NOON) == "same_records"
    assert waiting_for(part(waits_for=7), Instance("default", paused_at=NOON), NOON) == "instance_paused"


def test_a_part_that_does_not_wait_waits_for_nothing():
    """Only waiting parts wait."""
    assert waiting_for(part(State.QUEUED), Instance("default"), NOON) is None


def test_a_lesson_on_others_slots_may_be_doubted_when_one_of_ours_has_ended_but_not_within_a_minute():
    """The second in a row lasts two minutes; what stood before our part is gone by then."""
    lesson = Instance("default", foreign_slots=8, foreign_until=NOON + timedelta(seconds=120), foreign_lessons=2)
    assert not lesson.may_doubt_slots(NOON + timedelta(seconds=59))
    assert lesson.may_doubt_slots(NOON + timedelta(seconds=60))
    assert not lesson.may_doubt_slots(NOON + timedelta(seconds=120)), "it is over"
    assert not Instance("default").may_doubt_slots(NOON)
