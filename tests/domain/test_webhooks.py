"""What endpoints are told of, and how a delivery and its endpoint go on after a try in vain."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.events import EventType, Occurrence
from app.domain.lifecycle import Move
from app.domain.webhooks import held_until, is_off_for_good, next_attempt_at, webhook_event_of

AT = datetime(2026, 11, 4, 12, tzinfo=UTC)
HOUR = 3600


@pytest.mark.parametrize(
    ("type_", "facts", "event"),
    [
        (Occurrence.FINISHED, {}, "import.finished"),
        (Move.LOSE, {}, "import.attention"),
        (Move.FORGET, {}, "import.attention"),
        (Occurrence.UNKNOWN_AT_MARKETO, {}, "import.attention"),
        (Occurrence.STUCK, {}, "import.attention"),
        (Occurrence.RESULTS_LATE, {}, "import.attention"),
        (Move.COLLECT, {"results_missing": True}, "import.attention"),
        (Move.COLLECT, {"results_missing": None}, None),
        (Move.CLAIM, {}, None),
        (Occurrence.ACCEPTED, {}, None),
        (Occurrence.PAUSED, {}, "instance.state"),
        (Occurrence.RESUMED, {}, "instance.state"),
        (Occurrence.BLOCKED, {}, "instance.state"),
        (Occurrence.UNBLOCKED, {}, "instance.state"),
        (Occurrence.QUEUE_FULL, {}, "instance.state"),
        (Occurrence.RECOVERED, {"what": "unreachable"}, "instance.state"),
        (Occurrence.RECOVERED, {"what": "disk"}, None),
        (Occurrence.DEGRADED, {"check": "disk"}, None),
    ],
)
def test_some_events_of_the_history_are_for_endpoints(type_: EventType, facts: dict[str, Any], event: str | None):
    """An end, what a person should look at, and what an instance does; a check of the status is neither."""
    assert webhook_event_of(type_, facts) == event


def test_waits_grow_and_the_last_try_is_at_the_end_of_three_days():
    """5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, as Standard Webhooks advises; then the end."""
    now, tried = AT, []
    while (again := next_attempt_at(len(tried) + 1, waiting_since=AT, now=now, chance=0.0)) is not None:
        tried.append((again - now).total_seconds())
        now = again
    assert tried[:8] == [5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR]
    assert now == AT + timedelta(days=3)
    later = next_attempt_at(1, waiting_since=AT, now=AT, chance=1.0)
    assert later == AT + timedelta(seconds=5.5)


def test_an_endpoint_is_left_alone_for_longer_each_time_and_for_a_minute_at_most():
    """From the third failure in a row on."""
    waits = [held_until(failures, now=AT) for failures in (2, 3, 4, 8, 9, 1_000_000)]
    assert [wait and (wait - AT).total_seconds() for wait in waits] == [None, 1, 2, 32, 60, 60]


def test_after_three_days_without_success_an_endpoint_is_off():
    """The last try of the first delivery counts, which is some minutes earlier."""
    assert not is_off_for_good(AT, now=AT + timedelta(days=2, hours=23))
    assert is_off_for_good(AT, now=AT + timedelta(days=3))
