"""External slots: what a 1016, or an acceptance, tells of the places that others take in Marketo's queue."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.domain.incidents import CallError
from app.domain.instances import Instance
from app.scheduling.back_off import BackOff
from app.scheduling.external_slots import ExternalSlots
from app.store import instances
from app.store.database import Database
from app.store.tables import job
from app.store.transaction import Transaction
from tests.scheduling.test_back_off import POLICY
from tests.store.seed import an_import, parts_of
from tests.support import in_jobs
from tests.support.clock import SteppedClock


@pytest.fixture
async def tx(db: Database) -> AsyncIterator[Transaction]:
    """Ten parts wait."""
    await an_import(db, parts_count=10)
    async with db.write() as tx:
        yield tx


@pytest.fixture
def external_slots(clock: SteppedClock) -> ExternalSlots:
    return ExternalSlots(10, BackOff(POLICY, clock, lambda: 0.5))


async def put(db: Database, tx: Transaction, *states: str) -> None:
    """Let parts of ours be at Marketo."""
    ids = [one.id for one in await parts_of(db, 1)]
    for slot, (part_id, state) in enumerate(zip(ids, states, strict=False), start=1):
        await in_jobs.put(tx, part_id, state, slot=slot)


async def full(tx: Transaction, external_slots: ExternalSlots, clock: SteppedClock) -> Instance:
    """Marketo has turned a part away."""
    instance = await instances.hold_row(tx, "default")
    await external_slots.observe_full(tx, instance, CallError(clock(), "create", "1016", "too many"))
    return await instances.hold_row(tx, "default")


async def test_what_is_not_ours_in_a_full_queue_is_somebody_else_s(
    db: Database, tx: Transaction, external_slots: ExternalSlots, clock: SteppedClock
):
    """The part that was turned away is in no queue; an unconfirmed one may be."""
    await put(db, tx, "submitting", "queued", "importing", "unconfirmed")
    instance = await full(tx, external_slots, clock)
    assert (instance.external_slots, instance.external_alone) == (7, False)
    assert instance.external_until == clock() + timedelta(seconds=60)
    assert instance.incident("queue_full") is not None


async def test_the_estimate_lasts_longer_with_each_1016_in_a_row(
    db: Database, tx: Transaction, external_slots: ExternalSlots, clock: SteppedClock
):
    """Less long while nothing of ours is there: then nothing flows at all until it is tried again."""
    await put(db, tx, "submitting", "queued")
    waits = []
    for _ in range(3):
        instance = await full(tx, external_slots, clock)
        assert instance.external_until
        waits.append((instance.external_until - clock()).total_seconds())
    assert waits == [60, 120, 240]
    assert instance.consecutive_1016s == 3
    await tx.execute(update(job).where(job.c.state == "queued").values(state="complete", slot=None))
    instance = await full(tx, external_slots, clock)
    assert (instance.external_until, instance.external_alone) == (clock() + timedelta(seconds=15), True)


async def test_an_acceptance_corrects_an_estimate_that_was_wrong(
    db: Database, tx: Transaction, external_slots: ExternalSlots, clock: SteppedClock
):
    """There was a place more than was thought: the next part is tried at once."""
    await put(db, tx, "submitting", "queued")
    await full(tx, external_slots, clock)
    await put(db, tx, "submitting", "queued", "queued")
    await external_slots.observe_accepted(tx, await instances.hold_row(tx, "default"), clock())
    instance = await instances.hold_row(tx, "default")
    assert (instance.external_slots, instance.external_until, instance.consecutive_1016s) == (7, clock(), 0)


async def test_an_acceptance_within_the_estimate_changes_nothing(
    db: Database, tx: Transaction, external_slots: ExternalSlots, clock: SteppedClock
):
    """The place that came free was one of ours."""
    await put(db, tx, "submitting", "queued")
    before = await full(tx, external_slots, clock)
    await tx.execute(update(job).where(job.c.state == "submitting").values(state="queued"))
    await tx.execute(update(job).where(job.c.slot == 2).values(state="complete", slot=None))
    await external_slots.observe_accepted(tx, before, clock())
    assert await instances.hold_row(tx, "default") == before
