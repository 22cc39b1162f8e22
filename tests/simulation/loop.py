"""An event loop whose time passes only when nobody has anything to do: a day takes no longer than what happens in it.

Nothing is left to chance: threads' work is done on the spot, timers come in their order, and while a database is at
work elsewhere (`busy`) time stands still.
"""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

DATABASE_SECONDS = 30.0  # real ones, for one statement


class _Selector(selectors.DefaultSelector):
    loop: "SteppedLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if self.loop.busy:
            found = super().select(0 if timeout == 0 else DATABASE_SECONDS)
            assert found or timeout == 0, "the database does not answer"
            return found
        assert timeout is not None, "everybody waits, and nothing will ever happen"
        self.loop.elapsed += timeout
        return []


class SteppedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.elapsed = 0.0
        self.busy = False
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.elapsed

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done
