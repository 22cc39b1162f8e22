"""One try: whatever the receiver does, it ends soon, goes nowhere else, and keeps nothing of the answer."""

import asyncio

import pytest
from sqlalchemy import update

from app.store.tables import webhook
from tests.support.receiver import OK, answering, receiving
from tests.webhooks.hooked import Hooked, verified

WRONG: dict[str, tuple[bytes, int | None, str]] = {
    "500": (answering(500), 500, "the receiver answered 500"),
    "not found": (answering(404, body=b"<secret>"), 404, "the receiver answered 404"),
    "garbage": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", None, "its answer is not HTTP, or broke off (RemoteProtocolError)"),
    "redirect": (answering(302, "location: http://169.254.169.254/"), 302, "the receiver answered 302"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_not_delivered_is_sent_again_later_under_the_same_id(hooked: Hooked, wrong: str):
    """With the time of the try, and a redirect is not followed. Nothing of the answer is kept."""
    answer, status, error = WRONG[wrong]
    async with receiving(lambda _: answer if len(receiver.received) == 1 else OK) as receiver:
        webhook_id, secret = await hooked.add(receiver.url)
        await hooked.finished()
        await hooked.send()
        (waiting,) = await hooked.deliveries(webhook_id)
        assert (waiting["state"], waiting["last_status"], waiting["last_error"]) == ("waiting", status, error)
        hooked.stage.clock.step(4)
        await hooked.send()
        assert len(receiver.received) == 1
        hooked.stage.clock.step(2)
        await hooked.send()
        first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 6
    verified(second, secret, hooked.stage.clock)
    (delivered,) = await hooked.deliveries(webhook_id)
    assert (delivered["state"], delivered["attempts"], delivered["last_error"]) == ("delivered", 2, None)
    assert (await hooked.webhook(webhook_id))["failing_since"] is None


async def test_a_receiver_that_is_too_slow_has_failed_and_holds_up_nobody_else(hooked: Hooked):
    """The other endpoint has heard while the slow one is still waited for."""
    duty = hooked.duty()
    async with receiving(lambda _: None) as slow, receiving() as quick:
        slow_id, _ = await hooked.add(slow.url)
        await hooked.add(quick.url)
        await hooked.finished()
        await duty.look()
        while not quick.received:
            await asyncio.sleep(0)
        assert slow_id in duty._running
        slow.release.set()
        await duty.settled()
        slow.release.clear()
        duty.sender.poster.try_seconds = 0.01
        await hooked.finished()
        await hooked.send()
        done, waiting = await hooked.deliveries(slow_id)
    assert done["state"] == "delivered"
    assert (waiting["state"], waiting["last_error"]) == ("waiting", "no answer within 0.01 s")


async def test_of_a_long_answer_no_more_than_the_beginning_is_read(hooked: Hooked):
    """It has answered with 200: that is enough."""
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 100_000
    async with receiving(lambda _: endless) as receiver:
        webhook_id, _ = await hooked.add(receiver.url)
        await hooked.finished()
        await hooked.send()
        assert [each["state"] for each in await hooked.deliveries(webhook_id)] == ["delivered"]


async def test_a_name_that_leads_elsewhere_at_the_second_look_is_not_connected_to(hooked: Hooked):
    """DNS rebinding: what was checked when the endpoint was made counts for nothing; there is no third look."""
    duty, looked_up = hooked.duty(), []

    async def lookup(host: str, _port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["127.0.0.1", "169.254.169.254"]

    duty.sender.poster.lookup = lookup
    async with receiving() as receiver:
        webhook_id, _ = await hooked.add(receiver.url)
        url = receiver.url.replace("127.0.0.1", "hooks.example.com")
        async with hooked.stage.container.db.write() as tx:
            await tx.execute(update(webhook).values(url=url))
        looked_up[:] = ["when it was given"]
        await hooked.finished()
        await hooked.send()
        assert receiver.connections == 0
    (waiting,) = await hooked.deliveries(webhook_id)
    assert waiting["last_error"] == (
        "hooks.example.com has the address 169.254.169.254, to which webhooks may not point"
    )


async def test_a_connection_is_used_again_until_nothing_was_posted_for_a_while(hooked: Hooked):
    duty = hooked.duty()
    poster = duty.sender.poster
    async with receiving() as receiver:
        await hooked.add(receiver.url)
        for _ in range(2):
            await hooked.finished()
            await hooked.send()
            await poster.close_idle()  # used since the last time: it stays
        assert receiver.connections == 1
        await poster.close_idle()
        assert not poster._to
        await hooked.finished()
        await hooked.send()
        assert receiver.connections == 2
