"""Deliveries: written with what they tell of, for whoever wants it, in the order of each subject."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.domain.events import Occurrence
from app.domain.lifecycle import Move
from app.domain.webhooks import DeliveryState
from app.store import erasures, events, import_queries, imports, part_queries, parts, webhook_deliveries, webhooks
from app.store.database import Database
from app.store.tables import import_, webhook, webhook_delivery
from app.store.webhook_deliveries import Tried
from tests.store.seed import AT, a_webhook, an_import
from tests.support.statements import statements

SECOND = timedelta(seconds=1)


async def cancel(db: Database, import_id: int) -> None:
    """The import's one part ends, and the import with it."""
    async with db.write() as tx:
        await parts.move_all(tx, await part_queries.waiting_of(tx, import_id), Move.CANCEL, at=AT)


async def all_of(db: Database) -> list[tuple[int, str, int | None]]:
    """(endpoint, event, import) of each delivery, the oldest first."""
    async with db.read() as tx:
        rows = await tx.execute(select(webhook_delivery).order_by(webhook_delivery.c.id))
        return [(row.webhook_id, row.event, row.import_id) for row in rows]


async def test_an_endpoint_is_told_with_the_commit_of_what_it_wants_to_hear(db: Database):
    """Its own client's imports, or everybody's; no event that it did not ask for."""
    theirs, mine = await an_import(db, client="other"), await an_import(db, client="crm")
    async with db.write() as tx:
        own = await a_webhook(tx, client="crm", events=("import.finished",))
        everybodys = await a_webhook(tx, events=("import.finished", "instance.state"))
        await a_webhook(tx, events=("import.attention",))
        off = await a_webhook(tx)
        await webhooks.switch_off(tx, off, at=AT, reason=None)
        gone = await a_webhook(tx)
        await webhooks.remove(tx, gone, at=AT)
    await cancel(db, theirs)
    await cancel(db, mine)
    async with db.write() as tx:
        await events.append(tx, Occurrence.PAUSED, at=AT, instance="default", by="ann")
    assert await all_of(db) == [
        (everybodys, "import.finished", theirs),
        (own, "import.finished", mine),
        (everybodys, "import.finished", mine),
        (everybodys, "instance.state", None),
    ]


async def test_what_is_rolled_back_is_told_to_nobody(db: Database):
    """The delivery is part of the transaction that it tells of."""
    woken: list[int] = []
    db._wake_sender = lambda: woken.append(1)
    async with db.write() as tx:
        await a_webhook(tx)
    import_id = await an_import(db)
    with pytest.raises(ZeroDivisionError):
        async with db.write() as tx:
            await parts.move_all(tx, await part_queries.waiting_of(tx, import_id), Move.CANCEL, at=AT)
            await webhook_deliveries.write(tx)
            raise ZeroDivisionError
    assert (await all_of(db), woken) == ([], [])
    await cancel(db, import_id)
    assert (len(await all_of(db)), woken) == (1, [1])


async def test_of_several_alike_in_one_transaction_one_is_enough(db: Database):
    """Three parts of an import that are lost with one job are one message."""
    import_id = await an_import(db)
    async with db.write() as tx:
        await a_webhook(tx)
        lock = await imports.lock(tx, import_id)
        assert lock
        for part in (1, 2, 3):
            await events.append_of(tx, lock, Occurrence.STUCK, at=AT, part=part)
    assert [event for _, event, _ in await all_of(db)] == ["import.attention"]


async def test_without_endpoints_it_costs_one_look_and_without_news_none(db: Database):
    """Nobody pays for webhooks that nobody has."""
    import_id = await an_import(db)
    with statements(db) as sent:
        await cancel(db, import_id)
    assert len([text for text in sent if "webhook" in text]) == 1
    with statements(db) as sent:
        await an_import(db)
    assert not [text for text in sent if "webhook" in text]


