"""Keeps what was looked up for a while, and lets all who ask meanwhile share one look."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from app.clock import Clock

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _Look(NamedTuple, Generic[Value]):
    began: float  # by the monotonic clock
    found: asyncio.Future[Value | None]


@dataclass(frozen=True, slots=True)
class TtlCache(Generic[Key, Value]):
    """Of the values that were asked for last, each for its time, from the moment at which the look at it began.

    Nothing is kept of a look that failed or that found None: the next one to ask looks again.
    """

    now: Clock
    most: int  # values that are kept
    _looks: "OrderedDict[Key, _Look[Value]]" = field(default_factory=OrderedDict, repr=False)

    async def get(
        self, key: Key, look_up: Callable[[], Awaitable[Value | None]], *, within_seconds: float
    ) -> Value | None:
        """The value of this key, looked up where none is kept that is younger. Errors: those of `look_up`."""
        at, look = self.now.monotonic(), self._looks.get(key)
        if look is None or at - look.began >= within_seconds or _is_in_vain(look.found):
            look = self._looks[key] = _Look(at, asyncio.ensure_future(look_up()))
            look.found.add_done_callback(_is_heard)
            self._looks.move_to_end(key)
            if len(self._looks) > self.most:
                self._looks.popitem(last=False)
        return await asyncio.shield(look.found)

    def forget(self, *keys: Key) -> None:
        """Look again at these; without any, at all."""
        if not keys:
            self._looks.clear()
        for key in keys:
            self._looks.pop(key, None)


def _is_in_vain(found: "asyncio.Future[Value | None]") -> bool:
    return found.done() and (found.cancelled() or found.exception() is not None or found.result() is None)


def _is_heard(found: "asyncio.Future[Value | None]") -> None:
    """Mark its error as retrieved: those who wait for it get it, and there may be none."""
    if not found.cancelled():
        found.exception()
