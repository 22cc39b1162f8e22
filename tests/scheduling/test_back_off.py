"""Backing off: how long an instance waits because of what a call met, and what its history is told."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.answers import RejectionReason
from app.domain.incidents import CallError
from app.domain.instances import Instance
from app.domain.timeouts import RetryPolicy
from app.scheduling.back_off import BackOff
from app.store import events, instances
from app.store.database import Database
from tests.support.clock import SteppedClock

POLICY = RetryPolicy(
    upload_seconds=60,
    settle_seconds=600,
    retry_base_seconds=8,
    retry_max_seconds=300,
    poll_min_seconds=5,
    poll_max_seconds=60,
    window_seconds=20,
)
MIDNIGHT = datetime(2026, 11, 5, 6, tzinfo=UTC)  # in US Central, where it is 6 a.m. now


@pytest.fixture
async def back_off(db: Database, clock: SteppedClock) -> BackOff:
    """Its random number is a half."""
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
    return BackOff(POLICY, clock, lambda: 0.5)


def error_at(clock: SteppedClock, call: str = "create", code: str = "606") -> CallError:
    return CallError(clock(), call, code, "Marketo's words")


async def begin(
    db: Database, back_off: BackOff, reason: RejectionReason, error: CallError, attempts: int = 0
) -> Instance:
    async with db.write() as tx:
        await back_off.begin(tx, "default", reason, error, attempts=attempts)
        return await instances.hold_row(tx, "default")


async def history(db: Database) -> list[str]:
    async with db.read() as tx:
        return [event.type for event in await events.page_of_instance(tx, "default", after=0, size=50)]


@pytest.mark.parametrize(
    ("reason", "seconds", "hold_reason", "told"),
    [
        (RejectionReason.RATE_LIMIT, 20, "rate_limit", "rate_limited"),
        (RejectionReason.CONCURRENCY, 2, "rate_limit", "rate_limited"),
        (RejectionReason.UNAVAILABLE, 4, "retry", "unreachable"),
        (RejectionReason.DAILY_QUOTA, None, "daily_quota", "quota_used_up"),
        (RejectionReason.BLOCKED, 60, None, "blocked"),
        (RejectionReason.DENIED, 60, None, "blocked"),
    ],
)
async def test_each_reason_has_its_wait_and_its_event(
    db: Database,
    clock: SteppedClock,
    back_off: BackOff,
    reason: RejectionReason,
    seconds: int | None,
    hold_reason: str | None,
    told: str,
):
    """Told once, however often it is met."""
    for _ in range(2):
        instance = await begin(db, back_off, reason, error_at(clock))
    until = MIDNIGHT if seconds is None else clock() + timedelta(seconds=seconds)
    assert (instance.hold_until, instance.hold_reason) == (until, hold_reason)
    assert await history(db) == [told]
    assert (instance.blocked_at is not None) is (told == "blocked")


@pytest.mark.parametrize("reason", [RejectionReason.QUEUE_FULL, RejectionReason.LIST_BUSY, RejectionReason.TRANSIENT])
async def test_what_is_about_one_part_lets_nobody_else_wait(
    db: Database, clock: SteppedClock, back_off: BackOff, reason: RejectionReason
):
    """Marketo takes our calls."""
    instance = await begin(db, back_off, reason, error_at(clock))
    assert (instance.hold_until, instance.blocked_at, await history(db)) == (None, None, [])


async def test_a_marketo_that_cannot_be_reached_is_tried_less_and_less_often(
    db: Database, clock: SteppedClock, back_off: BackOff
):
    """Half of the ceiling, which doubles with each attempt up to the most."""
    waits = []
    for attempts in (0, 1, 2, 20):
        instance = await begin(db, back_off, RejectionReason.UNAVAILABLE, error_at(clock), attempts)
        assert instance.hold_until
        waits.append((instance.hold_until - clock()).total_seconds())
    assert waits == [4, 8, 16, 150]


async def test_a_call_that_goes_through_ends_what_calls_met(db: Database, clock: SteppedClock, back_off: BackOff):
    """The history is told what is over, and since when it was."""
    await begin(db, back_off, RejectionReason.RATE_LIMIT, error_at(clock))
    instance = await begin(db, back_off, RejectionReason.BLOCKED, error_at(clock, code="601"))
    async with db.write() as tx:
        await back_off.clear(tx, instance, submitted=False)
        instance = await instances.hold_row(tx, "default")
        lines = await events.page_of_instance(tx, "default", after=0, size=9)
    assert (instance.blocked_at, instance.has_incidents) == (None, False)
    assert [line.type for line in lines] == ["rate_limited", "blocked", "unblocked", "recovered"]
    assert lines[-1].data["what"] == "rate_limited"


@pytest.mark.parametrize(
    ("reason", "code"), [(RejectionReason.DENIED, "603"), (RejectionReason.UNAVAILABLE, "502")], ids=["denied", "502"]
)
async def test_what_a_submission_met_is_over_when_a_submission_goes_through(
    db: Database, clock: SteppedClock, back_off: BackOff, reason: RejectionReason, code: str
):
    """Not when a question is answered: to ask and to submit are two rights, and two paths."""
    instance = await begin(db, back_off, reason, error_at(clock, code=code))
    told = await history(db)
    async with db.write() as tx:
        await back_off.clear(tx, instance, submitted=False)
    assert await history(db) == told
    async with db.write() as tx:
        await back_off.clear(tx, instance, submitted=True)
    assert await history(db) in ([*told, "unblocked"], [*told, "recovered"])


async def test_a_question_that_is_denied_is_no_missing_right_to_submit(
    db: Database, clock: SteppedClock, back_off: BackOff
):
    """Any good answer ends that block."""
    instance = await begin(db, back_off, RejectionReason.DENIED, error_at(clock, call="status", code="603"))
    assert not instance.denied
    async with db.write() as tx:
        await back_off.clear(tx, instance, submitted=False)
        assert (await instances.hold_row(tx, "default")).blocked_at is None
