"""The metronome, on a loop whose time passes only when nobody has anything to do."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.worker.metronome import Metronome
from tests.simulation.loop import SteppedLoop

Play = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def play() -> Any:
    """Runs a test on the stepped loop."""
    loop = SteppedLoop()
    yield loop.run_until_complete
    loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_deed_is_done_at_once_and_then_in_its_rhythm(play: Play):
    """Counted from when it was last begun, however long it took."""
    done: list[float] = []

    async def deed() -> None:
        done.append(now())
        await asyncio.sleep(0.4)

    async def scene() -> None:
        metronome = Metronome()
        metronome.every(1, "deed", deed)
        await asyncio.sleep(3.5)
        metronome.end()
        assert await metronome.ended(within_seconds=1)

    play(scene())
    assert done == [0, 1, 2, 3]


def test_beats_are_left_out_while_a_deed_is_still_at_work(play: Play):
    """Never twice at once, and nothing is made up for."""
    done: list[float] = []

    async def deed() -> None:
        done.append(now())
        await asyncio.sleep(2.5)

    async def scene() -> None:
        metronome = Metronome()
        metronome.every(1, "deed", deed)
        await asyncio.sleep(6.5)
        metronome.end()
        assert await metronome.ended(within_seconds=9)

    play(scene())
    assert done == [0, 3, 6]


def test_a_call_brings_the_next_beat_at_once_and_one_while_it_is_at_work_another(play: Play):
    """Of two calls that nobody has heard yet, one is enough."""
    done: list[float] = []

    async def deed() -> None:
        done.append(now())
        await asyncio.sleep(1)

    async def scene() -> None:
        metronome = Metronome()
        metronome.every(3600, "deed", deed)
        await asyncio.sleep(10)
        metronome.call("deed")
        await asyncio.sleep(0.5)
        metronome.call("deed")
        metronome.call("deed")
        await asyncio.sleep(100)
        metronome.end()
        assert await metronome.ended(within_seconds=1)

    play(scene())
    assert done == [0, 10, 11]


def test_CALM_DEPLOY_the_end_begins_nothing_and_cuts_nothing_short(play: Play):
    """Whoever waits is told when the time is up."""
    ended: list[float] = []

    async def long_deed() -> None:
        await asyncio.sleep(10)
        ended.append(now())

    async def scene() -> None:
        metronome = Metronome()
        metronome.every(1, "long", long_deed)
        await asyncio.sleep(2)
        metronome.end()
        assert not await metronome.ended(within_seconds=3)
        assert await metronome.ended(within_seconds=30)

    play(scene())
    assert ended == [10]


def test_after_a_sleep_of_the_machine_one_beat_comes_and_then_the_next_in_its_rhythm(play: Play):
    """Not as many as were missed."""
    done: list[float] = []

    async def deed() -> None:
        done.append(now())

    async def scene() -> None:
        metronome = Metronome()
        metronome.every(1, "deed", deed)
        await asyncio.sleep(0.5)
        asyncio.get_running_loop().elapsed += 86_400  # type: ignore[attr-defined]
        await asyncio.sleep(1.5)
        metronome.end()

    play(scene())
    assert done == [0, 86_400.5, 86_401.5]
