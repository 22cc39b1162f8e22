"""Following an import: what nobody told is found, and nothing is read for those who know it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.pipeline.finish import finish
from app.reporting import follow
from app.store.database import Database
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.databases import own_server
from tests.support.listener import SOON_SECONDS
from tests.support.stage import Stage, staged


async def next_page(pages) -> list[str] | None:
    """The types of the next events; None at the end."""
    page = await asyncio.wait_for(anext(pages, None), SOON_SECONDS)
    return None if page is None else [event.type for event in page]


@pytest.fixture
async def elsewhere(stage: Stage):
    """Another process's way to the database, of which this one hears nothing."""
    db = Database(stage.container.settings.database_url, finish=finish)
    yield replace(stage.container.cancel, db=db)
    await db.close()


async def test_what_nobody_told_is_found(stage: Stage, elsewhere, monkeypatch: pytest.MonkeyPatch):
    """By whoever follows the events and by whoever waits for the end."""
    monkeypatch.setattr(follow, "UNTOLD_SECONDS", 0.02)
    import_id = await stage.created(LEADS)
    looking = asyncio.create_task(stage.container.follow.run())
    waiting = asyncio.create_task(stage.api.get(f"/v1/imports/{import_id}", params={"wait": 60}))
    pages = stage.container.follow.events(import_id, after=0)
    assert await next_page(pages) == ["accepted"]
    await elsewhere.run(import_id, by="somebody")
    assert await next_page(pages) == ["cancel_requested", "cancel", "finished"]
    assert await next_page(pages) is None
    assert (await asyncio.wait_for(waiting, SOON_SECONDS)).json()["status"] == "cancelled"
    looking.cancel()
    await asyncio.wait({looking})


async def test_a_look_through_rings_for_those_only_who_have_missed_something(stage: Stage, elsewhere):
    """In as many statements as it takes, and not one for each who watches."""
    known, missed, gone = [await stage.created(LEADS) for _ in range(3)]
    async with stage.container.db.read() as tx:
        last = {one: found.id for one, found in (await follow.events.latest(tx, [known, missed])).items()}
    changes = stage.container.subscriptions
    with (
        changes.subscribe(known, seen=last[known]) as knows,
        changes.subscribe(missed, seen=last[missed]) as misses,
        changes.subscribe(missed) as waits_for_its_end,
        changes.subscribe(known) as waits_on,
        changes.subscribe(gone + 1, seen=0) as of_nothing,
    ):
        await elsewhere.run(missed, by="somebody")
        await stage.container.follow.look_through()
        assert await misses.wait(within_seconds=0)
        assert await waits_for_its_end.wait(within_seconds=0)
        assert await of_nothing.wait(within_seconds=0)
        assert not await knows.wait(within_seconds=0)
        assert not await waits_on.wait(within_seconds=0)


async def test_a_change_that_comes_while_the_last_one_is_read_is_read_too(stage: Stage):
    """Whoever asks once the asking has begun asks anew: the answer under way may know nothing of the change."""
    answers, asked, release = iter(["the first", "the second"]), asyncio.Event(), asyncio.Event()

    async def ask() -> str:
        answer = next(answers)
        asked.set()
        await release.wait()
        return answer

    both = [asyncio.create_task(stage.container.follow._read_together("it", ask)) for _ in range(2)]
    await asyncio.wait_for(asked.wait(), SOON_SECONDS)
    late = asyncio.create_task(stage.container.follow._read_together("it", ask))
    await asyncio.sleep(0)
    release.set()
    assert [await item for item in both] == ["the first", "the first"]
    assert await late == "the second"


async def test_who_goes_away_leaves_the_others_their_answer(stage: Stage):
    """Even the one who asked first."""
    import_id = await stage.created(LEADS)
    first = asyncio.create_task(next_page(stage.container.follow.events(import_id, after=0)))
    second = asyncio.create_task(next_page(stage.container.follow.events(import_id, after=0)))
    while not stage.container.follow._reads:
        await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.wait_for(second, SOON_SECONDS) == ["accepted"]


async def test_a_stream_outlives_a_database_that_is_away(
    tmp_path: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
):
    """It is silent meanwhile, with heartbeats, and then goes on with what came."""
    monkeypatch.setattr(follow, "DATABASE_RETRY_SECONDS", 0.05)
    with own_server() as server:
        async with staged(server.url, clock) as stage:
            import_id = await stage.created(LEADS)
            pages = stage.container.follow.events(import_id, after=0)
            assert await next_page(pages) == ["accepted"]
            await asyncio.to_thread(server.stop)
            stage.container.subscriptions.receive({import_id})
            assert await next_page(pages) == []
            await asyncio.to_thread(server.start)
            await stage.container.cancel.run(import_id, by="somebody")
            while (types := await next_page(pages)) == []:
                pass
            assert types == ["cancel_requested", "cancel", "finished"]
            assert await next_page(pages) is None
