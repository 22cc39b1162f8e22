"""Subscriptions to changes of imports: a commit publishes which imports it changed, and their subscribers look again.

Within a process this module is enough. Between processes PostgreSQL carries what is published (store/pg_notify.py).
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.notify.pending import PendingNotifications
from app.notify.signal import Signal


@dataclass(slots=True, eq=False)
class Subscriber(Signal):
    """One task that waits for changes of one import."""

    seen: int | None  # the id of the last event that it knows of; None where it waits for the end alone


@dataclass(slots=True)
class Subscriptions:
    pending: PendingNotifications = field(default_factory=PendingNotifications)
    ended: bool = False  # the process stops: nobody is to wait any more
    _subscribers: dict[int, set[Subscriber]] = field(default_factory=dict)  # by import
    _invalidated: Signal = field(default_factory=Signal)

    def publish(self, import_ids: Collection[int]) -> None:
        """A transaction about these imports has ended here."""
        self.receive(import_ids)
        self.pending.add_changed(import_ids)

    def receive(self, import_ids: Collection[int]) -> None:
        """Wake the subscribers of these imports, which have changed here or in another process."""
        for import_id in self._subscribers.keys() & import_ids:
            for subscriber in self._subscribers[import_id]:
                subscriber.send()

    def invalidate_all(self) -> None:
        """Any import may have changed: a notification was lost, or named no imports because there were too many."""
        self._invalidated.send()

    async def invalidated(self, *, within_seconds: float) -> None:
        """Wait until `invalidate_all` is called, or the time is up."""
        await self._invalidated.wait(within_seconds=within_seconds)

    @contextmanager
    def subscribe(self, import_id: int, *, seen: int | None = None) -> Iterator[Subscriber]:
        """A subscriber that each change wakes from now on. Read the import once after this, then at each signal."""
        subscriber = Subscriber(seen)
        if self.ended:
            subscriber.send()
        self._subscribers.setdefault(import_id, set()).add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers[import_id].discard(subscriber)
            if not self._subscribers[import_id]:
                del self._subscribers[import_id]

    @property
    def subscribers(self) -> Mapping[int, Collection[Subscriber]]:
        """All subscribers, by import."""
        return self._subscribers

    def end(self) -> None:
        """End every wait: the process stops."""
        self.ended = True
        self.receive(self._subscribers.keys())
