"""What maintenance does with endpoints that are off or removed. What people do with them: tests/api/routers."""

from sqlalchemy import func, select

from app.domain.api_keys import EVERYBODY
from app.domain.webhooks import WebhookEvent
from app.store import webhook_deliveries, webhooks
from app.store.tables import webhook, webhook_delivery
from tests.support.stage import Stage


async def an_endpoint(stage: Stage) -> int:
    """One for which a delivery waits."""
    events = [WebhookEvent.IMPORT_FINISHED]
    made, _ = await stage.container.webhooks.add(EVERYBODY, url="https://192.0.2.1/", events=events, description=None)
    await stage.container.webhooks.test(made.id, EVERYBODY)
    return made.id


async def test_what_is_removed_goes_and_what_waits_for_nothing_has_failed(stage: Stage):
    """Maintenance does so, and leaves all others as they are."""
    removed, off, on = [await an_endpoint(stage) for _ in range(3)]
    await stage.container.webhooks.remove(removed, EVERYBODY)
    async with stage.container.db.write() as tx:
        await webhooks.switch_off(tx, off, at=stage.clock(), reason=None)
    await stage.maintenance.run_once()
    async with stage.container.db.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(webhook))).scalar_one() == 2
        assert (await tx.execute(select(func.count()).select_from(webhook_delivery))).scalar_one() == 2
        states = [
            (await webhook_deliveries.page(tx, webhook_id, before=None, size=9))[0].state for webhook_id in (off, on)
        ]
    assert states == ["failed", "waiting"]


async def test_old_tests_go_with_the_history(stage: Stage):
    """After ninety days, as all that is about no import."""
    webhook_id = await an_endpoint(stage)
    stage.clock.step(89 * 86_400)
    await stage.maintenance.run_once()
    async with stage.container.db.read() as tx:
        assert await webhook_deliveries.page(tx, webhook_id, before=None, size=9)
    stage.clock.step(2 * 86_400)
    await stage.maintenance.run_once()
    async with stage.container.db.read() as tx:
        assert not await webhook_deliveries.page(tx, webhook_id, before=None, size=9)


async def test_no_secret_is_in_what_is_shown_of_an_endpoint(stage: Stage):
    """SECRETS_STAY_IN: neither in a value's text nor in a problem."""
    events = [WebhookEvent.IMPORT_FINISHED]
    made, secret = await stage.container.webhooks.add(
        EVERYBODY, url="https://192.0.2.1/", events=events, description=None
    )
    again, other = await stage.container.webhooks.replace_secret(made.id, EVERYBODY)
    for text in (repr(made), repr(again), (await stage.api.get("/v1/webhooks")).text):
        assert secret not in text
        assert other not in text
