"""Who goes next, where only so many may go at once."""

import asyncio

import pytest

from app.uploads.fair_limit import FairLimit


async def turns(many: int = 10) -> None:
    for _ in range(many):
        await asyncio.sleep(0)


class Crowd:
    """Takes and gives back by name, and notes who got one, in order."""

    def __init__(self, limit: FairLimit) -> None:
        self.limit = limit
        self.served: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, *clients: str) -> None:
        self.tasks += [asyncio.create_task(self._take(client)) for client in clients]

    async def _take(self, client: str) -> None:
        await self.limit.take(client)
        self.served.append(client)

    async def all_served(self) -> list[str]:
        """Each gives back at once."""
        while len(self.served) < len(self.tasks):
            before = len(self.served)
            self.limit.give_back(self.served[before - 1])
            await turns()
            assert len(self.served) == before + 1
        return self.served


async def test_clients_take_turns_however_many_one_of_them_has_waiting():
    crowd = Crowd(FairLimit(most=1))
    crowd.ask("a", "a", "a", "a", "b", "b", "c")
    await turns()
    assert crowd.served == ["a"]
    assert await crowd.all_served() == ["a", "a", "b", "c", "a", "b", "a"]


async def test_one_client_has_no_more_than_its_own_share():
    """What it leaves is for others, who need not wait for it."""
    crowd = Crowd(FairLimit(most=3, client_most=2))
    crowd.ask("a", "a", "a", "b", "b")
    await turns()
    assert sorted(crowd.served) == ["a", "a", "b"]
    crowd.limit.give_back("b")
    await turns()
    assert crowd.served[-1] == "b"
    crowd.limit.give_back("a")
    await turns()
    assert crowd.served[-1] == "a"


async def test_of_one_client_they_go_in_their_order():
    limit = FairLimit(most=1)
    order: list[int] = []

    async def one(number: int) -> None:
        async with limit.held("a"):
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*map(one, range(5)))
    assert order == list(range(5))
    assert limit.taken == 0


@pytest.mark.parametrize("granted", [False, True], ids=["while it waits", "in the moment of its turn"])
async def test_who_stops_waiting_takes_nothing_along(granted: bool):
    limit = FairLimit(most=1)
    await limit.take("a")
    leaving, staying = (asyncio.create_task(limit.take("b")) for _ in range(2))
    await turns()
    if granted:
        limit.give_back("a")
    leaving.cancel()
    await turns()
    if not granted:
        limit.give_back("a")
        await turns()
    assert staying.done()
    assert limit.taken_by("b") == 1
    assert limit.waiting_of("b") == 0


async def test_nothing_is_remembered_of_clients_that_have_gone():
    """Or a stranger could fill the memory with names."""
    limit = FairLimit(most=2, client_most=1)
    for number in range(100):
        async with limit.held(str(number)):
            assert not limit.may_take(str(number))
    assert not limit._taken
    assert not limit._waiting


async def test_who_is_cancelled_in_the_moment_of_its_turn_is_passed_over():
    """It is still in the line then; whoever follows it goes."""
    limit = FairLimit(1)
    await limit.take("a")
    leaving, staying = (asyncio.ensure_future(limit.take(client)) for client in "bc")
    await asyncio.sleep(0)
    leaving.cancel()
    limit.give_back("a")
    await asyncio.wait_for(staying, 10)
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (limit.taken, limit.taken_by("c")) == (1, 1)
