"""What endpoints are to be sent is read for all that ask together, and each gets its own."""

import asyncio

from tests.webhooks.hooked import Hooked


async def test_endpoints_that_ask_together_share_a_look_and_get_their_own(hooked: Hooked):
    reader = hooked.duty().sender.reader
    ids = [(await hooked.add(f"http://127.0.0.1:9/{n}"))[0] for n in range(3)]
    quiet, _ = await hooked.add("http://127.0.0.1:9/quiet", "instance.state")
    await hooked.finished()
    looks = []
    read = reader._batcher.serve

    async def counted(batch):
        looks.append(len(batch.requests))
        return await read(batch)

    reader._batcher.serve = counted
    *messages, nothing = await asyncio.gather(*(reader.read(each, []) for each in [*ids, quiet]))
    assert looks in ([4], [1, 3])  # the first may have found nobody to share with
    assert [[message.endpoint.id for message in its_own] for its_own in messages] == [[each] for each in ids]
    assert nothing == []
    (message,) = messages[0]
    assert await reader.read(ids[0], [message.delivery]) == []  # it is under way