async def test_of_one_subject_only_the_first_that_waits_is_due(db: Database):
    """Also while the first one waits for its next try; other subjects go on."""
    first, second = await an_import(db), await an_import(db)
    async with db.write() as tx:
        webhook_id = await a_webhook(tx)
        for import_id in (first, second):
            lock = await imports.lock(tx, import_id)
            assert lock
            await events.append_of(tx, lock, Occurrence.STUCK, at=AT)
    await cancel(db, first)

    async def due(without: tuple[int, ...] = ()) -> list[tuple[str, int | None]]:
        async with db.read() as tx:
            listed = await webhook_deliveries.due(tx, webhook_id, now=AT, without=without, size=10)
        return [(delivery.event, delivery.import_id) for delivery in listed]

    assert await due() == [("import.attention", first), ("import.attention", second)]
    async with db.write() as tx:
        (told, *_) = await webhook_deliveries.due(tx, webhook_id, now=AT, without=(), size=10)
        later = Tried(told.id, DeliveryState.WAITING, 1, 500, "the receiver answered 500", AT + SECOND)
        await webhook_deliveries.note(tx, [later])
    assert await due() == [("import.attention", second)]
    async with db.write() as tx:
        await webhook_deliveries.note(tx, [Tried(told.id, DeliveryState.DELIVERED, 2, 200, None, None)])
    assert await due() == [("import.attention", second), ("import.finished", first)]
    assert await due(without=(told.id + 1,)) == [("import.finished", first)]


async def test_deliveries_go_with_their_import_and_all_others_by_their_age(db: Database):
    """What is erased with an import is all that deliveries hold of it."""
    import_id = await an_import(db)
    async with db.write() as tx:
        await a_webhook(tx)
    await cancel(db, import_id)
    async with db.write() as tx:
        await events.append(tx, Occurrence.PAUSED, at=AT, instance="default", by="ann")
        await tx.execute(update(import_).values(file_erased_at=AT, results_erased_at=AT))
        assert await erasures.forget(tx, finished_before=AT + SECOND, at=AT, by="ann")
    assert [event for _, event, _ in await all_of(db)] == ["instance.state"]
    async with db.write() as tx:
        assert not await webhook_deliveries.forget(tx, before=AT)
        assert await webhook_deliveries.forget(tx, before=AT + SECOND)
    assert await all_of(db) == []
    async with db.read() as tx:
        assert await import_queries.get_summary(tx, import_id) is None


async def test_a_removed_endpoint_goes_after_its_deliveries(db: Database):
    """A few at a time, so that others can write between."""
    async with db.write() as tx:
        webhook_id = await a_webhook(tx)
        await webhook_deliveries.add(tx, webhook_id, "webhook.test", at=AT)
        await webhooks.remove(tx, webhook_id, at=AT)
        assert await webhooks.get(tx, webhook_id) is None
    steps = []
    for _ in range(3):
        async with db.write() as tx:
            steps.append(await webhook_deliveries.forget_removed(tx))
    assert steps == [True, True, False]
    async with db.read() as tx:
        assert (await tx.execute(select(webhook))).all() == []


async def test_what_waits_for_an_endpoint_that_is_switched_off_has_failed(db: Database):
    """It says why, and can be sent again once the endpoint is on."""
    async with db.write() as tx:
        webhook_id = await a_webhook(tx)
        delivery_id = await webhook_deliveries.add(tx, webhook_id, "webhook.test", at=AT)
        assert not await webhook_deliveries.fail_some(tx)
        await webhooks.switch_off(tx, webhook_id, at=AT, reason=None)
        assert await webhook_deliveries.fail_some(tx)
        failed = await webhook_deliveries.get(tx, webhook_id, delivery_id)
        await webhook_deliveries.send_again(tx, delivery_id, at=AT + SECOND)
        again = await webhook_deliveries.get(tx, webhook_id, delivery_id)
    assert failed
    assert again
    assert (failed.state, failed.last_error, failed.next_attempt_at) == (
        "failed",
        "the endpoint was switched off",
        None,
    )
    assert (again.state, again.message_id, again.next_attempt_at) == ("waiting", failed.message_id, AT + SECOND)
