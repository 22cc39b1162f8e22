"""An instance at one moment: what is derived of its row and its parts."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.incidents import Incident
from app.domain.instances import Calls, InstanceState, WaitingFor
from app.domain.timeouts import marketo_day
from tests.reporting.views import NOW, view
from tests.support.stage import Stage

SOON, BEFORE = NOW + timedelta(seconds=30), NOW - timedelta(seconds=90)


def met(kind: str) -> dict[str, Any]:
    """An incident that goes on."""
    return {"incidents": {kind: Incident(since=BEFORE, reason="it says why")}}


@pytest.mark.parametrize(
    ("fields", "condition", "reason"),
    [
        ({}, "running", None),
        ({"paused_at": BEFORE, "paused_reason": "a move"}, "paused", "a move"),
        ({"blocked_at": BEFORE, "blocked_reason": "601"}, "blocked", "601"),
        ({"hold_until": SOON, "hold_reason": WaitingFor.RATE_LIMIT}, "backing_off", "rate_limit"),
        ({"hold_until": BEFORE, "hold_reason": WaitingFor.RATE_LIMIT}, "running", None),
        (met("unreachable"), "running", None),
        (met("unreachable") | {"any_to_try": True}, "backing_off", "retry: it says why"),
        (met("quota_used_up") | {"any_to_try": True}, "backing_off", "daily_quota: it says why"),
    ],
)
def test_an_instance_says_how_it_is_and_why(fields: dict[str, Any], condition: str, reason: str | None):
    """Also between two tries, as long as something is left to be tried."""
    assert (view(**fields).condition, view(**fields).reason) == (condition, reason)


@pytest.mark.parametrize(
    ("parts", "jobs", "is_full"),
    [
        ({"waiting": 1}, {}, True),
        ({"submitting": 1}, {"submitting": 1}, True),
        ({"waiting": 1, "queued": 1}, {"queued": 1}, False),
        ({"waiting": 1, "importing": 1}, {"importing": 1}, False),
        ({}, {}, False),
    ],
)
def test_the_queue_is_full_of_others_jobs_while_ours_wait_and_none_is_there(
    parts: dict[str, int], jobs: dict[str, int], is_full: bool
):
    """Nothing flows then; with a job of ours there, work goes on."""
    external: dict[str, Any] = {"external_alone": True, "external_slots": 10, "external_at": NOW}
    shown = view(parts=parts, jobs=jobs, external_until=SOON, **external, **met("queue_full"))
    assert shown.queue_is_full is is_full
    assert (shown.condition is InstanceState.BACKING_OFF) is is_full
    assert (shown.reason or "").startswith("queue_full") is is_full
    assert (shown.until is not None) is is_full


def test_slots_are_jobs_at_marketo_or_possibly_there():
    """An unconfirmed one may be; of their parts there may be more."""
    jobs = {"submitting": 1, "queued": 2, "importing": 2, "unconfirmed": 1}
    shown = view(parts={"waiting": 7, "queued": 12, "importing": 9, "collecting": 3}, jobs=jobs)
    assert shown.slots_used == 6


def test_an_importer_is_idle_only_while_a_part_could_go():
    """Since when is in its row; where its worker is gone, it counts from the last sign of life."""
    idle = {"any_may_go": True, "idle_since": BEFORE}
    assert view(**idle).idle_seconds == 90
    assert view(**idle | {"any_may_go": False}).idle_seconds == 0
    assert view(**idle, jobs={"importing": 2}).idle_seconds == 0
    assert view(**idle, parts={"importing": 2}, jobs={"importing": 1}).idle_seconds == 90
    assert view(any_may_go=True, heartbeat_at=BEFORE, lease_until=BEFORE).idle_seconds == 90
    assert view(any_may_go=True, heartbeat_at=BEFORE, lease_until=SOON).idle_seconds == 0


def test_calls_of_another_day_or_window_do_not_count():
    """The day is Marketo's, in US Central."""
    calls = Calls(day=marketo_day(NOW), today=7, last_window=3, at=NOW - timedelta(seconds=19))
    assert (view(calls=calls).calls_today, view(calls=calls).calls_in_window) == (7, 3)
    old = Calls(day=marketo_day(NOW - timedelta(days=1)), today=7, last_window=3, at=NOW - timedelta(seconds=20))
    assert (view(calls=old).calls_today, view(calls=old).calls_in_window) == (0, 0)
    assert (view().calls_today, view().calls_in_window) == (0, 0)


def test_ages_are_seconds_and_never_negative():
    """0 where nothing waits or is imported."""
    shown = view()
    assert (shown.waited_seconds, shown.importing_seconds) == (0, 0)
    shown.queue.waiting_since, shown.queue.importing_since = BEFORE, SOON
    assert (shown.waited_seconds, shown.importing_seconds) == (90, 0)


def test_the_address_is_shown_without_its_user_info():
    """SECRETS_STAY_IN."""
    assert view().base_url == "https://***@marketo.example.com"


async def test_a_reader_shows_the_instances_that_are_configured(stage: Stage):
    """With the parts that they have."""
    await stage.created(b"email\na@example.com\n")
    (shown,) = await stage.container.reports.instances.read_all()
    assert (shown.instance.name, shown.queue.waiting_parts, shown.any_may_go) == ("default", 1, True)
    assert not shown.any_to_try
