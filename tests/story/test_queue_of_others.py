"""1016 while nothing of ours is at Marketo: asked again soon and with little, so that no free queue stays idle."""

from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

from app.simulator import Fault, Rules
from tests.story.files import leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

HOUR = 3600
Tries = list[tuple[float, int]]


async def tries(stage: Stage, since: datetime, *import_ids: int) -> Tries:
    """(seconds since then, import) of each 1016 that one of these met."""
    found = []
    for import_id in import_ids:
        told = (await stage.api.get(f"/v1/imports/{import_id}/events", params={"page_size": 200})).json()["items"]
        for event in told:
            if event["type"] == "turn_away" and event["data"]["code"] == "1016":
                found.append(((datetime.fromisoformat(event["at"]) - since).total_seconds(), import_id))
    return sorted(found)


async def live(stage: Stage, seconds: float) -> None:
    """Beat by beat, one a second as a worker does, but for the seconds in which nothing is due."""
    end = stage.clock() + timedelta(seconds=seconds)
    while stage.clock() < end:
        await stage.beat()
        await wait_until_due(stage, end)


async def wait_until_due(stage: Stage, end: datetime) -> None:
    """Whole seconds, one at least."""
    stage.clock.step(min(ceil(await stage.seconds_until_due()), (end - stage.clock()).total_seconds()))


async def instance(stage: Stage) -> dict[str, Any]:
    return dict((await stage.api.get("/v1/instances/default")).json())


async def test_a_queue_that_others_fill_is_asked_again_after_15_seconds_30_and_then_each_minute(stage: Stage):
    """Never later, and never more than a few times a minute; each time with the smallest part that there is."""
    stage.simulator.occupy(10, 400)
    began = stage.clock()
    made = [await stage.created(leads(rows, start=1000 * n), priority=9 - n) for n, rows in enumerate((300, 2, 200))]
    smallest = made[1]
    await live(stage, 399)
    met = await tries(stage, began, *made)
    assert [round(seconds) for seconds, _ in met] == [0, 15, 45, 105, 165, 225, 285, 345]
    assert [import_id for _, import_id in met] == [made[0], *[smallest] * 7], "the first goes by its priority"
    assert stage.simulator.report()["errors"]["1016"] == 8
    told = await instance(stage)
    assert (told["state"], told["reason"]) == (
        "backing_off",
        "queue_full: jobs of other programs fill Marketo's queue",
    )
    assert told["until"] == "2026-11-04T12:06:45.000Z"
    assert (told["last_error"]["call"], told["last_error"]["code"]) == ("create", "1016")
    (part,) = await stage.parts(smallest)
    assert (part["waiting_for"], part["attempts"], part["next_attempt_at"]) == ("slot", 0, told["until"])
    await live(stage, 61)
    assert len(stage.simulator.report()["jobs"]) == 3, "all of ours are there within a minute of the queue's being free"
    assert (await instance(stage))["state"] == "running"
    await stage.run()
    told = (await stage.api.get("/v1/instances/default/events")).json()["items"]
    assert [one["type"] for one in told] == ["queue_full", "recovered"]
    assert told[0]["data"] == {
        "call": "create",
        "code": "1016",
        "reason": "a part was turned away: queue_full",
        "slots": 10,
    }
    assert told[1]["data"] == {"what": "queue_full", "since": told[0]["at"]}


async def test_what_was_learnt_beside_our_own_work_keeps_no_queue_idle_once_that_has_ended(
    database_url: str, clock: SteppedClock
):
    """Three 1016 in a row are a lesson of four minutes while work of ours flows; when it has ended, of none."""
    async with staged(database_url, clock, rules=Rules(job_seconds=300)) as stage:
        there = await stage.created(leads(2))
        await stage.beat()
        stage.simulator.occupy(9, HOUR)
        began = clock()
        waiting = await stage.created(leads(2, start=100))
        ended_at: float | None = None
        while clock() - began < timedelta(seconds=600):
            stage.simulator.occupy(1, HOUR)  # whatever place comes free is taken before we can
            await stage.beat()
            if ended_at is None and (await stage.read(there))["finished_at"]:
                ended_at = (clock() - began).total_seconds()
                clock.step(1)
            else:
                await wait_until_due(stage, began + timedelta(seconds=600))
        assert ended_at is not None
        met = [round(seconds) for seconds, _ in await tries(stage, began, waiting)]
        beside, alone = [at for at in met if at < ended_at], [at for at in met if at >= ended_at]
        assert beside == [0, 60, 180], "a minute, two, four"
        assert alone[0] - ended_at <= 2
        assert [later - earlier for earlier, later in pairwise(alone)] == [15, 30, 60, 60, 60]


async def test_an_unconfirmed_part_is_no_work_that_flows(stage: Stage):
    """It may not be at Marketo at all, and may stay so for days: beside it an empty queue is asked again as soon."""
    stage.simulator.order(Fault("lost_request", on="create"))
    await stage.created(leads(2), on_unconfirmed="hold")
    await stage.beat()
    stage.simulator.occupy(10, HOUR)
    stage.clock.step(10)  # the back-off
    waiting = await stage.created(leads(2, start=100))
    began = stage.clock()
    await live(stage, 120)
    assert [round(seconds) for seconds, _ in await tries(stage, began, waiting)] == [0, 15, 45, 105]


async def test_a_person_s_word_has_a_full_queue_tried_at_once(stage: Stage):
    """Whoever has stopped the other program need not wait for a minute."""
    stage.simulator.occupy(10, 120)
    waiting = await stage.created(leads(2))
    began = stage.clock()
    await live(stage, 121)
    assert len(await tries(stage, began, waiting)) == 4
    await stage.api.post("/v1/instances/default/resume")
    await stage.beat()
    assert (await stage.parts(waiting))[0]["state"] == "queued"


async def test_the_smallest_part_goes_first_only_while_others_fill_the_queue(stage: Stage):
    """What is larger and of higher priority has its turn again as soon as one was taken."""
    stage.simulator.occupy(10, 10)
    await stage.created(leads(300))
    await stage.beat()
    sizes = (200, 2, 100)
    for n, rows in enumerate(sizes, start=1):
        await stage.created(leads(rows, start=1000 * n), priority=4 - n)
    stage.clock.step(15)
    await stage.beat()
    assert [job["rows"] for job in stage.simulator.report()["jobs"]] == [2, 300, 200, 100]
