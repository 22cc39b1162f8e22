"""Recovery: claims that nobody will answer, unconfirmed parts whose time is over, parts that are stuck."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.container import build_container
from app.domain.parts import Part
from app.pipeline.finish import finish
from app.scheduling.lease import Lease, LeaseLost
from app.store import events, instances
from app.store.database import Database
from app.store.instances import LeaseTerm
from app.worker.instance_worker import build_instance_worker
from app.worker.recovery import Recovery
from tests.store.seed import an_import, parts_of
from tests.support import in_jobs
from tests.support.clock import SteppedClock
from tests.support.stage import stage_settings

LEASE = Lease("default", epoch=1, until=1e9)


@pytest.fixture
async def recovery(database_url: str, clock: SteppedClock) -> AsyncIterator[Recovery]:
    """Of a worker that drives the instance."""
    db = Database(database_url, finish=finish)
    settings = stage_settings(database_url, unconfirmed_settle_seconds=600, stuck_seconds=3600)
    container = build_container(settings, now=clock, sleep=clock.sleep, db=db)
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
        term = LeaseTerm(clock(), clock() + timedelta(days=1))
        await instances.take_lease(tx, "default", worker="a", term=term, over=None)
    yield build_instance_worker(container, "default").recovery
    await container.close()


async def a_part(
    recovery: Recovery, *, request: dict[str, Any] | None = None, state: str = "waiting", **columns: Any
) -> int:
    """The import of a part in this state, and in a job of its own where it has one."""
    import_id = await an_import(recovery.db, **(request or {}))
    (only,) = await parts_of(recovery.db, import_id)
    async with recovery.db.write() as tx:
        await in_jobs.put(tx, only.id, state, **columns)
    return import_id


async def read(recovery: Recovery, import_id: int) -> Part:
    return (await parts_of(recovery.db, import_id))[0]


async def history(recovery: Recovery, import_id: int) -> list[str]:
    async with recovery.db.read() as tx:
        return [event.type for event in await events.page(tx, import_id, after=0, size=50)]


async def test_a_new_driver_calls_every_claim_of_the_last_one_lost(recovery: Recovery, clock: SteppedClock):
    """Whatever their deadlines: nobody alive will record the answer. It counts as an attempt."""
    submitting = await a_part(recovery, state="submitting", slot=1, due_at=clock() + timedelta(hours=1))
    queued = await a_part(recovery, state="queued", slot=2)
    assert await recovery.take_over(LEASE) == 1
    lost = await read(recovery, submitting)
    async with recovery.db.write() as tx:
        job = await in_jobs.job_of(tx, lost.id)
    assert (lost.state, lost.attempts) == (job.state, job.attempts) == ("unconfirmed", 1)
    assert (job.slot, job.due_at) == (1, lost.due_at)
    assert lost.due_at == clock() + timedelta(seconds=600), "the settling time"
    assert lost.last_error is not None
    assert (lost.last_error.code, lost.failing_since) == ("lost", None)
    assert (await read(recovery, queued)).state == "queued"
    assert await recovery.take_over(LEASE) == 0


async def test_a_claim_is_lost_once_its_deadline_has_passed(recovery: Recovery, clock: SteppedClock):
    """Not a moment before: its answer may still be recorded."""
    import_id = await a_part(recovery, state="submitting", slot=1, due_at=clock() + timedelta(seconds=60))
    clock.step(59)
    assert not await recovery.run_once(LEASE)
    assert (await read(recovery, import_id)).state == "submitting"
    clock.step(1)
    assert await recovery.run_once(LEASE)
    assert (await read(recovery, import_id)).state == "unconfirmed"


@pytest.mark.parametrize(("policy", "state"), [("resubmit", "waiting"), ("hold", "unconfirmed")])
async def test_NEVER_TWICE_BY_ACCIDENT_a_settled_part_is_sent_again_where_its_import_says_so(
    recovery: Recovery, clock: SteppedClock, policy: str, state: str
):
    """After the settling time; otherwise a person decides."""
    due_at = clock() + timedelta(seconds=600)
    request = {"on_unconfirmed": policy}
    import_id = await a_part(recovery, request=request, state="unconfirmed", slot=1, due_at=due_at, attempts=1)
    clock.step(599)
    assert not await recovery.run_once(LEASE)
    clock.step(1)
    assert await recovery.run_once(LEASE) is (state == "waiting")
    assert (await read(recovery, import_id)).state == state


async def test_a_stuck_part_is_told_of_once(recovery: Recovery, clock: SteppedClock):
    """Where it stands in Marketo's queue, only while nothing moves there."""
    import_id = await a_part(recovery, state="importing", slot=1, state_since=clock())
    clock.step(3599)
    await recovery.run_once(LEASE)
    assert "stuck" not in await history(recovery, import_id)
    for _ in range(2):
        clock.step(1)
        await recovery.run_once(LEASE)
    assert (await history(recovery, import_id)).count("stuck") == 1


async def test_a_part_in_a_queue_that_moves_is_not_stuck(recovery: Recovery, clock: SteppedClock):
    """It is behind others."""
    standing = await a_part(recovery, state="queued", slot=1, state_since=clock())
    clock.step(3600)
    moving = await a_part(recovery, state="importing", slot=2, state_since=clock())
    async with recovery.db.write() as tx:
        await tx.exec_driver_sql(f"UPDATE import SET status = 'importing' WHERE id = {moving}")
    await recovery.run_once(LEASE)
    assert "stuck" not in await history(recovery, standing)
    clock.step(3600)
    await recovery.run_once(LEASE)
    assert "stuck" in await history(recovery, standing)


async def test_a_part_that_waits_for_one_that_has_ended_is_set_free(recovery: Recovery, clock: SteppedClock):
    """However that came about; one that waits for a part under way goes on waiting."""
    ended = await a_part(recovery, state="complete")
    waiting = await a_part(recovery)
    behind_ended = await a_part(recovery, waits_for=(await read(recovery, ended)).id, waits_since=clock())
    behind_waiting = await a_part(recovery, waits_for=(await read(recovery, waiting)).id, waits_since=clock())
    await recovery.run_once(LEASE)
    assert (await read(recovery, behind_ended)).blocked_by is None
    assert (await read(recovery, behind_waiting)).blocked_by is not None


async def test_FENCED_a_worker_that_lost_its_lease_recovers_nothing(recovery: Recovery, clock: SteppedClock):
    """Its claims are its follower's to judge."""
    import_id = await a_part(recovery, state="submitting", slot=1, due_at=clock())
    async with recovery.db.write() as tx:
        await instances.give_up_lease(tx, "default", epoch=1, now=clock())
    with pytest.raises(LeaseLost):
        await recovery.run_once(LEASE)
    assert await recovery.take_over(LEASE) == 0
    assert (await read(recovery, import_id)).state == "submitting"
