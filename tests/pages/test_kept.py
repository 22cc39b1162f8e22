"""Pages that were made a moment ago."""

import asyncio

import pytest

from app.pages.kept import Kept
from app.pages.rendering import Rendered
from tests.support.clock import SteppedClock


async def test_many_who_ask_at_once_have_one_page_made(clock: SteppedClock):
    """And those who come within two seconds get it too."""
    kept, made = Kept(clock), []

    async def make() -> Rendered:
        made.append(1)
        await asyncio.sleep(0)
        return Rendered("", str(len(made)))

    pages = await asyncio.gather(*[kept.get("/", make) for _ in range(200)])
    clock.step(1.9)
    pages.append(await kept.get("/", make))
    assert {page.fingerprint for page in pages} == {"1"}
    clock.step(0.1)
    assert (await kept.get("/", make)).fingerprint == "2"
    kept.forget()
    assert (await kept.get("/", make)).fingerprint == "3"


async def test_a_page_that_could_not_be_made_is_not_kept(clock: SteppedClock):
    """Also where whoever asked first has gone."""
    kept = Kept(clock)

    async def fail() -> Rendered:
        raise LookupError

    async def make() -> Rendered:
        return Rendered("", "tag")

    with pytest.raises(LookupError):
        await kept.get("/", fail)
    assert (await kept.get("/", make)).fingerprint == "tag"


async def test_pages_are_not_kept_without_end(clock: SteppedClock):
    """Of a thousand the last 200."""
    kept, made = Kept(clock), []

    async def make() -> Rendered:
        made.append(1)
        return Rendered("", "tag")

    for number in range(1_000):
        await kept.get(number, make)
    await kept.get(800, make)
    assert len(made) == 1_000
    await kept.get(799, make)
    assert len(made) == 1_001


async def test_pages_that_are_looked_at_side_by_side_share_the_time_that_goes_into_them(clock: SteppedClock):
    """Ten of them, of which each takes 15 ms, are kept for six seconds; one alone, a while after that, for two."""
    kept, made = Kept(clock), []

    async def make() -> Rendered:
        clock.step(0.015)
        made.append(1)
        return Rendered("", "")

    for number in range(10):
        await kept.get(number, make)
    clock.step(5)
    for number in range(10):
        await kept.get(number, make)
    assert len(made) == 10
    clock.step(1)
    await kept.get(0, make)
    assert len(made) == 11
    clock.step(14.9)
    await kept.get(0, make)
    clock.step(2)
    await kept.get(0, make)
    assert len(made) == 13


async def test_what_took_long_to_make_is_kept_longer(clock: SteppedClock):
    """Forty times as long as it took, and a quarter of a minute at most: so it costs little, however many look."""
    for seconds, kept_seconds in ((0.01, 2), (0.2, 8), (60, 15)):
        kept, made = Kept(clock), []

        async def make(seconds: float = seconds, made: list[float] = made) -> Rendered:
            clock.step(seconds)
            made.append(seconds)
            return Rendered(str(len(made)), "")

        await kept.get("key", make)
        clock.step(max(0.0, kept_seconds - seconds) - 0.001)
        if kept_seconds > seconds:
            await kept.get("key", make)
            assert len(made) == 1
        clock.step(0.002)
        await kept.get("key", make)
        assert len(made) == 2
