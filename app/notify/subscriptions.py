"""Which imports changed: whoever commits says so, and whoever watches one of them looks again.

Within a process this is all there is to it. Between processes PostgreSQL carries the news (notify/pg_notify.py).
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.notify.pending import Outbox
from app.notify.signal import Bell


@dataclass(slots=True, eq=False)
class Watcher(Bell):
    """One watcher of one import. `seen`: the last event that it knows of; None where only the end is waited for."""

    seen: int | None


@dataclass(slots=True)
class Changes:
    outbox: Outbox = field(default_factory=Outbox)
    ended: bool = False
    _watchers: dict[int, set[Watcher]] = field(default_factory=dict)
    _doubt: Bell = field(default_factory=Bell)

    def made(self, import_ids: Collection[int]) -> None:
        """A transaction about these imports has ended here."""
        self.hear(import_ids)
        self.outbox.change(import_ids)

    def hear(self, import_ids: Collection[int]) -> None:
        """These imports changed, here or in another process."""
        for import_id in self._watchers.keys() & import_ids:
            for watcher in self._watchers[import_id]:
                watcher.ring()

    def doubt(self) -> None:
        """Any import may have changed: news got lost, or were too many to be told."""
        self._doubt.ring()

    async def doubted(self, *, within_seconds: float) -> None:
        """Wait for a doubt, or until the time is up."""
        await self._doubt.heard(within_seconds=within_seconds)

    @contextmanager
    def watching(self, import_id: int, *, seen: int | None = None) -> Iterator[Watcher]:
        """Hear of each change from here on: look once behind this line, and then after each ring."""
        watcher = Watcher(seen)
        if self.ended:
            watcher.ring()
        self._watchers.setdefault(import_id, set()).add(watcher)
        try:
            yield watcher
        finally:
            self._watchers[import_id].discard(watcher)
            if not self._watchers[import_id]:
                del self._watchers[import_id]

    @property
    def watchers(self) -> Mapping[int, Collection[Watcher]]:
        """Who watches what, by import."""
        return self._watchers

    def end(self) -> None:
        """The process stops: nobody is to wait any more."""
        self.ended = True
        self.hear(self._watchers.keys())
