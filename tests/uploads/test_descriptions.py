"""What Marketo says of its fields: asked once for each object, and within the one allowance of the instance."""

import asyncio

import httpx

from app.domain.objects import CustomObject, Leads
from app.uploads.descriptions import Describe
from tests.story.files import LEADS
from tests.support.stage import Stage


def describe_of(stage: Stage) -> Describe:
    return stage.container.intake.describe["default"]


async def test_one_object_does_not_wait_for_another(stage: Stage):
    """Two who ask for the same wait for one answer."""
    asked, may_answer = asyncio.Event(), asyncio.Event()
    watch = stage.transport.before_request
    assert watch is not None

    async def slow_for_leads(request: httpx.Request) -> None:
        watch(request)
        if "/leads/describe" in request.url.path:
            asked.set()
            await may_answer.wait()

    stage.transport.before_request = slow_for_leads
    leads = [asyncio.create_task(describe_of(stage).fields_of(Leads())) for _ in range(2)]
    await asked.wait()
    cars = await describe_of(stage).fields_of(CustomObject("car_c"))
    assert cars is not None
    assert cars.dedupe_fields
    assert not any(one.done() for one in leads)
    may_answer.set()
    one, other = await asyncio.gather(*leads)
    assert one is not None
    assert one is other
    assert len([path for path in stage.asked if "/leads/describe" in path]) == 1


async def test_names_that_callers_make_up_are_not_kept_for_ever(stage: Stage):
    """The one in use stays, and is not asked for again."""
    describe = describe_of(stage)
    for n in range(220):
        assert await describe.fields_of(Leads()) is not None
        assert await describe.fields_of(CustomObject(f"made_up_{n}_c")) is None
        stage.clock.step(1)
    assert len(describe._objects) == 200
    assert len([path for path in stage.asked if "/leads/describe" in path]) == 1


async def test_a_describe_counts_against_the_crew_s_allowance(stage: Stage):
    """One token, one window, one day's quota for whoever asks in a process."""
    await stage.created(LEADS)
    assert stage.instance_worker.rate_limiter.today == 1
    await stage.run()
    assert (
        stage.instance_worker.rate_limiter.today == len([path for path in stage.asked if "/identity" not in path]) + 1
    )
    assert len([path for path in stage.asked if "/identity" in path]) == 1
