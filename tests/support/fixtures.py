"""The stage, as a fixture: import it in a conftest."""

from collections.abc import AsyncIterator

import pytest

from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """The whole service against the simulator, with a stepped clock and the API at hand."""
    async with staged(database_url, clock) as found:
        yield found
