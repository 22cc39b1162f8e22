"""The service with a duty that sends webhooks, and receivers on loopback."""

from collections.abc import AsyncIterator

import pytest

from tests.support.clock import SteppedClock
from tests.support.stage import staged
from tests.webhooks.hooked import KNOBS, Hooked


@pytest.fixture
async def hooked(database_url: str, clock: SteppedClock) -> AsyncIterator[Hooked]:
    async with staged(database_url, clock, **KNOBS) as stage:
        found = Hooked(stage)
        yield found
        await found.end()
