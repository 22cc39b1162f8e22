"""A worker's right to drive one instance, and how long it lasts without a sign of life."""

from dataclasses import dataclass

from app.store.parts import Stale


class LeaseLost(Stale):
    """Another worker drives the instance: nothing may be written about it (FENCED)."""


@dataclass(slots=True)
class Lease:
    instance: str
    epoch: int  # every write about the instance checks it (FENCED)
    until: float  # by this process's monotonic clock; moved on by each sign of life
    in_order: bool = False  # True once recovery is done: what the last driver left was looked at. Nothing begins before

    def holds(self, monotonic: float) -> bool:
        """Whether a call may be begun, or gone on with: after this, another worker may drive the instance."""
        return monotonic < self.until
