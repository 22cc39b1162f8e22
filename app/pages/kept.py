"""What was rendered a moment ago, for everybody who may see the same: so that hundreds of open pages cost one look."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from functools import partial

from app.clock import Clock
from app.pages.rendering import Rendered
from app.ttl_cache import TtlCache

MOST = 200  # pages that are kept
KEPT_SECONDS = 2.0
KEPT_TIMES, KEPT_MOST_SECONDS = 40.0, 15.0
"""The longer it took to make all that is looked at, the longer each is kept, so many times as long in all: the pages
together cost about a fortieth of a core, however many look at how many of them, and however much waits."""


@dataclass(slots=True)
class Kept:
    """Who asks while a page is being made waits for that one."""

    now: Clock
    _pages: TtlCache[Hashable, Rendered] = field(init=False)
    _took: "OrderedDict[Hashable, tuple[float, float]]" = field(default_factory=OrderedDict)
    """When each was last made, and the seconds that this took: the last one made is the last one here."""

    def __post_init__(self) -> None:
        self._pages = TtlCache(self.now, MOST)

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Rendered]]) -> Rendered:
        """The page of this key, made anew where the kept one is too old. Errors: those of `make`."""
        page = await self._pages.get(key, partial(self._timed, key, make), within_seconds=self._kept_seconds())
        assert page is not None  # `make` always makes one
        return page

    def _kept_seconds(self) -> float:
        """By what it takes to make all that was made lately, each once."""
        at = self.now.monotonic()
        lately = sum(seconds for made_at, seconds in self._took.values() if at - made_at <= KEPT_MOST_SECONDS)
        return min(KEPT_MOST_SECONDS, max(KEPT_SECONDS, KEPT_TIMES * lately))

    async def _timed(self, key: Hashable, make: Callable[[], Awaitable[Rendered]]) -> Rendered:
        began = self.now.monotonic()
        page = await make()
        self._took[key] = (began, self.now.monotonic() - began)
        self._took.move_to_end(key)
        if len(self._took) > MOST:
            self._took.popitem(last=False)
        return page

    def forget(self) -> None:
        """Make every page anew: something was done that its doer wants to see."""
        self._pages.forget()
