"""What moves along when the clock is set, and what stays as it was written."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Cause, Jump
from app.store import clock_jumps, webhook_deliveries
from app.store.database import Database
from app.store.tables import Moment, import_, instance, job, metadata, part, webhook, webhook_delivery
from tests.store.seed import AT, a_webhook, an_import, parts_of
from tests.support import in_jobs

HOUR = timedelta(hours=1)
MOVES = {
    "instance": {
        *("hold_until", "foreign_at", "foreign_until", "calls_at", "lease_until", "heartbeat_at"),
        *("idle_since", "moved_at"),
    },
    "import": {"touched_at", "started_at", "review_until"},
    "part": {
        *("waits_since", "due_at", "silent_since", "last_error_at", "failing_since"),
        *("state_since", "submitted_at", "started_at"),
    },
    "job": {
        *("due_at", "silent_since", "last_error_at", "failing_since"),
        *("state_since", "submitted_at", "started_at"),
    },
    "description": {"fetched_at"},
    "idempotency_key": {"touched_at"},
    "access_token": {"expires_at"},
    "webhook": {"previous_secret_until", "failing_since", "hold_until", "lease_until"},
    "webhook_delivery": {"waiting_since", "next_attempt_at"},
    "stream_token": {"expires_at"},
    "session": {"expires_at"},
}
STAYS = {  # history, and moments that somebody named
    "instance": {"paused_at", "blocked_at"},
    "import": {
        *("not_before", "cancel_requested_at", "created_at", "finished_at", "file_erased_at", "results_erased_at"),
        "released_at",
    },
    "part": {"stuck_at", "finished_at"},
    "job": {"stuck_at", "finished_at"},
    "api_key": {"created_at", "expires_at", "revoked_at", "last_used_at"},
    "idempotency_key": {"created_at"},
    "event": {"at"},
    "webhook": {"off_at", "created_at", "removed_at"},
    "webhook_delivery": {"at"},
    "clock_jump": {"before_at", "after_at"},
}


def moments(table: str) -> set[str]:
    return {column.name for column in metadata.tables[table].columns if isinstance(column.type, Moment)}


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_of_each_moment_is_decided_whether_it_moves(table: str):
    """A new column stands for how long something lasts, or for when something was: say which."""
    moves, stays = MOVES.get(table, set()), STAYS.get(table, set())
    assert moments(table) == moves | stays
    assert not moves & stays


async def jumped(db: Database, by: timedelta) -> None:
    async with db.write() as tx:
        assert await clock_jumps.add(tx, Jump(1, Cause.JUMP, AT, AT + by))


def of(table: Any) -> list[Column[Any]]:
    return [column for column in table.columns if isinstance(column.type, Moment)]


async def row(tx: AsyncConnection, table: Any) -> dict[str, Any]:
    return dict((await tx.execute(select(table))).mappings().one())


@pytest.mark.parametrize("by", [HOUR, -HOUR, timedelta(days=100)], ids=["forward", "back", "100 days"])
@pytest.mark.parametrize("table", [instance, import_, part, job], ids=lambda table: table.name)
async def test_what_is_under_way_moves_and_history_does_not(db: Database, table: Any, by: timedelta):
    """A part that Marketo imports, its job, its import and its instance, with every moment set."""
    (only,) = await parts_of(db, await an_import(db))
    async with db.write() as tx:
        await tx.execute(text("DELETE FROM instance WHERE name = 'other'"))
        await tx.execute(text("UPDATE import SET status = 'importing'"))
        await in_jobs.put(tx, only.id, "importing")
        await tx.execute(update(table).values({column.name: AT for column in of(table)}))
    await jumped(db, by)
    async with db.read() as tx:
        found = await row(tx, table)
    # of who waits for another part, see below: nothing at Marketo does
    moved = {name for name in moments(table.name) if found[name] == AT + by}
    assert moved == MOVES[table.name] - {"waits_since"}
    assert {name for name in moments(table.name) if found[name] == AT} == STAYS[table.name] | (
        {"waits_since"} & moments(table.name)
    )


async def test_what_an_endpoint_and_a_waiting_delivery_are_timed_by_moves(db: Database):
    """Its lease, its holds, its secret's last day; of a delivery, when it is tried, and how long it has been."""
    async with db.write() as tx:
        webhook_id = await a_webhook(tx)
        await webhook_deliveries.add(tx, webhook_id, "webhook.test", at=AT)
        await tx.execute(update(webhook).values(dict.fromkeys(MOVES["webhook"], AT)))
    await jumped(db, HOUR)
    async with db.read() as tx:
        endpoint, delivery = await row(tx, webhook), await row(tx, webhook_delivery)
    assert {name for name in moments("webhook") if endpoint[name] == AT + HOUR} == MOVES["webhook"]
    assert {name for name in moments("webhook_delivery") if delivery[name] == AT + HOUR} == MOVES["webhook_delivery"]


