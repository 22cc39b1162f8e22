"""Why a part waits, and for how long what was learnt of others counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.imports import OnUnconfirmed
from app.domain.instances import Instance, WaitingFor, external_seconds, next_attempt_at, waiting_for
from app.domain.lifecycle import PartState
from app.domain.parts import ConflictScope, Part, Rows

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


def part(
    state: PartState = PartState.WAITING,
    due_at: datetime | None = None,
    retry_code: str | None = None,
    blocked_by: int | None = None,
    accepted_seq: int | None = 1,
) -> Part:
    return Part(
        id=1,
        import_id=1,
        number=1,
        instance="default",
        state=state,
        state_since=NOON,
        accepted_seq=accepted_seq,
        conflict_scope=ConflictScope(1, "people", "email", None, False),
        client="local",
        blocked_by=blocked_by,
        blocked_since=NOON if blocked_by else None,
        first_row=1,
        rows=Rows(1, 0, 0, 0),
        size_bytes=10,
        job_id=None,
        bundled_with=None,
        alike=None,
        header_bytes=0,
        separated_from=None,
        batch_id=None,
        attempts=0,
        due_at=due_at,
        retry_code=retry_code,
        message=None,
        error=None,
        silent_since=None,
        denials=0,
        last_error=None,
        failing_since=None,
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
    assert waiting_for(part(blocked_by=7), Instance("default"), NOON) == "same_records"
    assert waiting_for(part(blocked_by=7), Instance("default", paused_at=NOON), NOON) == "instance_paused"


def test_a_part_under_review_says_so_before_all_else():
    """No time helps it, and nothing else that would change."""
    hidden = part(accepted_seq=None, due_at=LATER)
    assert waiting_for(hidden, Instance("default", paused_at=NOON), NOON) == "review"
    assert next_attempt_at(hidden, Instance("default"), NOON, policy=OnUnconfirmed.RESUBMIT) is None


def test_a_part_that_does_not_wait_waits_for_nothing():
    """Only waiting parts wait."""
    assert waiting_for(part(PartState.QUEUED), Instance("default"), NOON) is None


def test_a_lesson_on_others_slots_may_be_doubted_when_one_of_ours_has_ended_but_not_within_a_minute():
    """The second in a row lasts two minutes; what stood before our part is gone by then."""
    until = NOON + timedelta(seconds=120)
    lesson = Instance("default", external_slots=8, external_at=NOON, external_until=until, consecutive_1016s=2)
    assert not lesson.may_doubt_slots(NOON + timedelta(seconds=59))
    assert lesson.may_doubt_slots(NOON + timedelta(seconds=60))
    assert not lesson.may_doubt_slots(NOON + timedelta(seconds=120)), "it is over"
    assert not Instance("default").may_doubt_slots(NOON)


def test_a_1016_with_nothing_of_ours_at_marketo_counts_for_15_seconds_then_30_and_never_for_more_than_60():
    """With work of ours there it counts for a minute, then longer: that work flows meanwhile."""
    assert [external_seconds(before, at_work=0) for before in range(6)] == [15, 30, 60, 60, 60, 60]
    assert [external_seconds(before, at_work=1) for before in range(6)] == [60, 120, 240, 480, 600, 600]


def test_a_lesson_that_was_learnt_beside_our_own_work_counts_no_longer_than_a_minute_once_that_has_ended():
    """Ten minutes were right while something flowed."""
    until = NOON + timedelta(seconds=600)
    lesson = Instance("default", external_slots=9, external_at=NOON, external_until=until, consecutive_1016s=5)
    assert lesson.external_slots_until(at_work=1) == until
    assert lesson.external_slots_until(at_work=0) == NOON + timedelta(seconds=60)
    assert lesson.slots_of_others(NOON + timedelta(seconds=60), at_work=1) == 9
    assert lesson.slots_of_others(NOON + timedelta(seconds=60), at_work=0) == 8, "one more is tried"


def test_lessons_in_a_row_count_anew_when_our_own_work_there_has_come_or_gone():
    """The short waits begin with 15 seconds, whatever was learnt before."""
    beside_ours = Instance("default", consecutive_1016s=4)
    alone = replace(beside_ours, external_alone=True)
    assert [item.consecutive_1016s_before(at_work=0) for item in (beside_ours, alone)] == [0, 4]
    assert [item.consecutive_1016s_before(at_work=2) for item in (beside_ours, alone)] == [4, 0]


@pytest.mark.parametrize(
    ("told", "instance", "policy", "seconds"),
    [
        ({}, {}, "resubmit", None),
        ({"due_at": LATER, "retry_code": "713"}, {}, "resubmit", 60),
        ({"due_at": LATER}, {}, "resubmit", 60),
        ({"due_at": NOON, "retry_code": "713"}, {}, "resubmit", None),
        ({}, {"hold_until": LATER, "hold_reason": WaitingFor.DAILY_QUOTA}, "resubmit", 60),
        ({}, {"blocked_at": NOON, "hold_until": LATER}, "resubmit", 60),
        ({"due_at": LATER, "retry_code": "603"}, {"paused_at": NOON}, "resubmit", None),
        ({"blocked_by": 7}, {"hold_until": LATER}, "resubmit", None),
        (
            {},
            {"external_alone": True, "external_at": NOON, "external_until": LATER, "consecutive_1016s": 1},
            "resubmit",
            15,
        ),
        ({"state": PartState.UNCONFIRMED, "due_at": LATER}, {}, "resubmit", 60),
        ({"state": PartState.UNCONFIRMED, "due_at": LATER}, {}, "hold", None),
        ({"state": PartState.IMPORTING, "due_at": LATER}, {}, "resubmit", None),
    ],
)
def test_a_part_says_when_it_is_tried_next_where_time_decides(
    told: dict[str, Any], instance: dict[str, Any], policy: str, seconds: float | None
):
    """Not where its turn, another part or a person does."""
    found = next_attempt_at(part(**told), Instance("default", **instance), NOON, policy=OnUnconfirmed(policy))
    assert found == (None if seconds is None else NOON + timedelta(seconds=seconds))


def test_a_part_that_gets_no_answer_says_when_it_is_asked_about_again():
    """At Marketo, or for its result files."""
    for state in (PartState.QUEUED, PartState.IMPORTING, PartState.COLLECTING):
        failing = replace(part(state, due_at=LATER), failing_since=NOON)
        assert next_attempt_at(failing, Instance("default"), NOON, policy=OnUnconfirmed.RESUBMIT) == LATER
