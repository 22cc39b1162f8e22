"""The open connections of a process. At the limit, a new one takes the place of the oldest without a known caller."""

import math
from typing import Protocol

import structlog

from app.domain.timeouts import CROWDED_LOG_SECONDS

log = structlog.get_logger()

SPARE_CONNECTIONS = 64  # beyond the limit: for health checks, while all others are at work


class Connection(Protocol):
    """What `Connections` asks of a connection."""

    is_crowded: bool

    @property
    def has_known_caller(self) -> bool:
        """Whether it works on a request of a caller whose key was checked."""

    def end(self) -> None:
        """Close the connection to make room for others, whatever is under way."""

    def end_if_overdue(self, now: float) -> None:
        """Close it if it has waited for too long."""


class Connections:
    """All connections of a process."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._open: set[Connection] = set()
        self._replaceable: dict[Connection, None] = {}  # open ones, the oldest first; some have a known caller by now
        self._crowded: dict[Connection, None] = {}  # those beyond the limit, the oldest first
        self._warned_at = -math.inf

    def add(self, connection: "Connection", now: float) -> None:
        """Accept a new connection. At the limit another one is closed for it, or it may only serve health checks."""
        if len(self._open) >= self.limit:
            self._warn(now)
        if len(self._open) < self.limit or self._make_room():
            self._open.add(connection)
            self._replaceable[connection] = None
            return
        connection.is_crowded = True
        self._crowded[connection] = None
        if len(self._crowded) > SPARE_CONNECTIONS:
            self._end(next(iter(self._crowded)))

    def renew(self, connection: "Connection") -> None:
        """Note that another request begins on it: it is now the youngest, and its caller is not known yet."""
        if connection in self._open:
            self._replaceable.pop(connection, None)
            self._replaceable[connection] = None

    def remove(self, connection: "Connection") -> None:
        self._open.discard(connection)
        self._replaceable.pop(connection, None)
        self._crowded.pop(connection, None)

    def end_overdue(self, now: float) -> None:
        """End every connection that has waited for too long. Called once a second."""
        for connection in [*self._open, *self._crowded]:
            connection.end_if_overdue(now)

    def _make_room(self) -> bool:
        """Close the oldest connection that works for no known caller. False where every one does."""
        while self._replaceable:
            oldest = next(iter(self._replaceable))
            if not oldest.has_known_caller:
                self._end(oldest)
                return True
            del self._replaceable[oldest]
        return False

    def _end(self, connection: "Connection") -> None:
        self.remove(connection)
        connection.end()

    def _warn(self, now: float) -> None:
        if now - self._warned_at >= CROWDED_LOG_SECONDS:
            self._warned_at = now
            log.warning("the limit of connections is reached", limit=self.limit, setting="SLUICE_CONNECTIONS")
