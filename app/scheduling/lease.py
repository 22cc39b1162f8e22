"""A worker's right to drive one instance, and how long it lasts without a sign of life."""

from dataclasses import dataclass

from app.store.parts import Stale


class LeaseLost(Stale):
    """Another worker drives the instance: nothing may be written about it (FENCED)."""


@dataclass(slots=True)
class Lease:
    """The lease of one instance, as the worker that holds it keeps it in memory."""

    instance: str
    epoch: int  # every write about the instance checks it (FENCED)
    until: float  # by this process's monotonic clock; moved on by each sign of life
    in_order: bool = False  # True once recovery from the last worker is done; no step runs before

    def holds(self, monotonic: float) -> bool:
        """Whether calls may be made: once it is False, another worker may drive the instance."""
        return monotonic < self.until
