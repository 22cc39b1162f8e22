"""What tries make of a delivery and of its endpoint: the next try, the end of all tries, or the wrong worker."""

import asyncio
from datetime import datetime
from itertools import pairwise

import pytest
import structlog
from sqlalchemy import update

from app.store.tables import webhook
from tests.support.receiver import OK, answering, receiving
from tests.webhooks.hooked import Hooked

DAY = 86_400


async def test_a_receiver_that_is_gone_is_asked_no_more(hooked: Hooked):
    """410: the endpoint is off, says why, and so does the status; what waited has failed, and can be sent again."""
    async with receiving(lambda _: answering(410) if len(receiver.received) == 1 else OK) as receiver:
        webhook_id, _ = await hooked.add(receiver.url)
        first, second = await hooked.finished(), await hooked.finished()
        with structlog.testing.capture_logs() as lines:
            await hooked.send()
        assert "a webhook was switched off" in [line["event"] for line in lines]
        webhook = await hooked.webhook(webhook_id)
        assert (webhook["enabled"], webhook["off_reason"]) == (False, "gone")
        heard = len(receiver.received)
        await hooked.finished()
        await hooked.send()
        assert len(receiver.received) == heard
        deliveries = await hooked.deliveries(webhook_id)
        failed = next(each for each in deliveries if each["last_status"] == 410)
        assert failed["state"] == "failed"
        assert {each["import_id"] for each in deliveries} == {first, second}
        status = (await hooked.stage.api.get("/v1/status")).json()
        (check,) = [check for check in status["checks"] if check["name"] == "webhooks"]
        assert (check["status"], status["status"] != "ok") == ("degraded", True)
        assert f"{webhook_id} of everybody (gone)" in check["detail"]
        refused = await hooked.stage.api.post(f"/v1/webhooks/{webhook_id}/test")
        assert (refused.status_code, refused.json()["code"]) == (409, "webhook_off")
        await hooked.stage.api.patch(f"/v1/webhooks/{webhook_id}", json={"enabled": True})
        again = await hooked.stage.api.post(f"/v1/webhooks/{webhook_id}/deliveries/{failed['id']}/redeliver")
        assert again.status_code == 202
        await hooked.send()
        assert receiver.received[-1].about == ("import.finished", failed["import_id"])
        assert receiver.received[-1].headers["webhook-id"] == failed["message_id"]


async def test_three_days_without_success_switch_an_endpoint_off(hooked: Hooked):
    """After growing waits; the last try is at the end of the three days."""
    async with receiving(lambda _: answering(503)) as receiver:
        webhook_id, _ = await hooked.add(receiver.url)
        begun = hooked.stage.clock.elapsed
        await hooked.finished()
        tried_at = []
        while (await hooked.webhook(webhook_id))["enabled"]:
            await hooked.send()
            if len(receiver.received) > len(tried_at):
                tried_at.append(hooked.stage.clock.elapsed - begun)
            (waiting,) = await hooked.deliveries(webhook_id)
            again_at = waiting["next_attempt_at"] and datetime.fromisoformat(waiting["next_attempt_at"])
            hooked.stage.clock.step(max(5, (again_at - hooked.stage.clock()).total_seconds()) if again_at else 5)
            assert hooked.stage.clock.elapsed - begun < 4 * DAY
        (failed,) = await hooked.deliveries(webhook_id)
    waits = [later - earlier for earlier, later in pairwise(tried_at)]
    assert waits[:-1] == sorted(waits[:-1])
    assert 3 * DAY - 600 <= tried_at[-1] <= 3 * DAY + 600
    assert 9 <= len(tried_at) <= 12
    assert (failed["state"], failed["next_attempt_at"]) == ("failed", None)
    assert (await hooked.webhook(webhook_id))["off_reason"] == "failing"


async def test_an_endpoint_that_answers_nothing_is_asked_one_thing_at_a_time(hooked: Hooked):
    """And not more often than once a minute; when it answers again, all that waits goes at once."""
    dead = True
    async with receiving(lambda _: answering(503) if dead else OK) as receiver:
        webhook_id, _ = await hooked.add(receiver.url)
        for _ in range(8):
            await hooked.finished()
        await hooked.send()
        tried = len(receiver.received)
        assert tried <= 7
        await hooked.pass_time(300)
        assert len(receiver.received) - tried <= 9
        dead = False
        await hooked.pass_time(90)
        assert {each["state"] for each in await hooked.deliveries(webhook_id)} == {"delivered"}
        assert receiver.most_at_once <= 5


@pytest.mark.both_databases
async def test_whoever_has_lost_the_lease_notes_nothing(hooked: Hooked):
    """FENCED: its outcome is dropped, and the other worker's counts."""
    async with receiving(lambda _: None) as receiver:
        webhook_id, _ = await hooked.add(receiver.url)
        await hooked.finished()
        duty = hooked.duty()
        await duty.look()
        while not receiver.received:
            await asyncio.sleep(0.001)
        async with hooked.stage.container.db.write() as tx:
            await tx.execute(update(webhook).values(lease_epoch=webhook.c.lease_epoch + 1))
        receiver.release.set()
        await duty.settled()
        assert len(receiver.received) == 1
        assert [each["state"] for each in await hooked.deliveries(webhook_id)] == ["waiting"]
