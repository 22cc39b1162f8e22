"""A stage that asks for keys, for every test here."""

from collections.abc import AsyncIterator

import pytest

from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One that asks for keys."""
    async with staged(database_url, clock, auth="on") as keyed_stage:
        yield keyed_stage