async def test_the_times_of_a_job_that_has_ended_stay_as_they_were(db: Database):
    """They are history; of one whose result files are still to be fetched they are not."""
    ended, collecting = await parts_of(db, await an_import(db, parts_count=2))
    async with db.write() as tx:
        await in_jobs.put(tx, ended.id, "complete", submitted_at=AT)
        await in_jobs.put(tx, collecting.id, "collecting", submitted_at=AT)
    await jumped(db, HOUR)
    async with db.read() as tx:
        found = (await tx.execute(select(job.c.state_since, job.c.submitted_at).order_by(job.c.id))).all()
    assert [tuple(times) for times in found] == [(AT, AT), (AT + HOUR, AT + HOUR)]


async def test_a_part_that_waits_keeps_how_long_it_is_put_off_and_not_what_its_caller_named(db: Database):
    """`not_before` has no code of a try; what was turned away has."""
    await an_import(db, parts_count=3)
    times = ("due_at", "failing_since", "last_error_at", "waits_since")
    async with db.write() as tx:
        await tx.execute(update(part).where(part.c.number == 1).values(due_at=AT))
        await tx.execute(
            update(part)
            .where(part.c.number == 2)
            .values(retry_code="606", due_at=AT, failing_since=AT, last_error_at=AT)
        )
        await tx.execute(update(part).where(part.c.number == 3).values(waits_for=1, waits_since=AT))
    await jumped(db, HOUR)
    async with db.read() as tx:
        found = [
            tuple(row) for row in await tx.execute(select(*(part.c[name] for name in times)).order_by(part.c.number))
        ]
    late = AT + HOUR
    assert found == [(AT, None, None, None), (late, late, late, None), (None, None, None, late)]


async def test_what_an_instance_keeps_in_json_moves_too(db: Database):
    """Ticks, steps that fail, and incidents; what is no time, and the last call's error, stay."""
    await an_import(db)
    at = AT.isoformat()
    known = {"since": at, "told_at": None, "of_submissions": True, "reason": "x"}
    error = {"at": at, "call": "create", "code": "1016", "message": "full"}
    values: dict[str, Any] = {
        "ticked": {"poll": at},
        "failing": {"poll": {"since": at, "error": "KeyError"}},
        "incidents": {"queue_full": known, "unreachable": known | {"since": None, "told_at": at}},
        "last_error": error,
    }
    async with db.write() as tx:
        await tx.execute(text("DELETE FROM instance WHERE name = 'other'"))
        await tx.execute(update(instance).values(values))
    await jumped(db, -HOUR)
    async with db.read() as tx:
        found = await row(tx, instance)
    early = (AT - HOUR).isoformat()
    assert found["ticked"] == {"poll": early}
    assert found["failing"] == {"poll": {"since": early, "error": "KeyError"}}
    assert found["incidents"] == {
        "queue_full": known | {"since": early},
        "unreachable": known | {"since": None, "told_at": early},
    }
    assert found["last_error"] == error
    assert datetime.fromisoformat(found["ticked"]["poll"]) == AT - HOUR
