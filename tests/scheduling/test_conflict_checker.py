"""Who waits for whom, and that nobody waits for ever."""

import asyncio

import pytest

from app.domain.lifecycle import Move
from app.simulator import Fault
from app.store import imports, part_queries, parts
from app.store.database import Database
from tests.store.seed import AT, an_import, parts_of
from tests.story.test_conflicts import CAR, rows, there, waits_for
from tests.support import in_jobs
from tests.support.stage import Stage
from tests.support.statements import blocked

pytestmark = pytest.mark.both_databases


async def test_two_parts_never_wait_for_each_other(stage: Stage):
    """The first was not to go yet, the second went and was lost: the first waits for it, until it falls back."""
    stage.simulator.order(Fault("lost_request", on="create", once=True))
    first = await stage.created(rows(1, name="first"), not_before="2026-11-04T12:10:00Z")
    second = await stage.created(rows(1, name="second"))
    assert await there(stage) == [second]
    stage.clock.step(601)
    assert await there(stage) == [second]
    assert await waits_for(stage, first) == ["same_records"]
    await stage.run()
    (record,) = stage.simulator.records("lead")
    assert record["firstName"] == "second", "it was accepted last"


@pytest.mark.one_database
async def test_a_part_that_is_met_but_not_due_is_met_again(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """It becomes due while the other waits for a third: then it goes first."""
    monkeypatch.setattr("app.scheduling.conflict_checker.PAGE_RIVALS", 1)
    later = await stage.created(rows(1, name="A"), not_before="2026-11-04T12:01:00Z")
    await stage.created(rows(7), priority=0)
    await stage.created(rows(2, name="C"), priority=0)
    urgent = await stage.created(rows(1, 2, name="B"), priority=9)
    for _ in range(2):
        assert await stage.instance_worker.submit.run_once(stage.lease)
    assert urgent not in await there(stage)
    await stage.api.post("/v1/instances/default/pause")
    for _ in range(8):
        stage.clock.step(10)
        await stage.beat()
    await stage.api.post("/v1/instances/default/resume")
    await stage.run()
    assert (await stage.read(later))["status"] == "complete"
    assert {r["email"]: r["firstName"] for r in stage.simulator.records("lead")}["p1@example.com"] == "B"


@pytest.mark.one_database
async def test_parts_of_one_import_whose_keys_nobody_knows_keep_their_order(stage: Stage):
    """Also when the first is turned away and the second could go meanwhile."""
    object.__setattr__(stage.container.intake.limits, "part_bytes", 700)
    stage.simulator.order(Fault("json_error:603", on="any", times=1))
    filler = b"".join(b"K%04d;a;b;c\n" % n for n in range(60))
    content = b"vin;make;model;color\nV1;old;x;y\n" + filler + b"V1;new;x;y\n"
    import_id = await stage.created(content, **CAR)
    told = await stage.read(import_id)
    assert told["dedupe_fields"] is None
    assert told["parts"]["total"] > 1
    stage.simulator.order(Fault("json_error:713", on="create", once=True))
    await stage.run()
    (car,) = [record for record in stage.simulator.records("car_c") if record["vin"] == "V1"]
    assert car["make"] == "new"


@pytest.mark.parametrize("how", [Move.CANCEL, Move.ABANDON])
async def test_a_part_that_ends_while_another_is_told_to_wait_for_it_sets_it_free(db: Database, how: Move):
    """On PostgreSQL the two transactions run side by side: one waits for the other, and sees what it did."""
    (first,), (second,) = [await parts_of(db, await an_import(db)) for _ in range(2)]
    waiting = asyncio.Event()

    async def end() -> None:
        await waiting.wait()
        async with db.write() as tx:
            await in_jobs.move(tx, first.id, how, at=AT)

    ending = asyncio.create_task(end())
    async with db.write() as tx:
        await parts.set_blocked(tx, second.id, by=first.id, at=AT)
        waiting.set()
        await blocked(db)
    await ending
    assert (await parts_of(db, second.import_id))[0].blocked_by is None


async def test_nobody_waits_for_what_has_ended(stage: Stage):
    """However that came about: the sweep sees to it."""
    first, second = await stage.created(rows(1)), await stage.created(rows(9))
    await stage.run()
    third = await stage.created(rows(5))
    async with stage.container.db.write() as tx:
        await tx.exec_driver_sql("UPDATE part SET waits_for = (SELECT min(id) FROM part) WHERE state = 'waiting'")
    assert await waits_for(stage, third) == ["same_records"]
    await stage.instance_worker.recovery.run_once(stage.lease)
    assert await waits_for(stage, third) == ["slot"]
    assert {first, second}


async def test_many_that_are_set_free_and_a_cancel_of_them_do_not_lock_each_other_out(db: Database):
    """Whoever locks several parts takes them in the order of their ids."""
    (blocker,) = await parts_of(db, await an_import(db))
    other = await an_import(db, parts_count=2)
    waiters = await parts_of(db, other)
    async with db.write() as tx:
        for waiter in reversed(waiters):
            await parts.set_blocked(tx, waiter.id, by=blocker.id, at=AT)
        await in_jobs.move(tx, blocker.id, Move.CLAIM, at=AT, values={"slot": 1})
    begun = asyncio.Event()

    async def cancel() -> None:
        async with db.write() as tx:
            await imports.lock(tx, other)
            for part_id in await part_queries.waiting_of(tx, other):
                await in_jobs.move(tx, part_id, Move.CANCEL, at=AT)
                begun.set()
                await blocked(db)

    async def refuse() -> None:
        await begun.wait()
        async with db.write() as tx:
            await in_jobs.move(tx, blocker.id, Move.REFUSE, at=AT)

    async with asyncio.timeout(20):
        await asyncio.gather(cancel(), refuse())
    assert [part.state for part in await parts_of(db, other)] == ["cancelled", "cancelled"]
