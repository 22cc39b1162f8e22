"""Something new to do: whoever brings it rings, and the worker looks at once instead of at its next tick.

Within a process this is all there is to it. Between processes PostgreSQL carries the rings (notify/pg_notify.py).
"""

from dataclasses import dataclass, field

from app.notify.pending import Outbox
from app.notify.signal import Bell


@dataclass(slots=True)
class Wake:
    outbox: Outbox = field(default_factory=Outbox)
    _bell: Bell = field(default_factory=Bell)

    def ring(self) -> None:
        """There is something new to do, here or in another process."""
        self._bell.ring()
        self.outbox.ring()

    def hear(self) -> None:
        """Another process rang."""
        self._bell.ring()

    async def heard(self, *, within_seconds: float) -> bool:
        """Wait for a ring; False when the time is up first."""
        return await self._bell.heard(within_seconds=within_seconds)
