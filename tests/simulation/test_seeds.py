"""A thousand short lives, some of them on PostgreSQL: whatever went wrong, everything came right in the end.

`make test` lives the first few, on both databases.
"""

from itertools import product

import pytest

from tests.simulation.harness import OnTheSpot, sqlite_ground
from tests.simulation.loop import SteppedLoop
from tests.simulation.seeds import living
from tests.support.tiers import endured

FEW, SEEDS, BLOCK = 2, 1000, 42
FEW_ON_POSTGRESQL, ON_POSTGRESQL = 1, 40


@pytest.mark.parametrize(
    ("first", "end"),
    [
        (0, FEW),
        *(
            pytest.param(first, min(first + BLOCK, SEEDS), marks=pytest.mark.endure(minutes=1))
            for first in range(FEW, SEEDS, BLOCK)
        ),
    ],
)
def test_every_life_comes_right(first: int, end: int):
    """Nothing is lost or stuck, limits hold, nothing goes twice but where nobody can know, no record is there twice."""
    _live("sqlite", range(first, end))


@pytest.mark.parametrize(
    ("first", "end"),
    [(0, FEW_ON_POSTGRESQL), pytest.param(FEW_ON_POSTGRESQL, ON_POSTGRESQL, marks=pytest.mark.endure(minutes=1))],
)
def test_every_life_comes_right_on_postgresql(first: int, end: int):
    """The same lives, before the other database."""
    _live("postgresql", range(first, end))


@pytest.mark.parametrize(
    ("database", "seeds"),
    [*map(endured, product(["sqlite", "postgresql"], [range(40, 42), range(42, 46)]))],
    ids=str,
)
def test_a_seed_tells_the_same_story_twice(database: str, seeds: range):
    """Or a life that went wrong could not be lived again."""
    with living(database) as live:
        stories = [live(seed).story for seed in seeds]
    with living(database) as live:
        for seed, story in zip(reversed(seeds), reversed(stories), strict=True):
            assert live(seed).story == story
    assert any(" dies: " in line for story in stories for line in story), "these lives are too quiet to show anything"


def test_lives_bundle_every_second_time():
    """Or they would show nothing of jobs that have several parts."""
    with living("sqlite") as live:
        largest = [max(live(seed).parts_of_jobs) for seed in (2, 3)]
    assert largest[0] > 1
    assert largest[1] == 1


def test_sqlite_is_asked_without_a_thread_that_might_be_late():
    """Or chance would have a hand in each life."""

    async def asked() -> None:
        async with sqlite_ground(loop) as ground:
            for opened in (ground.write, ground.read):
                async with opened() as tx:
                    context = (await tx.get_raw_connection()).driver_connection
                assert isinstance(context, OnTheSpot)
                assert not context._thread.is_alive()

    loop = SteppedLoop()
    try:
        loop.run_until_complete(asked())
    finally:
        loop.close()


def _live(database: str, seeds: range) -> None:
    with living(database) as live:
        failed = [outcome.report(database) for seed in seeds if (outcome := live(seed)).error is not None]
    assert not failed, "\n\n".join(failed)
