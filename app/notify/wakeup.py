"""The wakeup of the worker: when there is something new to do, it looks at once instead of at its next tick.

Within a process this module is enough. Between processes PostgreSQL carries the wakeup (store/pg_notify.py).
"""

from dataclasses import dataclass, field

from app.notify.pending import PendingNotifications
from app.notify.signal import Signal


@dataclass(slots=True)
class Wakeup:
    pending: PendingNotifications = field(default_factory=PendingNotifications)
    _signal: Signal = field(default_factory=Signal)

    def send(self) -> None:
        """Wake this process's worker, and have the others' workers woken."""
        self._signal.send()
        self.pending.add_work()

    def receive(self) -> None:
        """Wake this process's worker alone: another process has said that there is something to do."""
        self._signal.send()

    async def wait(self, *, within_seconds: float) -> bool:
        """Wait until there is something to do. False when the time is up first."""
        return await self._signal.wait(within_seconds=within_seconds)
