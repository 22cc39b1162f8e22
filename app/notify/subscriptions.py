"""Which imports changed: whoever commits says so, and whoever watches one of them looks again.

Within a process this is all there is to it. Between processes PostgreSQL carries the news (store/pg_notify.py).
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.notify.pending import PendingNotifications
from app.notify.signal import Signal


@dataclass(slots=True, eq=False)
class Subscriber(Signal):
    """One watcher of one import. `seen`: the last event that it knows of; None where only the end is waited for."""

    seen: int | None


@dataclass(slots=True)
class Subscriptions:
    pending: PendingNotifications = field(default_factory=PendingNotifications)
    ended: bool = False
    _watchers: dict[int, set[Subscriber]] = field(default_factory=dict)
    _doubt: Signal = field(default_factory=Signal)

    def publish(self, import_ids: Collection[int]) -> None:
        """A transaction about these imports has ended here."""
        self.receive(import_ids)
        self.pending.change(import_ids)

    def receive(self, import_ids: Collection[int]) -> None:
        """These imports changed, here or in another process."""
        for import_id in self._watchers.keys() & import_ids:
            for subscriber in self._watchers[import_id]:
                subscriber.send()

    def invalidate_all(self) -> None:
        """Any import may have changed: news got lost, or were too many to be told."""
        self._doubt.send()

    async def invalidated(self, *, within_seconds: float) -> None:
        """Wait for a doubt, or until the time is up."""
        await self._doubt.wait(within_seconds=within_seconds)

    @contextmanager
    def subscribe(self, import_id: int, *, seen: int | None = None) -> Iterator[Subscriber]:
        """Hear of each change from here on: look once behind this line, and then after each ring."""
        subscriber = Subscriber(seen)
        if self.ended:
            subscriber.send()
        self._watchers.setdefault(import_id, set()).add(subscriber)
        try:
            yield subscriber
        finally:
            self._watchers[import_id].discard(subscriber)
            if not self._watchers[import_id]:
                del self._watchers[import_id]

    @property
    def subscribers(self) -> Mapping[int, Collection[Subscriber]]:
        """Who watches what, by import."""
        return self._watchers

    def end(self) -> None:
        """The process stops: nobody is to wait any more."""
        self.ended = True
        self.receive(self._watchers.keys())
