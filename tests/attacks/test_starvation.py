"""Nothing waits for ever behind what keeps coming, and an urgent import does not wait behind what has waited long."""

from collections.abc import AsyncIterator

import pytest

from app.domain.imports import Leads, Request
from app.simulator import Rules
from app.steps.intake import Arrival
from tests.story.files import leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

HOUR = 3600.0
JOB_SECONDS = 60.0


@pytest.fixture
async def busy(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A Marketo that takes a minute for each job."""
    async with staged(database_url, clock, rules=Rules(job_seconds=JOB_SECONDS, rows_per_second=1000)) as stage:
        yield stage


async def begun(stage: Stage, import_id: int) -> bool:
    return (await stage.read(import_id))["started_at"] is not None


class Flood:
    """Somebody who always has some of the highest priority waiting."""

    def __init__(self, stage: Stage, priority: int = 9) -> None:
        self.stage, self.priority, self.made = stage, priority, 0

    async def pour(self, until_waiting: int = 15) -> None:
        asked = {"label": "flood", "status": "queued"}
        waiting = (await self.stage.api.get("/v1/imports", params=asked)).json()["items"]
        for _ in range(until_waiting - len(waiting)):
            self.made += 1
            content = leads(2, start=1000 + 2 * self.made)
            await self.stage.created(content, priority=self.priority, label="flood")

    async def goes_on(self, minutes: float, *, until: int | None = None) -> bool:
        """Whether that import began meanwhile."""
        for _ in range(int(minutes * 60 / 20)):
            await self.pour()
            await self.stage.beat()
            if until and await begun(self.stage, until):
                return True
            self.stage.clock.step(20)
        return False


async def test_the_lowest_priority_gets_on_while_the_highest_keeps_coming(busy: Stage):
    """It used to wait for ever; now for nine hours and a few jobs."""
    flood = Flood(busy)
    await flood.pour()
    low = await busy.created(leads(1), priority=0)
    assert not await flood.goes_on(20, until=low)
    busy.clock.step(9 * HOUR - 25 * 60)
    assert not await flood.goes_on(4, until=low)
    assert await flood.goes_on(10, until=low)


async def test_a_backlog_gets_a_share_and_no_more(busy: Stage):
    """Of what had waited for a day, one in four jobs; the others keep theirs."""
    old = [await busy.created(leads(1, start=n)) for n in range(1, 30)]
    busy.clock.step(24 * HOUR)
    flood = Flood(busy)
    await flood.goes_on(30)
    went = sum([await begun(busy, import_id) for import_id in old])
    posted = len(busy.posted)
    assert posted > 40
    assert 0.15 * posted < went < 0.35 * posted


async def test_an_urgent_import_goes_within_two_jobs_behind_a_backlog_of_a_day(busy: Stage):
    """However much of it has risen: it is more urgent than what went lately."""
    for n in range(1, 40):
        await busy.created(leads(1, start=n))
    busy.clock.step(24 * HOUR)
    for _ in range(15):
        await busy.beat()
        busy.clock.step(20)
    urgent, since = await busy.created(leads(1, start=500), priority=9), busy.clock()
    while not await begun(busy, urgent):
        await busy.beat()
        busy.clock.step(5)
    while (await busy.parts(urgent))[0]["state"] == "queued":
        await busy.beat()
        busy.clock.step(5)
    assert (busy.clock() - since).total_seconds() < 2 * JOB_SECONDS + 10


async def made(stage: Stage, client: str, number: int) -> int:
    async def file() -> AsyncIterator[bytes]:
        yield leads(1, start=number)

    return (await stage.house.intake.receive(Request(Leads(), client=client), Arrival(file()))).import_id


async def test_small_imports_of_two_clients_do_not_keep_a_third_waiting(busy: Stage):
    """Whoever comes and goes begins level with who waits, and used to go before it each time."""
    waiting = [await made(busy, "z", n) for n in range(20)]
    coming = 0
    for _ in range(60):
        if (await busy.api.get("/v1/instances/default")).json()["waiting"]["parts"] <= len(waiting):
            coming += 1
            await made(busy, f"a{coming % 2}", 100 + coming)
        await busy.beat()
        busy.clock.step(20)
    went = sum([await begun(busy, import_id) for import_id in waiting])
    assert went > 10
    assert coming > 10
