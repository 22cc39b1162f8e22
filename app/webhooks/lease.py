"""A worker's right to send an endpoint's deliveries. As with instances, every write checks its epoch (FENCED)."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class EndpointLease:
    webhook_id: int
    epoch: int
    until: float  # by this process's monotonic clock; moved on by each renewal
    has_more: bool = True  # whether something is due that the endpoint's task may not have read yet

    def lose(self) -> None:
        """Another worker has it, or the endpoint is gone: nothing more may be sent."""
        self.until = -math.inf

    def holds(self, monotonic: float) -> bool:
        """Whether a try may begin or go on: once it is False, another worker may send."""
        return self.until > monotonic
