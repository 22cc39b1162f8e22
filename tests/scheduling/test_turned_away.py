"""What follows where Marketo turned a job away: for its parts, and for whoever else has to wait."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.domain.answers import RejectionReason, TurnedAway
from app.scheduling.back_off import BackOff
from app.scheduling.external_slots import ExternalSlots
from app.scheduling.turned_away import TurnedAwayPolicy
from app.store import instances
from app.store.database import Database
from app.store.transaction import Transaction
from tests.scheduling.test_back_off import POLICY
from tests.scheduling.test_job_report import JOB
from tests.store.seed import an_import
from tests.support.clock import SteppedClock


@pytest.fixture
async def tx(db: Database) -> AsyncIterator[Transaction]:
    await an_import(db)
    async with db.write() as tx:
        yield tx


async def apply(tx: Transaction, clock: SteppedClock, answer: TurnedAway) -> tuple[dict[Any, Any], dict[str, Any], Any]:
    back_off = BackOff(POLICY, clock, lambda: 0.5)
    policy = TurnedAwayPolicy(POLICY, back_off, ExternalSlots(10, back_off))
    return await policy.apply(tx, await instances.hold_row(tx, "default"), JOB, answer, clock())


WAITS = {
    RejectionReason.QUEUE_FULL: (None, 0),
    RejectionReason.LIST_BUSY: (60, 0),
    RejectionReason.RATE_LIMIT: (None, 0),
    RejectionReason.CONCURRENCY: (None, 0),
    RejectionReason.DAILY_QUOTA: (None, 0),
    RejectionReason.BLOCKED: (None, 0),
    RejectionReason.DENIED: (300, 0),
    RejectionReason.UNAVAILABLE: (8, 1),
    RejectionReason.TRANSIENT: (8, 1),
}


@pytest.mark.parametrize("reason", RejectionReason)
async def test_a_part_waits_by_itself_only_where_its_instance_does_not(
    tx: Transaction, clock: SteppedClock, reason: RejectionReason
):
    """Back-pressure is no attempt; it has failed since its first try, and not while only its turn has not come."""
    seconds, attempts = WAITS[reason]
    values, facts, _ = await apply(tx, clock, TurnedAway(reason, "1", "Marketo's words"))
    assert values["due_at"] == (None if seconds is None else clock() + timedelta(seconds=seconds))
    assert ("attempts" in values) is bool(attempts)
    assert values["failing_since"] == (None if seconds is None else JOB.failing_since)
    assert (values["retry_code"], values["last_error_message"]) == ("1", "Marketo's words")
    assert facts == {"code": "1", "because": reason}


@pytest.mark.parametrize("reason", RejectionReason)
async def test_marketos_words_about_a_part_stay_with_the_part(
    tx: Transaction, clock: SteppedClock, reason: RejectionReason
):
    """They may quote a cell, and are erased with it; what was said of the instance is kept and logged with it."""
    _, _, beside = await apply(tx, clock, TurnedAway(reason, "1", "Marketo's words"))
    instance = await instances.hold_row(tx, "default")
    assert instance.last_error is not None
    is_of_part = reason in {"queue_full", "list_busy", "transient"}
    assert ("Marketo's words" in instance.last_error.message) is not is_of_part
    assert beside == (None if is_of_part else {"call": "create", "error": "Marketo's words"})


async def test_marketos_no_to_one_part_says_that_it_takes_our_calls(tx: Transaction, clock: SteppedClock):
    """A block is over then; where nobody answered, it is not."""
    await instances.block(tx, "default", at=clock(), reason="601", denied=False, try_again_at=clock())
    await apply(tx, clock, TurnedAway(RejectionReason.TRANSIENT, None, "no answer"))
    assert (await instances.hold_row(tx, "default")).blocked_at is not None
    await apply(tx, clock, TurnedAway(RejectionReason.TRANSIENT, "713", "transient"))
    assert (await instances.hold_row(tx, "default")).blocked_at is None
