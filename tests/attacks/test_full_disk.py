"""A disk fills up in the middle of an upload: the next small file finds room again."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.failpoints import Failpoint
from tests.story.files import LEADS
from tests.story.test_large_files import HEADER
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

pytestmark = pytest.mark.both_databases

DISK = 10_000_000  # bytes that the file and its log may have together
FLOOR = 4_000_000


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """Parts are small."""
    async with staged(database_url, clock, part_bytes=20_000) as found:
        yield found


def incompressible(rows: int) -> bytes:
    """About half a kilobyte a row."""
    chance = random.Random(1)
    lines = "".join(f"p{n}@example.com,{chance.randbytes(250).hex()},1\n" for n in range(rows))
    return f"{HEADER}\n{lines}".encode()


def at(stage: Stage, point: Failpoint, deed: Callable[[], None], *, time: int = 1) -> None:
    """Have something happen when that point is reached for the nth time."""
    left = time

    def hit(met: str) -> None:
        nonlocal left
        left -= met == point
        if met == point and left == 0:
            deed()

    object.__setattr__(stage.container.intake, "hit", hit)


async def test_what_is_half_received_is_taken_away_once_the_database_takes_that(stage: Stage):
    """It would not at first: its disk was full. Until then nobody sees it, and afterwards nothing is left."""
    db = stage.container.db

    def fill_up() -> None:
        db.refused = "the disk is full"

    at(stage, Failpoint.PART_STORED, fill_up, time=3)
    answer = await stage.create(incompressible(300))
    assert answer.status_code == 503
    assert (await stage.api.get("/v1/imports")).json()["items"] == []
    assert not await stage.holds_nothing()
    assert not await stage.container.cleanup.again(), "the disk is still full"
    db.refused = None
    assert await stage.container.cleanup.again()
    assert await stage.holds_nothing()
    assert (await stage.create(LEADS)).status_code == 202


async def test_it_is_tried_again_until_it_succeeds(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """By itself, and without a request that would ask for it."""
    monkeypatch.setattr("app.uploads.cleanup.INSIST_SECONDS", (0.001,))
    db, tries, enough = stage.container.db, 0, asyncio.Event()

    async def counted(*_: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 5:
            enough.set()

    at(stage, Failpoint.PART_STORED, lambda: setattr(db, "refused", "the disk is full"))
    assert (await stage.create(incompressible(100))).status_code == 503
    again = stage.container.cleanup.again

    async def watched() -> bool:
        await counted()
        return await again()

    monkeypatch.setattr(type(stage.container.cleanup), "again", lambda _: watched())
    running = asyncio.create_task(stage.container.cleanup.run())
    await asyncio.wait_for(enough.wait(), 30)
    db.refused = None
    async with asyncio.timeout(30):
        while not await stage.holds_nothing():
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_room_of_an_upload_that_met_the_floor_is_free_again(
    sqlite_url: str, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
):
    """It was freed within SQLite's file, which stayed as large: every small file after it got 507, for ever."""
    async with staged(sqlite_url, clock, part_bytes=20_000, disk_floor_bytes=FLOOR) as stage:
        file = stage.container.db.file
        assert file is not None

        def disk_usage(_: object) -> SimpleNamespace:
            return SimpleNamespace(free=DISK - file.path.stat().st_size - file.log_bytes)

        monkeypatch.setattr("app.store.disk_usage.shutil.disk_usage", disk_usage)
        assert (await stage.create(LEADS)).status_code == 202
        answer = await stage.create(incompressible(12_000))
        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
        assert (await stage.create(LEADS)).status_code == 202, "its room was given back"
        assert (await stage.api.get("/v1/imports")).json()["items"][1:] != [], "and nothing else was lost"


async def test_a_database_that_says_itself_that_its_disk_is_full_finds_room_again(
    postgres_url: str, clock: SteppedClock
):
    """PostgreSQL takes neither the next part nor the discard; once it does, nothing is left."""
    async with staged(postgres_url, clock, part_bytes=20_000) as stage:
        async with stage.container.db.write() as tx:
            await tx.exec_driver_sql(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "IF TG_OP = 'DELETE' OR NEW.number > 2 THEN "
                "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END IF; "
                "RETURN NEW; END $$"
            )
            await tx.exec_driver_sql(
                "CREATE TRIGGER full_disk BEFORE INSERT OR DELETE ON part FOR EACH ROW EXECUTE FUNCTION full_disk()"
            )
        answer = await stage.create(incompressible(300))
        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
        assert not await stage.container.cleanup.again()
        async with stage.container.db.write() as tx:
            await tx.exec_driver_sql("DROP TRIGGER full_disk ON part")
        assert await stage.container.cleanup.again()
        assert await stage.holds_nothing()
        assert (await stage.create(LEADS)).status_code == 202
