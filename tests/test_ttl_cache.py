"""What was looked up is kept for its time, and all who ask meanwhile share one look."""

import asyncio
from collections.abc import Sequence

import pytest

from app.ttl_cache import TtlCache
from tests.support.clock import SteppedClock

SECONDS = 10.0


class Library:
    """Answers one look after another, each when it is told to."""

    def __init__(self, clock: SteppedClock) -> None:
        self.cache: TtlCache[str, str] = TtlCache(clock, most=2)
        self.looks: list[str] = []
        self.answers: asyncio.Queue[str | Exception | None] = asyncio.Queue()

    async def ask(self, key: str) -> str | None:
        async def look_up() -> str | None:
            self.looks.append(key)
            answer = await self.answers.get()
            if isinstance(answer, Exception):
                raise answer
            return answer

        return await self.cache.get(key, look_up, within_seconds=SECONDS)

    async def told(self, *answers: str | Exception | None) -> None:
        for answer in answers:
            await self.answers.put(answer)


@pytest.fixture
def library(clock: SteppedClock) -> Library:
    return Library(clock)


async def together(library: Library, keys: Sequence[str]) -> list[str | None]:
    return await asyncio.gather(*(library.ask(key) for key in keys))


async def test_all_who_ask_share_one_look_and_its_answer_is_kept_for_its_time(library: Library, clock: SteppedClock):
    await library.told("a", "b")
    assert await together(library, ["x", "x", "x"]) == ["a", "a", "a"]
    clock.step(SECONDS - 1)
    assert await library.ask("x") == "a"
    assert library.looks == ["x"]
    clock.step(1)
    assert await library.ask("x") == "b"


async def test_nothing_is_kept_of_a_look_that_found_nothing_or_failed(library: Library):
    await library.told(None, OSError("away"), "a")
    assert await library.ask("x") is None
    with pytest.raises(OSError, match="away"):
        await library.ask("x")
    assert await library.ask("x") == "a"
    assert len(library.looks) == 3


async def test_who_is_called_off_takes_the_look_from_nobody(library: Library):
    first = asyncio.create_task(library.ask("x"))
    second = asyncio.create_task(library.ask("x"))
    await asyncio.sleep(0)
    first.cancel()
    await library.told("a")
    assert await second == "a"


async def test_what_was_asked_for_longest_ago_makes_room(library: Library):
    await library.told("a", "b", "c", "d")
    await together(library, ["x", "y", "z"])
    assert await together(library, ["y", "z"]) == ["b", "c"]
    assert await library.ask("x") == "d"


async def test_what_is_forgotten_is_looked_up_again(library: Library):
    await library.told("a", "b", "c", "d")
    assert await together(library, ["x", "y"]) == ["a", "b"]
    library.cache.forget("x")
    assert await together(library, ["x", "y"]) == ["c", "b"]
    library.cache.forget()
    assert await library.ask("y") == "d"
