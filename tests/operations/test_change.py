"""Changing what still waits: who did it and what it was before stand in the event."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.domain.api_keys import EVERYBODY, Caller, Scope
from app.domain.errors import BadParameter, NotFound, WrongState
from app.domain.failpoints import no_op
from app.domain.lifecycle import Move
from app.notify.wakeup import Wakeup
from app.operations.change import Change
from app.store import import_queries, jobs, parts
from app.store.database import Database
from app.store.parts import Stale
from app.store.tables import part
from tests.operations.people import events_by
from tests.store.seed import AT, an_import, parts_of
from tests.support.clock import SteppedClock

LATER = AT + timedelta(hours=1)
CY = Caller("cy", frozenset({Scope.SUBMIT}))


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(AT)


@pytest.fixture
def change(db: Database, clock: SteppedClock) -> Change:
    return Change(db=db, now=clock, wakeup=Wakeup(), hit=no_op)


async def columns_of(db: Database, import_id: int, *names: str) -> list[tuple[Any, ...]]:
    async with db.read() as tx:
        columns = [part.c[name] for name in names]
        rows = await tx.execute(select(*columns).where(part.c.import_id == import_id).order_by(part.c.number))
        return [tuple(row) for row in rows]


async def claim(db: Database, *part_ids: int, slot: int = 1) -> int:
    async with db.write() as tx:
        return (await jobs.claim(tx, part_ids, slot=slot, due_at=LATER, at=AT)).id


async def test_what_is_named_is_changed_and_all_else_stays(db: Database, change: Change):
    """The import, and its parts where they mirror it; one event says from what to what. None clears."""
    import_id = await an_import(db, parts_count=2)
    await change.run(import_id, {"priority": 9, "not_before": LATER, "label": "soon"}, by=CY)
    assert await columns_of(db, import_id, "priority", "due_at") == [(9, LATER)] * 2
    await change.run(import_id, {"not_before": None}, by=CY)
    assert await columns_of(db, import_id, "priority", "due_at") == [(9, None)] * 2
    async with db.read() as tx:
        summary = await import_queries.get_summary(tx, import_id)
    assert summary is not None
    assert (summary.request.priority, summary.request.not_before, summary.request.label) == (9, None, "soon")
    first, second = await events_by(db, "cy")
    assert first == (
        "changed",
        {
            "by": "cy",
            "priority": {"from": 5, "to": 9},
            "not_before": {"from": None, "to": "2026-11-04T13:00:00.000Z"},
            "label": {"from": None, "to": "soon"},
        },
    )
    assert second[1] == {"by": "cy", "not_before": {"from": "2026-11-04T13:00:00.000Z", "to": None}}


async def test_what_is_so_already_is_no_event(db: Database, change: Change):
    """Whoever asks twice has asked once; to change nothing is no mistake."""
    import_id = await an_import(db)
    for _ in range(2):
        await change.run(import_id, {"priority": 9}, by=CY)
    await change.run(import_id, {}, by=CY)
    assert [data for _, data in await events_by(db, "cy")] == [{"by": "cy", "priority": {"from": 5, "to": 9}}]


async def test_once_nothing_waits_it_is_too_late(db: Database, change: Change):
    """Whatever has become of it; and there may be no such import."""
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    job_id = await claim(db, only.id)
    for state in ("at Marketo", "finished"):
        with pytest.raises(WrongState) as refusal:
            await change.run(import_id, {"label": "x"}, by=CY)
        assert refusal.value.code == "nothing_waits", state
        if state == "at Marketo":
            async with db.write() as tx:
                await jobs.move(tx, job_id, Move.REFUSE, at=AT, values={"error_code": "x", "error_message": "x"})
    with pytest.raises(NotFound):
        await change.run(import_id + 1, {"label": "x"}, by=CY)


async def test_a_key_gives_no_higher_priority_than_it_may(db: Database, change: Change):
    """As at an upload; and then nothing is changed."""
    import_id = await an_import(db)
    bounded = Caller("cy", frozenset({Scope.SUBMIT}), max_priority=6)
    with pytest.raises(BadParameter) as refusal:
        await change.run(import_id, {"priority": 7, "label": "x"}, by=bounded)
    assert refusal.value.code == "priority_too_high"
    assert await events_by(db, "cy") == []
    await change.run(import_id, {"priority": 6}, by=bounded)


async def test_a_part_that_was_chosen_and_then_put_off_is_not_claimed(db: Database, change: Change):
    """Nothing goes before its time, however close together the two are; nor does it ride along with another."""
    first, second = await an_import(db), await an_import(db)
    (chosen,), (rider,) = await parts_of(db, first), await parts_of(db, second)
    await change.run(first, {"not_before": LATER}, by=EVERYBODY)
    with pytest.raises(Stale):
        await claim(db, chosen.id)
    await claim(db, rider.id, chosen.id)
    assert await columns_of(db, first, "state", "job_id") == [("waiting", None)]


async def test_a_part_whose_priority_was_changed_does_not_ride_along(db: Database, change: Change):
    """Parts of one job have one priority."""
    first, second, third = [await an_import(db) for _ in range(3)]
    ids = [(await parts_of(db, import_id))[0].id for import_id in (first, second, third)]
    async with db.write() as tx:
        await tx.execute(update(part).values(alike="the same"))
    await change.run(second, {"priority": 1}, by=EVERYBODY)
    await claim(db, *ids)
    states = [await columns_of(db, import_id, "state") for import_id in (first, second, third)]
    assert states == [[("submitting",)], [("waiting",)], [("submitting",)]]


async def test_a_part_that_comes_back_waits_until_the_time_that_was_named_meanwhile(db: Database, change: Change):
    """And it has the new priority. To try all again is not to send it sooner."""
    import_id = await an_import(db, parts_count=2)
    first, _ = await parts_of(db, import_id)
    job_id = await claim(db, first.id)
    await change.run(import_id, {"not_before": LATER, "priority": 2}, by=EVERYBODY)
    async with db.write() as tx:
        values = {"due_at": AT, "retry_code": "1016"}
        await jobs.move(tx, job_id, Move.TURN_AWAY, at=AT, values=values)
        await parts.try_again(tx, "default")
    assert await columns_of(db, import_id, "state", "due_at", "priority") == [("waiting", LATER, 2)] * 2
    with pytest.raises(Stale):
        await claim(db, first.id)


async def test_what_waits_to_be_tried_again_keeps_its_time_where_the_other_is_over(
    db: Database, change: Change, clock: SteppedClock
):
    """`not_before` says when it may go at the earliest, and nothing of Marketo's wishes."""
    import_id = await an_import(db)
    retry_at = AT + timedelta(minutes=5)
    async with db.write() as tx:
        await tx.execute(update(part).values(due_at=retry_at, retry_code="606"))
    await change.run(import_id, {"not_before": AT - timedelta(days=1)}, by=EVERYBODY)
    await change.run(import_id, {"not_before": None}, by=EVERYBODY)
    assert await columns_of(db, import_id, "due_at", "retry_code") == [(retry_at, "606")]
    await change.run(import_id, {"not_before": LATER}, by=EVERYBODY)
    assert await columns_of(db, import_id, "due_at", "retry_code") == [(LATER, None)]


async def test_who_waits_for_a_part_that_is_put_off_waits_no_more(db: Database, change: Change):
    """A part that is not to go yet goes before nobody; one that may go at once still does."""
    first, second = await an_import(db), await an_import(db)
    (before,), (behind,) = await parts_of(db, first), await parts_of(db, second)
    async with db.write() as tx:
        await parts.set_blocked(tx, behind.id, by=before.id, at=AT)
    await change.run(first, {"not_before": AT, "priority": 0}, by=EVERYBODY)
    assert await columns_of(db, second, "waits_for") == [(before.id,)]
    await change.run(first, {"not_before": LATER}, by=EVERYBODY)
    assert await columns_of(db, second, "waits_for") == [(None,)]
