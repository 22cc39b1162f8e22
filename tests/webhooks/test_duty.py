"""The duty of a worker: each delivery by one worker at a time, and by the next one where that dies."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.store.tables import webhook
from app.webhooks.outcomes import Outcomes
from tests.support.clock import SteppedClock
from tests.support.receiver import OK, receiving
from tests.support.stage import staged
from tests.webhooks.hooked import KNOBS, Hooked


@pytest.mark.both_databases
async def test_killed_between_the_answer_and_its_note_it_is_sent_again_and_never_lost(hooked: Hooked):
    """At least once: by the next worker, once the lease of the dead one is over."""
    async with receiving(lambda _: OK) as receiver:
        webhook_id, _ = await hooked.add(receiver.url)
        import_id = await hooked.finished()
        duty, answered = hooked.duty("killed"), asyncio.Event()

        class DiesBefore(Outcomes):
            async def record(self, *_: Any) -> None:
                answered.set()
                await asyncio.Event().wait()

        container = hooked.stage.container
        dying = DiesBefore(container.db, container.now, container.sleep, container.chance)
        duty.sender = replace(duty.sender, outcomes=dying)
        await duty.look()
        await answered.wait()
        for task in duty._running.values():
            task.cancel()
        hooked.duties.pop("killed")
        assert [each["state"] for each in await hooked.deliveries(webhook_id)] == ["waiting"]
        if not duty.alone:
            await hooked.send("another")
            assert len(receiver.received) == 1
            hooked.stage.clock.step(31)
        await hooked.send("another")
        assert [each.about for each in receiver.received] == [("import.finished", import_id)] * 2
        assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
        assert [each["state"] for each in await hooked.deliveries(webhook_id)] == ["delivered"]
        await duty.sender.poster.close()


@pytest.mark.both_databases
async def test_of_two_workers_one_sends_an_endpoints_deliveries(postgres_url: str):
    """Each delivery once, while both look for work all the time."""
    async with staged(postgres_url, SteppedClock(), **KNOBS) as stage, receiving() as receiver:
        hooked = Hooked(stage)
        for _ in range(3):
            await hooked.add(receiver.url)
        made = [await hooked.finished() for _ in range(10)]
        for _ in range(3):
            await asyncio.gather(hooked.send("one"), hooked.send("two"))
        about = [each.about[1] for each in receiver.received]
        assert sorted(about) == sorted(made * 3)
        await hooked.end()
        await hooked.finished()
        await hooked.send("three")
        assert len(receiver.received) == 33, "leases that were given up are free at once"
        await hooked.end()


async def test_a_worker_that_cannot_renew_its_lease_stops_sending(hooked: Hooked):
    """Another one may be at it."""
    async with receiving(lambda _: None) as receiver:
        await hooked.add(receiver.url)
        await hooked.finished()
        duty = hooked.duty()
        await duty.look()
        while not receiver.received:
            await asyncio.sleep(0.001)
        hooked.stage.clock.step(10)
        await duty.look()
        assert duty._running, "a lease that is renewed in time goes on"
        hooked.stage.clock.step(28)
        duty._end_lost()
        await duty.settled()
        assert not duty._leases


async def test_a_duty_runs_until_it_is_told_to_stop_and_gives_its_leases_up(hooked: Hooked):
    """A commit wakes it at once; at its end nothing is under way."""
    async with receiving() as receiver:
        webhook_id, _ = await hooked.add(receiver.url)
        duty, stop = hooked.duty(), asyncio.Event()
        duty.tick_seconds = duty.lease_seconds = 3600
        running = asyncio.create_task(duty.run(stop))
        await hooked.finished()
        while not [each for each in await hooked.deliveries(webhook_id) if each["state"] == "delivered"]:
            await asyncio.sleep(0.01)
        stop.set()
        await running
        assert len(receiver.received) == 1
    async with hooked.stage.container.db.read() as tx:
        assert (await tx.execute(select(webhook.c.worker))).scalar_one() is None
