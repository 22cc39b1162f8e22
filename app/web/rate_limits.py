"""How often one client may send requests: a token bucket for each client, in each process."""

from dataclasses import dataclass, field

from app.clock import Clock


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float  # by the monotonic clock


@dataclass(frozen=True, slots=True)
class RateLimits:
    per_minute: int
    now: Clock
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def take(self, client: str) -> float:
        """Count one request. Returns by how many seconds it comes too early; 0 where it may go on."""
        at, per_second = self.now.monotonic(), self.per_minute / 60
        bucket = self._buckets.setdefault(client, _Bucket(self.per_minute, at))
        bucket.left = min(self.per_minute, bucket.left + (at - bucket.at) * per_second)
        bucket.at = at
        if bucket.left < 1:
            return (1 - bucket.left) / per_second
        bucket.left -= 1
        return 0
