"""What the store does after a back-up was restored: ids that are skipped, what is alike, what else came back."""

from datetime import timedelta

from sqlalchemy import func, select, update

from app.domain.api_keys import ApiKey, Scope
from app.domain.lifecycle import PartState
from app.store import api_keys, restores, webhook_deliveries
from app.store.database import Database
from app.store.restores import Beside
from app.store.tables import event, part
from tests.store.seed import AT, a_webhook, an_import, parts_of
from tests.support import in_jobs

HOUR = timedelta(hours=1)


async def last_event(db: Database) -> int:
    async with db.read() as tx:
        return int((await tx.execute(select(func.max(event.c.id)))).scalar_one())


async def test_no_id_is_given_that_the_lost_service_may_have_given(db: Database):
    """A caller that holds one would be told of somebody else's import. Also of tables that have had no row yet."""
    before, event_id = await an_import(db), await last_event(db)
    async with db.write() as tx:
        await restores.skip_lost_ids(tx)
        webhook_id = await a_webhook(tx)
    assert 1_000_000 < await an_import(db) - before < 1_000_100
    assert await last_event(db) - event_id > 100_000_000
    assert webhook_id > 1_000_000


async def test_what_is_held_goes_together_and_with_no_other_policy_s_parts(db: Database):
    """The policy was part of what has to be alike, also for what comes back from a job. What goes alone still does."""
    waiting, in_job, alone = [await an_import(db) for _ in range(3)]
    digest = "0123456789abcdef" * 2
    async with db.write() as tx:
        await tx.execute(update(part).where(part.c.import_id != alone).values(alike=digest))
        (moved,) = await parts_of(db, in_job)
        await in_jobs.put(tx, moved.id, PartState.QUEUED)
        locks = await restores.untold(tx, "default", accepted_until=AT, since=AT, limit=10)
        found = await restores.hold_back(tx, locks, "default", since=AT, at=AT + HOUR)
    assert {n: dict(states) for n, states in found.items()} == {
        waiting: {PartState.WAITING: 1},
        in_job: {PartState.QUEUED: 1},
        alone: {PartState.WAITING: 1},
    }
    alike = [(await parts_of(db, import_id))[0].alike for import_id in (waiting, in_job, alone)]
    assert alike == ["r" + digest[1:], "r" + digest[1:], None]


async def test_what_else_came_back_is_counted(db: Database):
    """Keys that open, endpoints that are told, and messages that wait."""
    async with db.write() as tx:
        for number, ends_at in enumerate((None, AT + HOUR, AT - HOUR)):
            key = ApiKey(f"00000000000{number}", "ann", frozenset({Scope.READ}), "00", AT, ends_at)
            await api_keys.add(tx, key)
        await api_keys.revoke(tx, "000000000001", at=AT)
        webhook_id = await a_webhook(tx)
        await webhook_deliveries.add(tx, webhook_id, "test", at=AT)
    async with db.read() as tx:
        found = await restores.beside(tx, at=AT)
    assert found == Beside(api_keys=1, idempotency_keys=0, webhooks=1, deliveries=1)
