"""The row of an instance: its lease, and what lets it wait."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.domain.instances import Calls, Fault, WaitingFor
from app.domain.throughput import ThroughputModel
from app.store import instances
from app.store.database import Database
from app.store.instances import ExternalSlotsEstimate, LeaseTerm, SignOfLife
from app.store.transaction import Transaction
from tests.store.seed import AT

LEASE = timedelta(seconds=30)
TERM = LeaseTerm(AT, AT + LEASE)
LATER = AT + timedelta(minutes=5)


@pytest.fixture
async def tx(db: Database) -> AsyncIterator[Transaction]:
    """One transaction in which the instance `default` is known."""
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
        yield tx


async def test_a_configured_instance_gets_its_row_once(tx: Transaction):
    """What is known of it stays when the next process starts."""
    await instances.pause(tx, "default", at=AT, reason=None, by="ann")
    await instances.ensure(tx, ["default", "another"])
    assert [instance.name for instance in await instances.everyone(tx)] == ["another", "default"]
    assert (await instances.hold_row(tx, "default")).paused_at == AT
    assert await instances.get(tx, "unknown") is None


async def test_a_lease_is_taken_from_a_dead_worker_and_from_no_other(tx: Transaction):
    """The lease of another worker has to have ended by a time that can be judged."""
    assert await instances.take_lease(tx, "unknown", worker="a", term=TERM, over=AT) is None
    epoch, before = await instances.take_lease(tx, "default", worker="a", term=TERM, over=AT) or (0, None)
    assert (epoch, before.worker if before else "") == (1, None)
    assert await instances.take_lease(tx, "default", worker="b", term=TERM, over=AT + LEASE - timedelta(1)) is None
    assert await instances.take_lease(tx, "default", worker="b", term=TERM, over=None) is None
    epoch, before = await instances.take_lease(tx, "default", worker="b", term=TERM, over=AT + LEASE) or (0, None)
    assert (epoch, before.worker if before else "") == (2, "a")


async def test_a_worker_may_take_its_own_lease_again(tx: Transaction):
    """Under a new epoch, and with its steps counted as done when the term begins."""
    await instances.take_lease(tx, "default", worker="a", term=TERM, over=None)
    again = await instances.take_lease(tx, "default", worker="a", term=TERM, over=None, ticks=["poll"])
    assert again is not None
    instance = await instances.hold_row(tx, "default")
    assert (again[0], instance.lease_epoch, instance.ticked) == (2, 2, {"poll": AT})


async def test_a_sign_of_life_is_what_the_next_worker_finds(tx: Transaction):
    """Calls, throughput, ticks and faults come back as they were handed in."""
    sign = SignOfLife(
        Calls(date(2026, 11, 4), 12, 3, AT),
        ThroughputModel().observe(1000, 10),
        {"submit": AT},
        {"poll": Fault(AT, "KeyError")},
    )
    await instances.take_lease(tx, "default", worker="a", term=TERM, over=AT)
    term = LeaseTerm(LATER, LATER + LEASE)
    assert await instances.keep_lease(tx, "default", epoch=7, term=term, sign=sign) is None, "of another epoch"
    instance = await instances.keep_lease(tx, "default", epoch=1, term=term, sign=sign)
    assert instance is not None
    assert (instance.heartbeat_at, instance.lease_until) == (LATER, LATER + LEASE)
    assert SignOfLife(instance.calls or sign.calls, instance.throughput, instance.ticked, instance.failing) == sign


async def test_FENCED_the_row_is_locked_under_its_own_epoch_only(tx: Transaction):
    """Whoever gives the lease up has lost it from then on."""
    await instances.take_lease(tx, "default", worker="a", term=TERM, over=AT)
    assert await instances.lock(tx, "default", epoch=1)
    assert await instances.lock(tx, "default", epoch=1, share=True)
    await instances.give_up_lease(tx, "default", epoch=1, now=AT)
    assert await instances.lock(tx, "default", epoch=1) is None
    assert await instances.lock(tx, "default", epoch=1, share=True) is None
    assert (await instances.hold_row(tx, "default")).worker is None


async def test_a_second_pause_changes_the_reason_and_not_the_time(tx: Transaction):
    """It has been paused since the first one."""
    await instances.pause(tx, "default", at=AT, reason="cleaning", by="ann")
    await instances.pause(tx, "default", at=LATER, reason="still cleaning", by="bob")
    instance = await instances.hold_row(tx, "default")
    assert (instance.paused_at, instance.paused_reason, instance.paused_by) == (AT, "still cleaning", "bob")


@pytest.mark.parametrize(
    ("reason", "is_kept"), [(reason, reason in {"rate_limit", "daily_quota"}) for reason in WaitingFor]
)
async def test_a_person_who_resumes_ends_every_wait_but_those_for_marketos_limits(
    tx: Transaction, reason: WaitingFor, is_kept: bool
):
    """To call sooner would use up what Marketo counts."""
    await instances.pause(tx, "default", at=AT, reason=None, by="ann")
    await instances.block(tx, "default", at=AT, reason="601", denied=True, try_again_at=LATER)
    await instances.hold(tx, "default", until=LATER, reason=reason)
    await instances.resume(tx, "default", at=AT)
    instance = await instances.hold_row(tx, "default")
    assert (instance.paused_at, instance.blocked_at, instance.denied) == (None, None, False)
    assert instance.hold_until == (LATER if is_kept else None)


async def test_a_block_is_news_once(tx: Transaction):
    """It goes on since the first refusal, and the missing right is remembered whatever is refused next."""
    assert await instances.block(tx, "default", at=AT, reason="first", denied=True, try_again_at=LATER)
    assert not await instances.block(tx, "default", at=LATER, reason="then", denied=False, try_again_at=LATER)
    instance = await instances.hold_row(tx, "default")
    assert (instance.blocked_at, instance.blocked_reason, instance.denied) == (AT, "then", True)
    await instances.unblock(tx, "default")
    instance = await instances.hold_row(tx, "default")
    assert (instance.blocked_at, instance.denied, instance.hold_until) == (None, False, None)


async def test_an_estimate_of_external_slots_that_is_doubted_keeps_all_but_its_end(tx: Transaction):
    """How many 1016s came in a row decides how long the next one counts."""
    estimate = ExternalSlotsEstimate(4, AT, LATER, consecutive_1016s=2, alone=True)
    await instances.set_external_slots(tx, "default", estimate)
    instance = await instances.hold_row(tx, "default")
    assert (instance.external_slots, instance.external_until, instance.external_alone) == (4, LATER, True)
    await instances.doubt_external_slots(tx, "default", at=AT)
    assert await instances.hold_row(tx, "default") == replace(instance, external_until=AT)
    assert instance.consecutive_1016s == 2
