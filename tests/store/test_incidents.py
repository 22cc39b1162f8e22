"""Incidents in an instance's row: each is told once when it begins, and once when it is over."""

from datetime import timedelta

import pytest

from app.domain.incidents import CallError, Incident
from app.store import incidents, instances
from app.store.database import Database
from tests.store.seed import AT


@pytest.fixture(autouse=True)
async def known(db: Database) -> None:
    async with db.write() as tx:
        await instances.ensure(tx, ["default", "other"])


async def test_an_incident_is_to_be_told_once_and_so_is_its_end(db: Database):
    """It has gone on since it was first met; the reason is the last one."""
    later = AT + timedelta(minutes=5)
    async with db.write() as tx:
        assert await incidents.meet(tx, "default", "unreachable", at=AT, reason="502")
        assert not await incidents.meet(tx, "default", "unreachable", at=later, reason="503")
        instance = await instances.hold_row(tx, "default")
        assert instance.incidents == {"unreachable": Incident(AT, AT, reason="503")}
        assert await incidents.end(tx, "default", "unreachable") == AT
        assert await incidents.end(tx, "default", "unreachable") is None
        assert not (await instances.hold_row(tx, "default")).has_incidents


async def test_what_comes_back_within_a_minute_and_goes_again_is_told_neither_time(db: Database):
    """The history would be full of it."""
    soon = AT + timedelta(seconds=59)
    async with db.write() as tx:
        await incidents.meet(tx, "default", "unreachable", at=AT, reason=None)
        await incidents.end(tx, "default", "unreachable")
        assert not await incidents.meet(tx, "default", "unreachable", at=soon, reason=None)
        assert (await instances.hold_row(tx, "default")).has_incidents
        assert await incidents.end(tx, "default", "unreachable") is None


async def test_each_kind_and_each_instance_has_incidents_of_its_own(db: Database):
    """The end of one ends no other."""
    async with db.write() as tx:
        await incidents.meet(tx, "default", "unreachable", at=AT, reason=None)
        await incidents.meet(tx, "default", "queue_full", at=AT, reason="1016", of_submissions=True)
        assert await incidents.end(tx, "default", "rate_limited") is None
        await incidents.end(tx, "default", "unreachable")
        instance = await instances.hold_row(tx, "default")
        assert instance.incident("unreachable") is None
        assert instance.incident("queue_full") == Incident(AT, AT, of_submissions=True, reason="1016")
        assert (await instances.hold_row(tx, "other")).incidents == {}


async def test_the_last_error_is_kept_as_it_was(db: Database):
    """The next one takes its place."""
    error = CallError(AT, "status", "606", "Max rate limit exceeded")
    async with db.write() as tx:
        await incidents.note_error(tx, "default", CallError(AT, "create", "502", "Bad Gateway"))
        await incidents.note_error(tx, "default", error)
        assert (await instances.hold_row(tx, "default")).last_error == error
        assert (await instances.hold_row(tx, "other")).last_error is None


def test_the_times_in_the_json_move_along_with_a_clock_that_was_set():
    """All other values stay as they are; so does what never happened."""
    stored = {"queue_full": {"since": AT.isoformat(), "told_at": None, "reason": "1016"}}
    moved = {"queue_full": {"since": (AT + timedelta(hours=1)).isoformat(), "told_at": None, "reason": "1016"}}
    assert incidents.moved(stored, 3600) == moved
    assert incidents.moved(None, 3600) is None
