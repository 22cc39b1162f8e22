"""Endpoints: who hears of whom, the two secrets during a change, and the lease by which one worker sends at a time."""

from datetime import timedelta

import pytest

from app.domain.webhooks import SwitchedOff
from app.store import webhook_deliveries, webhook_secrets, webhooks
from app.store.database import Database
from tests.store.seed import AT, a_webhook

SECOND = timedelta(seconds=1)


async def with_a_delivery(db: Database) -> int:
    async with db.write() as tx:
        webhook_id = await a_webhook(tx)
        await webhook_deliveries.add(tx, webhook_id, "webhook.test", at=AT)
    return webhook_id


async def test_both_secrets_sign_while_one_takes_the_others_place(db: Database):
    """A third one ends the first at once: there are never more than two."""
    async with db.write() as tx:
        webhook_id = await a_webhook(tx)
        await webhook_secrets.replace(tx, webhook_id, "whsec_second", previous_until=AT + SECOND)
        secrets = (await webhook_secrets.get_each(tx, [webhook_id]))[webhook_id]
        assert secrets.valid(AT) == ["whsec_second", "whsec_Zmlyc3Q="]
        assert secrets.valid(AT + SECOND) == ["whsec_second"]
        await webhook_secrets.replace(tx, webhook_id, "whsec_third", previous_until=AT + SECOND)
        assert ((await webhook_secrets.get_each(tx, [webhook_id]))[webhook_id]).valid(AT) == [
            "whsec_third",
            "whsec_second",
        ]
    assert "whsec" not in repr(secrets)


async def test_the_lease_of_an_endpoint_is_one_workers_until_it_ends(db: Database):
    """Whoever takes it over has another epoch, by which the first one's outcomes are known to be late (FENCED)."""
    webhook_id, until = await with_a_delivery(db), AT + 30 * SECOND
    async with db.write() as tx:
        taken = await webhooks.take(tx, [webhook_id], worker="one", until=until, over=AT)
        assert await webhooks.take(tx, [webhook_id], worker="two", until=until, over=AT) == {}
        assert await webhooks.take(tx, [webhook_id], worker="two", until=until, over=None) == {}
        assert await webhooks.with_work(tx, now=AT, worker="two", over=AT) == []
        assert await webhooks.with_work(tx, now=AT, worker="one", over=AT) == [webhook_id]
        assert await webhooks.renew(tx, taken, until=until) == {webhook_id}
        assert await webhooks.with_work(tx, now=until, worker="two", over=until) == [webhook_id]
        over = await webhooks.take(tx, [webhook_id], worker="two", until=until + 30 * SECOND, over=until)
        assert over == {webhook_id: taken[webhook_id] + 1}
        assert await webhooks.renew(tx, taken, until=until) == set()
        assert await webhooks.lock_leased(tx, taken) == {}
        assert list(await webhooks.lock_leased(tx, over)) == [webhook_id]
        await webhooks.release(tx, taken)
        assert await webhooks.take(tx, [webhook_id], worker="one", until=until, over=AT) == {}
        await webhooks.release(tx, over)
        assert await webhooks.take(tx, [webhook_id], worker="one", until=until, over=AT)


@pytest.mark.parametrize("change", ["off", "removed", "held", "nothing due"])
async def test_an_endpoint_has_no_work_where_nothing_may_be_sent(db: Database, change: str):
    """It is switched off, removed, left alone for a while, or nothing of it is due."""
    webhook_id = await with_a_delivery(db)
    async with db.write() as tx:
        assert await webhooks.with_work(tx, now=AT, worker="one", over=AT) == [webhook_id]
        match change:
            case "off":
                await webhooks.switch_off(tx, webhook_id, at=AT, reason=SwitchedOff.GONE)
            case "removed":
                await webhooks.remove(tx, webhook_id, at=AT)
            case "held":
                await webhooks.change(tx, webhook_id, hold_until=AT + SECOND)
        now = AT - SECOND if change == "nothing due" else AT
        assert await webhooks.with_work(tx, now=now, worker="one", over=AT) == []


async def test_endpoints_are_counted_listed_and_told_apart(db: Database):
    """By client, and by how they are doing."""
    async with db.write() as tx:
        own = await a_webhook(tx, client="crm")
        every = await a_webhook(tx)
        failing = await a_webhook(tx)
        await webhooks.change(tx, failing, failing_since=AT)
        off = await a_webhook(tx)
        await webhooks.switch_off(tx, off, at=AT, reason=SwitchedOff.GONE)
        assert await webhooks.count(tx, "crm") == (4, 1)
        assert await webhooks.count(tx, None) == (4, 3)
        assert await webhooks.numbers(tx) == {"on": 2, "failing": 1, "off": 1}
        assert [each.id for each in await webhooks.switched_off(tx)] == [off]
        assert [each.id for each in await webhooks.page(tx, client="crm", after=0, size=9)] == [own]
        assert [each.id for each in await webhooks.page(tx, client=None, after=own, size=2)] == [every, failing]
        await webhooks.enable(tx, off)
        again = await webhooks.get(tx, off)
    assert again
    assert (again.enabled, again.off_at, again.off_reason) == (True, None, None)
