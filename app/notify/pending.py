"""What this process has to tell the others, until somebody carries it to them (store/pg_notify.py)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_CHANGED = 500  # imports named one by one; where nobody carries, this bounds what is kept


@dataclass(frozen=True, slots=True)
class Notification:
    """`changed`: the ids of imports; None where they are too many to be named."""

    rung: bool = False
    changed: frozenset[int] | None = frozenset()


@dataclass(slots=True)
class PendingNotifications:
    _rung: bool = False
    _changed: set[int] | None = field(default_factory=set)
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self) -> None:
        self._rung = True
        self._filled.set()

    def change(self, import_ids: Iterable[int]) -> None:
        if self._changed is not None:
            self._changed.update(import_ids)
            if len(self._changed) > MOST_CHANGED:
                self._changed = None
        self._filled.set()

    async def filled(self) -> None:
        """Wait until there is something to tell."""
        await self._filled.wait()

    def take(self) -> Notification:
        """All there is, which is then gone from here."""
        news = Notification(self._rung, None if self._changed is None else frozenset(self._changed))
        self._rung, self._changed = False, set()
        self._filled.clear()
        return news
