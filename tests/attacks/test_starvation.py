"""Nothing waits for ever behind what keeps coming, and an urgent import does not wait behind what has waited long."""

from collections.abc import AsyncIterator

import pytest

from app.domain.api_keys import Scope
from app.simulator import Rules
from tests.story.files import leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

HOUR = 3600.0
JOB_SECONDS = 60.0


@pytest.fixture
async def busy(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A Marketo that takes a minute for each job. What each database says: tests/store/test_waiting_queue.py."""
    async with staged(sqlite_url, clock, rules=Rules(job_seconds=JOB_SECONDS, rows_per_second=1000)) as stage:
        yield stage


async def begun(stage: Stage, import_id: int) -> bool:
    return (await stage.read(import_id))["started_at"] is not None


class Flood:
    """Somebody who always has some of the highest priority waiting."""

    def __init__(self, stage: Stage, priority: int = 9) -> None:
        self.stage, self.priority, self.publish = stage, priority, 0

    async def pour(self, until_waiting: int = 15) -> None:
        asked = {"label": "flood", "status": "queued"}
        waiting = (await self.stage.api.get("/v1/imports", params=asked)).json()["items"]
        for _ in range(until_waiting - len(waiting)):
            self.publish += 1
            content = leads(2, start=1000 + 2 * self.publish)
            await self.stage.created(content, priority=self.priority, label="flood")

    async def goes_on(self, minutes: float, *, until: int | None = None) -> bool:
        """Whether that import began meanwhile."""
        for _ in range(int(2 * minutes)):
            await self.pour()
            await self.stage.beat()
            if until and await begun(self.stage, until):
                return True
            self.stage.clock.step(JOB_SECONDS / 2)
        return False


@pytest.mark.endure
async def test_the_lowest_priority_gets_on_while_the_highest_keeps_coming(busy: Stage):
    """It used to wait for ever; now for nine hours and a few jobs."""
    flood = Flood(busy)
    await flood.pour()
    low = await busy.created(leads(1), priority=0)
    assert not await flood.goes_on(4, until=low)
    busy.clock.step(9 * HOUR - 8 * 60)
    assert not await flood.goes_on(3, until=low)
    assert await flood.goes_on(10, until=low)


@pytest.mark.endure
async def test_a_backlog_gets_a_share_and_no_more(busy: Stage):
    """Of what had waited for a day, one in four jobs; the others keep theirs."""
    old = [await busy.created(leads(1, start=n)) for n in range(15)]
    busy.clock.step(24 * HOUR)
    await Flood(busy).goes_on(10)
    went = sum([await begun(busy, import_id) for import_id in old])
    posted = len(busy.posted)
    assert posted >= 18
    assert 0.15 * posted < went < 0.35 * posted


@pytest.mark.endure
async def test_an_urgent_import_goes_within_two_jobs_behind_a_backlog_of_a_day(busy: Stage):
    """However much of it has risen: it is more urgent than what went lately."""
    for n in range(25):
        await busy.created(leads(1, start=n))
    busy.clock.step(24 * HOUR)
    for _ in range(8):
        await busy.beat()
        busy.clock.step(30)
    urgent, since = await busy.created(leads(1, start=500), priority=9), busy.clock()
    while not await begun(busy, urgent):
        await busy.beat()
        busy.clock.step(10)
    while (await busy.parts(urgent))[0]["state"] == "queued":
        await busy.beat()
        busy.clock.step(10)
    assert (busy.clock() - since).total_seconds() <= 2 * JOB_SECONDS + 10


async def a_key(stage: Stage, *scopes: Scope, max_priority: int = 9) -> tuple[str, dict[str, str]]:
    """(a key, the header with it)."""
    _, written = await stage.container.keys.create("crm-sync", scopes, max_priority=max_priority)
    return written, {"Authorization": f"Bearer {written}"}


async def test_a_key_may_have_a_highest_priority(database_url: str, clock: SteppedClock):
    """Above it an import is refused; where none is given, that of the import is no higher."""
    async with staged(database_url, clock, auth="on") as stage:
        _, low = await a_key(stage, Scope.SUBMIT, max_priority=3)
        answer = await stage.api.post("/v1/imports?priority=4", content=leads(1), headers=low)
        assert (answer.status_code, answer.json()["code"]) == (422, "priority_too_high")
        assert answer.json()["errors"][0]["field"] == "priority"
        assert "0 to 3, and not 4" in answer.json()["detail"]
        assert await stage.holds_nothing()
        answer = await stage.api.post("/v1/imports?priority=10", content=leads(1), headers=low)
        assert answer.json()["code"] == "invalid_parameter"
        for query, priority in (("?priority=3", 3), ("?priority=0", 0), ("", 3)):
            made = await stage.api.post(f"/v1/imports{query}", content=leads(1), headers=low)
            assert (made.status_code, made.json()["priority"]) == (202, priority)
        for written, priority in ((9, 9), (6, 5)):
            _, key = await a_key(stage, Scope.SUBMIT, max_priority=written)
            made = await stage.api.post("/v1/imports", content=leads(1), headers=key)
            assert made.json()["priority"] == min(5, priority)


async def test_a_retry_is_no_more_urgent_than_whoever_asks_may_be(database_url: str, clock: SteppedClock):
    """Or a key could send again what another one of its client's had sent first."""
    async with staged(database_url, clock, auth="on") as stage:
        _, high = await a_key(stage, Scope.SUBMIT)
        _, low = await a_key(stage, Scope.SUBMIT, max_priority=2)
        made = (await stage.api.post("/v1/imports?priority=9", content=leads(1), headers=high)).json()["id"]
        await stage.api.post(f"/v1/imports/{made}/cancel", headers=high)
        for key, priority in ((low, 2), (high, 9)):
            again = await stage.api.post(f"/v1/imports/{made}/retry", headers=key)
            assert (again.status_code, again.json()["priority"]) == (202, priority)


async def test_on_marketo_s_own_paths_the_key_s_highest_holds_too(database_url: str, clock: SteppedClock):
    """Marketo knows no priority: who names none is refused for none."""
    async with staged(database_url, clock, auth="on") as stage:
        written, _ = await a_key(stage, Scope.SUBMIT, max_priority=3)
        _, key_id, secret = written.split("_")
        grant = {"grant_type": "client_credentials", "client_id": key_id, "client_secret": secret}
        token = (await stage.api.get("/identity/oauth/token", params=grant)).json()["access_token"]
        settings = {"headers": {"Authorization": f"Bearer {token}"}, "files": {"file": ("a.csv", leads(1))}}
        taken = await stage.api.post("/bulk/v1/leads.json", data={"format": "csv"}, **settings)
        assert taken.json()["success"], taken.text
        read = await a_key(stage, Scope.READ)
        made = await stage.api.get(f"/v1/imports/{taken.json()['result'][0]['batchId']}", headers=read[1])
        assert made.json()["priority"] == 3
        body = (await stage.api.post("/bulk/v1/leads.json", data={"format": "csv", "priority": "9"}, **settings)).json()
        assert (body["success"], body["errors"][0]["code"]) == (False, "1001")
        assert "priority" in body["errors"][0]["message"]
