"""Every wait, restated in seconds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.timeouts import RetryPolicy, quota_again, quota_reset

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
PATIENCE = RetryPolicy(
    upload_seconds=600,
    settle_seconds=900,
    retry_base_seconds=5,
    retry_max_seconds=300,
    poll_min_seconds=5,
    poll_max_seconds=30,
    window_seconds=20,
)


@given(attempts=st.integers(0, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_a_retry_is_neither_at_once_nor_later_than_the_longest_step(attempts: int, chance: float):
    """Full jitter below an exponential ceiling, however many attempts there were."""
    wait = (PATIENCE.retry(NOON, attempts, chance=chance) - NOON).total_seconds()
    assert 0.5 <= wait <= 300


def test_the_ceiling_doubles_with_each_attempt():
    """5, 10, 20, 40 seconds at most."""
    ceilings = [PATIENCE.retry(NOON, n, chance=1.0) - NOON for n in range(4)]
    assert ceilings == [timedelta(seconds=s) for s in (5, 10, 20, 40)]


@given(expected=st.none() | st.floats(0, 1e9))
def test_a_look_at_a_job_keeps_to_marketos_recommended_range(expected: float | None):
    """Between 5 and 30 seconds, whatever was predicted."""
    wait = (PATIENCE.next_poll(NOON, expected) - NOON).total_seconds()
    assert 5 <= wait <= 30


def test_a_lost_answer_is_given_the_settling_time():
    """900 seconds, so that a possible job has ended before the part goes again."""
    assert PATIENCE.settled(NOON) == NOON + timedelta(seconds=900)


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        (datetime(2026, 11, 4, 12, tzinfo=UTC), datetime(2026, 11, 5, 6, tzinfo=UTC)),  # winter: UTC-6
        (datetime(2026, 7, 4, 12, tzinfo=UTC), datetime(2026, 7, 5, 5, tzinfo=UTC)),  # summer: UTC-5
        (datetime(2026, 11, 5, 5, 59, tzinfo=UTC), datetime(2026, 11, 5, 6, tzinfo=UTC)),
    ],
)
def test_the_quota_resets_at_midnight_us_central(now: datetime, reset: datetime):
    """Marketo's day is a day in Chicago, in summer and in winter."""
    assert quota_reset(now) == reset


@pytest.mark.parametrize(
    ("now", "again"),
    [
        (datetime(2026, 11, 4, 12, tzinfo=UTC), datetime(2026, 11, 5, 6, tzinfo=UTC)),
        (datetime(2026, 7, 4, 12, tzinfo=UTC), datetime(2026, 7, 5, 5, tzinfo=UTC)),
        (datetime(2026, 7, 5, 5, 0, 1, tzinfo=UTC), datetime(2026, 7, 5, 6, tzinfo=UTC)),
        (datetime(2026, 7, 5, 6, 0, 1, tzinfo=UTC), datetime(2026, 7, 6, 5, tzinfo=UTC)),
    ],
)
def test_a_used_up_quota_is_tried_at_either_midnight_that_adobe_may_mean(now: datetime, again: datetime):
    """Refused at midnight in summer, a whole day would be lost: CST to the letter begins its day an hour later."""
    assert quota_again(now) == again


def test_what_is_late_is_asked_for_less_and_less_often():
    """After 5 seconds at first, then after a quarter of the time that it is late, at last every 300."""
    waits = [
        (PATIENCE.look_again(NOON + timedelta(seconds=late), NOON) - NOON).total_seconds() - late
        for late in (0, 20, 60, 1000, 10_000)
    ]
    assert waits == [5, 5, 15, 250, 300]
