"""A worker's right to drive one instance, and how long it lasts without a sign of life."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Lease:
    instance: str
    epoch: int  # every write about the instance checks it (FENCED)
    until: datetime  # moved on by each sign of life
    in_order: bool = False  # what its last holder left was looked at: until then nothing new is begun

    def holds(self, now: datetime) -> bool:
        """Whether a call may be begun, or gone on with: after this, another worker may drive the instance."""
        return now < self.until
