"""What an endpoint is sent: signed, in the words of the API, and in the order of each import."""

import pytest
import standardwebhooks

from app.domain.events import Occurrence
from app.store import events, imports
from tests.support.receiver import OK, Received, answering, receiving
from tests.webhooks.hooked import Hooked, verified

DAY = 86_400


async def test_a_finished_import_is_told_signed_and_in_the_words_of_the_api(hooked: Hooked):
    """The library of Standard Webhooks finds it genuine, and with another secret it does not."""
    async with receiving() as receiver:
        webhook_id, secret = await hooked.add(receiver.url)
        import_id = await hooked.finished()
        await hooked.send()
        (received,) = receiver.received
        message = verified(received, secret, hooked.stage.clock)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verified(received, "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==", hooked.stage.clock)
    assert message["type"] == "import.finished"
    assert message["data"] == await hooked.stage.read(import_id)
    assert received.headers["content-type"] == "application/json"
    (delivery,) = await hooked.deliveries(webhook_id)
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("delivered", 1, 200)
    assert (delivery["import_id"], delivery["message_id"]) == (import_id, received.headers["webhook-id"])
    assert delivery["at"] == message["timestamp"]
    await hooked.send()
    assert len(receiver.received) == 1


async def test_an_import_that_needs_attention_and_an_instance_that_stops_are_told(hooked: Hooked):
    """In their order; and nobody hears of what was not asked for."""
    async with receiving() as receiver, receiving() as other:
        await hooked.add(receiver.url, "import.attention", "instance.state")
        await hooked.add(other.url, "import.finished")
        for action in ("pause", "resume"):
            assert (await hooked.stage.api.post(f"/v1/instances/default/{action}")).status_code == 200
            await hooked.send()
        assert [(each.about, each.json["data"]["state"]) for each in receiver.received] == [
            (("instance.state", "default"), "paused"),
            (("instance.state", "default"), "running"),
        ]
        assert other.received == []


async def test_while_a_secret_is_changed_both_sign_and_after_a_day_the_new_one_alone(hooked: Hooked):
    """A receiver can change at any moment of that day."""
    async with receiving() as receiver:
        webhook_id, first = await hooked.add(receiver.url)
        second = (await hooked.stage.api.post(f"/v1/webhooks/{webhook_id}/secret")).json()["secret"]
        assert second != first
        await hooked.finished()
        await hooked.send()
        for secret in (first, second):
            verified(receiver.received[-1], secret, hooked.stage.clock)
        hooked.stage.clock.step(DAY)
        await hooked.finished()
        await hooked.send()
        verified(receiver.received[-1], second, hooked.stage.clock)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verified(receiver.received[-1], first, hooked.stage.clock)


async def test_of_one_import_the_next_is_sent_after_the_one_before_and_others_do_not_wait(hooked: Hooked):
    """Also while the first one waits for its next try."""

    def answer(received: Received) -> bytes:
        return answering(500) if received.about == ("import.attention", first) and not mended else OK

    mended: list[bool] = []
    async with receiving(answer) as receiver:
        webhook_id, _ = await hooked.add(receiver.url, "import.attention", "import.finished")
        first = await hooked.stage.created(b"email\na@example.com\n")
        await tell_attention(hooked, first)
        await hooked.stage.api.post(f"/v1/imports/{first}/cancel")
        second = await hooked.finished()
        await hooked.send()
        assert {each.about for each in receiver.received} == {("import.attention", first), ("import.finished", second)}
        mended.append(True)
        hooked.stage.clock.step(6)
        await hooked.send()
        assert [each.about for each in receiver.received][2:] == [
            ("import.attention", first),
            ("import.finished", first),
        ]
    assert {each["state"] for each in await hooked.deliveries(webhook_id)} == {"delivered"}


async def tell_attention(hooked: Hooked, import_id: int) -> None:
    async with hooked.stage.container.db.write() as tx:
        lock = await imports.lock(tx, import_id)
        assert lock
        await events.append_of(tx, lock, Occurrence.STUCK, at=hooked.stage.clock())


async def test_what_is_erased_is_told_to_nobody(hooked: Hooked):
    """Bodies are read when they are sent: a delivery holds nothing of an import but its number."""
    async with receiving(lambda _: answering(500) if len(receiver.received) == 1 else OK) as receiver:
        await hooked.add(receiver.url)
        import_id = await hooked.finished()
        await hooked.send()
        assert (await hooked.stage.api.delete(f"/v1/imports/{import_id}")).status_code == 204
        hooked.stage.clock.step(6)
        await hooked.send()
        assert receiver.received[-1].json["data"] == await hooked.stage.read(import_id)
