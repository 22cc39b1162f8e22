"""Schedule: which waiting part is claimed next, and when none is."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from app.container import build_container
from app.domain.instances import WaitingFor
from app.pipeline.finish import finish
from app.pipeline.schedule import Schedule
from app.scheduling.lease import Lease
from app.store import instances, job_queries
from app.store.database import Database
from app.store.instances import ExternalSlotsEstimate, LeaseTerm
from app.store.tables import part
from app.worker.instance_worker import build_instance_worker
from tests.store.seed import an_import, parts_of
from tests.support.clock import SteppedClock
from tests.support.stage import stage_settings

LEASE = Lease("default", epoch=1, until=1e9)


@pytest.fixture
async def schedule(database_url: str, clock: SteppedClock) -> AsyncIterator[Schedule]:
    """Of a worker that drives the instance; nothing is ever sent."""
    db = Database(database_url, finish=finish)
    container = build_container(stage_settings(database_url), now=clock, sleep=clock.sleep, db=db)
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
        term = LeaseTerm(clock(), clock() + timedelta(days=1))
        await instances.take_lease(tx, "default", worker="a", term=term, over=None)
    yield build_instance_worker(container, "default").submit.schedule
    await container.close()


async def state_of(schedule: Schedule, import_id: int) -> str:
    return (await parts_of(schedule.db, import_id))[0].state


async def test_a_claim_holds_the_lowest_free_slot_until_a_deadline(schedule: Schedule, clock: SteppedClock):
    """It is committed before anybody is called: two uploads and half a minute later it counts as lost."""
    import_id = await an_import(schedule.db)
    claim, _ = await schedule.claim_next(LEASE)
    assert claim is not None
    seconds = schedule.retry_policy.claim_seconds
    assert (claim.lead.import_id, claim.job.slot, claim.job.parts) == (import_id, 1, 1)
    assert claim.job.due_at == clock() + timedelta(seconds=seconds)
    assert claim.until == clock.monotonic() + seconds
    assert await state_of(schedule, import_id) == "submitting"


async def test_there_may_be_nothing_to_claim(schedule: Schedule):
    """Then nobody need look again at once."""
    assert await schedule.claim_next(LEASE) == (None, False)


async def test_SLOTS_NOT_OVERSOLD_ten_jobs_are_claimed_and_no_eleventh(schedule: Schedule):
    """Each in a slot of its own, whatever came before it."""
    await an_import(schedule.db, parts_count=12)
    async with schedule.db.write() as tx:
        await tx.execute(update(part).values(rows=100_000))
    slots = []
    while (claim := (await schedule.claim_next(LEASE))[0]) is not None:
        slots.append(claim.job.slot)
        assert len(slots) < 12
    assert slots == list(range(1, 11))


async def test_slots_that_others_hold_are_left_to_them(schedule: Schedule, clock: SteppedClock):
    """As many as the last 1016 showed."""
    await an_import(schedule.db, parts_count=3)
    async with schedule.db.write() as tx:
        until = clock() + timedelta(minutes=10)
        estimate = ExternalSlotsEstimate(9, clock(), until, consecutive_1016s=1, alone=False)
        await instances.set_external_slots(tx, "default", estimate)
    claimed = [(await schedule.claim_next(LEASE))[0] for _ in range(2)]
    assert [claim is not None for claim in claimed] == [True, False]


@pytest.mark.parametrize("how", ["paused", "on hold", "lease is over", "not before"])
async def test_nothing_is_claimed_while_something_forbids_it(schedule: Schedule, clock: SteppedClock, how: str):
    """A person, Marketo, the lease, or the time that the import names."""
    later = clock() + timedelta(hours=1)
    import_id = await an_import(schedule.db)
    lease = Lease("default", epoch=1, until=clock.monotonic() if how == "lease is over" else 1e9)
    async with schedule.db.write() as tx:
        if how == "paused":
            await instances.pause(tx, "default", at=clock(), reason=None, by="ann")
        if how == "on hold":
            await instances.hold(tx, "default", until=later, reason=WaitingFor.RATE_LIMIT)
        if how == "not before":
            await tx.execute(update(part).values(due_at=later))
    assert (await schedule.claim_next(lease))[0] is None
    assert await state_of(schedule, import_id) == "waiting"


async def test_a_part_whose_time_has_come_stands_in_line_again(schedule: Schedule, clock: SteppedClock):
    """At that very moment."""
    import_id = await an_import(schedule.db)
    async with schedule.db.write() as tx:
        await tx.execute(update(part).values(due_at=clock() + timedelta(seconds=60)))
    clock.step(60)
    claim, _ = await schedule.claim_next(LEASE)
    assert claim is not None
    assert claim.lead.import_id == import_id


async def test_a_claim_behind_which_the_database_went_away_is_taken_back(schedule: Schedule):
    """It is known that nothing was sent, so the part waits as before, and no attempt is counted."""
    import_id = await an_import(schedule.db)
    claim, _ = await schedule.claim_next(LEASE)
    assert claim is not None
    with pytest.raises(OperationalError), schedule.noting_unsent(claim.lead):
        raise OperationalError("SELECT", {}, Exception("gone"))
    await schedule.release_unsent(LEASE)
    (waiting,) = await parts_of(schedule.db, import_id)
    assert (waiting.state, waiting.job_id, waiting.attempts, waiting.due_at) == ("waiting", None, 0, None)
    async with schedule.db.read() as tx:
        assert await job_queries.slots_in_use(tx, "default") == set()


async def test_a_claim_that_was_sent_after_all_is_left_alone(schedule: Schedule):
    """Any other error says nothing about whether it was."""
    import_id = await an_import(schedule.db)
    claim, _ = await schedule.claim_next(LEASE)
    assert claim is not None
    with pytest.raises(ZeroDivisionError), schedule.noting_unsent(claim.lead):
        raise ZeroDivisionError
    await schedule.release_unsent(LEASE)
    assert await state_of(schedule, import_id) == "submitting"
