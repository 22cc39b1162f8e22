"""What is asked for together is served together, and each gets its own answer."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from app.batcher import Batch, Batcher


class Kitchen:
    """Serves orders when it is told to, and notes what came together."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.served: asyncio.Queue[Exception | None] = asyncio.Queue()
        self.wanted: list[bool] = []

    async def serve(self, batch: Batch[str, str]) -> Sequence[str]:
        self.batches.append(list(batch.requests))
        mistake = await self.served.get()
        self.wanted.append(batch.is_wanted)
        if mistake:
            raise mistake
        return [request.upper() for request in batch.requests]


async def ordered(batcher: Batcher[str, str], *dishes: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(batcher.ask(dish)) for dish in dishes]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_nobody_waits_for_company_and_what_comes_meanwhile_is_served_together():
    kitchen = Kitchen()
    batcher = Batcher(kitchen.serve)
    first = await ordered(batcher, "soup")
    assert kitchen.batches == [["soup"]]
    others = await ordered(batcher, "bread", "salad")
    assert kitchen.batches == [["soup"]]
    kitchen.served.put_nowait(None)
    kitchen.served.put_nowait(None)
    assert await asyncio.gather(*first, *others) == ["SOUP", "BREAD", "SALAD"]
    assert kitchen.batches == [["soup"], ["bread", "salad"]]


async def test_an_error_is_that_of_its_own_batch_alone():
    kitchen = Kitchen()
    batcher = Batcher(kitchen.serve)
    burnt = await ordered(batcher, "soup")
    fine = await ordered(batcher, "bread")
    kitchen.served.put_nowait(OSError("the stove is off"))
    kitchen.served.put_nowait(None)
    with pytest.raises(OSError, match="stove"):
        await burnt[0]
    assert await fine[0] == "BREAD"


async def test_an_error_among_the_answers_is_that_of_its_own_request_alone():
    async def serve(batch: Batch[int, int]) -> Sequence[int | Exception]:
        return [ValueError("odd") if number % 2 else number for number in batch.requests]

    batcher = Batcher(serve)
    one, two = await asyncio.gather(batcher.ask(1), batcher.ask(2), return_exceptions=True)
    assert isinstance(one, ValueError)
    assert two == 2


async def test_a_batch_has_so_many_requests_at_most():
    sizes: list[int] = []

    async def serve(batch: Batch[int, int]) -> Sequence[int]:
        sizes.append(len(batch.requests))
        return batch.requests

    batcher = Batcher(serve, most=3)
    assert await asyncio.gather(*(batcher.ask(number) for number in range(7))) == list(range(7))
    assert max(sizes) == 3


async def test_what_is_served_together_is_in_nobody_s_context():
    """Log lines of one request's batch do not bear the id of another."""
    of_request: ContextVar[str] = ContextVar("of_request", default="nobody's")
    seen: list[str] = []

    async def serve(batch: Batch[int, int]) -> Sequence[int]:
        seen.append(of_request.get())
        return batch.requests

    of_request.set("the first's")
    await Batcher(serve).ask(1)
    assert seen == ["nobody's"]


async def test_whoever_is_cancelled_before_his_turn_is_not_served_and_the_others_are():
    kitchen = Kitchen()
    batcher = Batcher(kitchen.serve)
    await ordered(batcher, "soup")
    gone, stays = await ordered(batcher, "bread", "salad")
    gone.cancel()
    kitchen.served.put_nowait(None)
    kitchen.served.put_nowait(None)
    assert await stays == "SALAD"
    assert kitchen.batches == [["soup"], ["salad"]]


async def test_a_batch_says_when_nobody_waits_for_it_any_more():
    kitchen = Kitchen()
    batcher = Batcher(kitchen.serve)
    (gone,) = await ordered(batcher, "soup")
    gone.cancel()
    (next_,) = await ordered(batcher, "bread")
    kitchen.served.put_nowait(None)
    kitchen.served.put_nowait(None)
    assert await next_ == "BREAD"
    assert kitchen.wanted == [False, True]
