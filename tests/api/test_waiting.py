"""One request that ends with the import."""

import asyncio

import pytest

from app.api.app import create_app
from tests.api.watching import get, watched
from tests.story.files import LEADS, leads
from tests.support.listener import SOON_SECONDS, Listener
from tests.support.stage import Stage
from tests.support.statements import connections_in_use, statements


async def quiet(stage: Stage) -> None:
    """Wait until nobody uses the database."""
    async with asyncio.timeout(SOON_SECONDS):
        while stage.container.follow._reads or connections_in_use(stage.container.db):
            await asyncio.sleep(0)


async def test_a_wait_ends_with_the_import(stage: Stage):
    """However it ends, and whatever it does before."""
    import_id = await stage.created(LEADS)
    waiting = asyncio.create_task(get(stage, import_id, wait=60))
    await watched(stage)
    await stage.run(until=lambda: _started(stage, import_id))
    assert not waiting.done()
    await stage.run()
    answer = await waiting
    assert answer.status_code == 200
    assert answer.json() == await stage.read(import_id)
    assert answer.json()["status"] == "complete"
    assert "Retry-After" not in answer.headers
    assert not stage.container.subscriptions.subscribers


async def _started(stage: Stage, import_id: int) -> bool:
    return (await stage.read(import_id))["status"] == "importing"


async def test_a_cancel_ends_a_wait(stage: Stage):
    """The cancellation is committed, and whoever waits is told."""
    import_id = await stage.created(LEADS, not_before="2027-01-01T00:00:00Z")
    waiting = asyncio.create_task(get(stage, import_id, wait=60))
    await watched(stage)
    assert (await stage.api.post(f"/v1/imports/{import_id}/cancel")).status_code == 202
    assert (await waiting).json()["status"] == "cancelled"


async def test_a_finished_import_is_not_waited_for(stage: Stage):
    """At once, as without."""
    import_id = await stage.created(LEADS)
    await stage.run()
    assert (await get(stage, import_id, wait=60)).json()["status"] == "complete"


@pytest.mark.parametrize(("wait", "seconds"), [(60, 50), (50, 50), (51, 50), (20, 20)])
async def test_a_wait_is_answered_before_a_proxy_hangs_up(stage: Stage, wait: float, seconds: float):
    """Those hang up at 60 seconds: who asks for so long is answered after 50."""
    loop = asyncio.get_running_loop()
    import_id = await stage.created(LEADS)
    before, begun_at = set(loop._scheduled), loop.time()
    waiting = asyncio.create_task(stage.api.get(f"/v1/imports/{import_id}", params={"wait": wait}))
    await watched(stage)
    await quiet(stage)
    ends = [timer.when() - begun_at for timer in loop._scheduled if timer not in before and not timer.cancelled()]
    assert seconds <= min(end for end in ends if end > 5) < seconds + SOON_SECONDS
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    assert (await waiting).json()["status"] == "cancelled"


async def test_when_the_time_is_up_the_import_is_told_as_it_stands(stage: Stage):
    """With the hint when to ask again."""
    import_id = await stage.created(LEADS)
    answer = await get(stage, import_id, wait="0.01")
    assert answer.status_code == 200
    assert answer.json()["status"] == "queued"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("wait", ["61", "60.001", "-1", "-0.5", "soon", "nan", "inf", "1s", ""])
async def test_a_wait_that_cannot_be_is_refused(stage: Stage, wait: str):
    """422, and it names the parameter."""
    import_id = await stage.created(LEADS)
    answer = await get(stage, import_id, wait=wait)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_parameter"
    assert [error["field"] for error in answer.json()["errors"]] == ["wait"]


async def test_who_waits_asks_the_database_nothing(stage: Stage):
    """No statement and no connection while nothing happens, or while it happens to others; one read for a hundred."""
    import_id = await stage.created(LEADS, not_before="2027-01-01T00:00:00Z")
    waiting = [asyncio.create_task(get(stage, import_id, wait=60)) for _ in range(100)]
    await watched(stage, 100)
    await quiet(stage)
    with statements(stage.container.db) as sent:
        await stage.created(leads(1, start=50))
        about_others = len(sent)
        await quiet(stage)
        assert len(sent) == about_others
        await stage.api.post(f"/v1/imports/{import_id}/cancel")
        assert {(await item).json()["status"] for item in waiting} == {"cancelled"}
        reads = [item for item in sent[about_others:] if "FROM import JOIN instance" in item]
    assert len(reads) <= 4, "two of the request that cancels, one for all who wait, and maybe one that came too early"


async def test_who_goes_away_is_waited_for_by_nobody(stage: Stage):
    """The service is done with the request at once, and watches nothing for it."""
    import_id = await stage.created(LEADS)
    async with Listener(create_app(stage.container), f"/v1/imports/{import_id}?wait=60") as caller:
        await watched(stage)
        async with asyncio.timeout(SOON_SECONDS):
            await caller.hang_up()
        assert not stage.container.subscriptions.subscribers


async def test_a_stop_answers_all_who_wait(stage: Stage):
    """As the import stands: the caller asks again, and another process answers."""
    import_id = await stage.created(LEADS)
    waiting = asyncio.create_task(get(stage, import_id, wait=60))
    await watched(stage)
    stage.container.subscriptions.end()
    answer = await waiting
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert "Retry-After" in answer.headers
    assert (await get(stage, import_id, wait=60)).json()["status"] == "queued"
