"""Notifications that other processes have not received yet; store/pg_notify.py sends them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_CHANGED = 500  # imports that are named one by one; this bounds what is kept where nothing is ever sent


@dataclass(frozen=True, slots=True)
class Notification:
    """What other processes are told at once."""

    has_work: bool = False  # there is something new for a worker to do
    changed: frozenset[int] | None = frozenset()  # the ids of imports; None where there are too many to name them


@dataclass(slots=True)
class PendingNotifications:
    """Collects notifications until they are sent, all of them as one."""

    _has_work: bool = False
    _changed: set[int] | None = field(default_factory=set)
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    def add_work(self) -> None:
        """There is something new for a worker to do."""
        self._has_work = True
        self._filled.set()

    def add_changed(self, import_ids: Iterable[int]) -> None:
        """These imports have changed."""
        if self._changed is not None:
            self._changed.update(import_ids)
            if len(self._changed) > MOST_CHANGED:
                self._changed = None
        self._filled.set()

    async def filled(self) -> None:
        """Wait until there is a notification to send."""
        await self._filled.wait()

    def take(self) -> Notification:
        """Return everything that is pending, and begin with nothing again."""
        notification = Notification(self._has_work, None if self._changed is None else frozenset(self._changed))
        self._has_work, self._changed = False, set()
        self._filled.clear()
        return notification
