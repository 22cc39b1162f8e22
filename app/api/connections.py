"""How many connections a process has open: at the limit, the oldest that works for no known caller makes room."""

import math
from typing import Protocol

import structlog

from app.domain.timeouts import CROWDED_LOG_SECONDS

log = structlog.get_logger()

SPARE_CONNECTIONS = 64  # beyond the limit: for health checks, while all others are at work


class Connection(Protocol):
    """What has to be known of each."""

    is_crowded: bool

    @property
    def has_known_caller(self) -> bool:
        """Whether it works for somebody whose key is known."""

    def end(self) -> None:
        """Close it for others' sake, whatever is under way."""

    def end_if_overdue(self, now: float) -> None:
        """Close it if it has waited for too long."""


class Connections:
    """All connections of a process."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: set[Connection] = set()
        self._strangers: dict[Connection, None] = {}  # of these, the oldest first; some have a known caller by now
        self._crowded: dict[Connection, None] = {}  # beyond the limit, the oldest first
        self._warned_at = -math.inf

    def add(self, connection: "Connection", now: float) -> None:
        """Let a new one in. Beyond the limit it costs a stranger its place, or serves health checks only."""
        if len(self._open) >= self.most:
            self._warn(now)
        if len(self._open) < self.most or self._make_room():
            self._open.add(connection)
            self._strangers[connection] = None
            return
        connection.is_crowded = True
        self._crowded[connection] = None
        if len(self._crowded) > SPARE_CONNECTIONS:
            self._end(next(iter(self._crowded)))

    def renew(self, connection: "Connection") -> None:
        """It begins with another request, for whomever."""
        if connection in self._open:
            self._strangers.pop(connection, None)
            self._strangers[connection] = None

    def remove(self, connection: "Connection") -> None:
        self._open.discard(connection)
        self._strangers.pop(connection, None)
        self._crowded.pop(connection, None)

    def end_overdue(self, now: float) -> None:
        """Once a second."""
        for connection in [*self._open, *self._crowded]:
            connection.end_if_overdue(now)

    def _make_room(self) -> bool:
        """Close the oldest connection that works for no known caller. False: they all do."""
        while self._strangers:
            oldest = next(iter(self._strangers))
            if not oldest.has_known_caller:
                self._end(oldest)
                return True
            del self._strangers[oldest]
        return False

    def _end(self, connection: "Connection") -> None:
        self.remove(connection)
        connection.end()

    def _warn(self, now: float) -> None:
        if now - self._warned_at >= CROWDED_LOG_SECONDS:
            self._warned_at = now
            log.warning("the limit of connections is reached", limit=self.most, setting="SLUICE_CONNECTIONS")
