"""An instance as the API shows it."""

from datetime import timedelta

from app.api.schemas.instances import Instance, InstanceSummary
from app.domain.incidents import CallError
from tests.reporting.views import NOW, view

AT = NOW - timedelta(minutes=1)


def test_slots_are_counted_by_what_happens_in_them():
    """Those that are being submitted count as used alone; a job takes one, however many parts it has."""
    jobs = {"submitting": 1, "queued": 2, "importing": 1, "unconfirmed": 1}
    out = Instance.of(view(parts={"waiting": 4, "queued": 50, "importing": 20}, jobs=jobs))
    assert out.slots.model_dump() == {"used": 5, "importing": 1, "queued": 2, "unconfirmed": 1}
    assert out.waiting.parts == 4
    assert out.limits.model_dump() == {"importing": 2, "queued": 10}


def test_what_there_is_not_is_null():
    """A worker that has not shown itself, a pause, an error."""
    out = Instance.of(view(worker="w"))
    assert (out.worker, out.paused, out.last_error, out.reason, out.until) == (None, None, None, None, None)
    assert (out.state, out.calls.today, out.calls.quota, out.calls.window_limit) == ("running", 0, 50_000, 50)


def test_what_there_is_is_told_whole():
    """Who paused it, when and why; the last call that failed; who drives it."""
    error = CallError(AT, "create", "606", "slow")
    out = Instance.of(
        view(worker="w", heartbeat_at=AT, paused_at=AT, paused_by="ops", paused_reason="a move", last_error=error)
    ).model_dump(mode="json")
    moment = "2026-11-23T11:59:00.000Z"
    assert out["worker"] == {"id": "w", "heartbeat_at": moment}
    assert out["paused"] == {"by": "ops", "since": moment, "reason": "a move"}
    assert out["last_error"] == {"at": moment, "call": "create", "code": "606", "message": "slow"}
    assert out["base_url"] == "https://***@marketo.example.com"


def test_a_key_that_may_only_submit_is_shown_how_it_is_and_nothing_else():
    """No address, no counts."""
    assert InstanceSummary.of(view(paused_at=AT, paused_reason="a move")).model_dump() == {
        "name": "default",
        "state": "paused",
        "reason": "a move",
        "until": None,
    }
