"""Something new to do: whoever brings it rings, and the worker looks at once instead of at its next tick.

Within a process this is all there is to it. Between processes PostgreSQL carries the rings (store/pg_notify.py).
"""

from dataclasses import dataclass, field

from app.notify.pending import PendingNotifications
from app.notify.signal import Signal


@dataclass(slots=True)
class Wakeup:
    pending: PendingNotifications = field(default_factory=PendingNotifications)
    _signal: Signal = field(default_factory=Signal)

    def send(self) -> None:
        """There is something new to do, here or in another process."""
        self._signal.send()
        self.pending.send()

    def receive(self) -> None:
        """Another process rang."""
        self._signal.send()

    async def wait(self, *, within_seconds: float) -> bool:
        """Wait for a ring; False when the time is up first."""
        return await self._signal.wait(within_seconds=within_seconds)
