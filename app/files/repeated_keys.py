"""How many rows of a file have a key that an earlier row has, in a bounded amount of memory."""

from app.files.record_keys import NONE, Digests, distinct
from app.files.seen_keys import SeenKeys


class RepeatedKeys:
    """Exact up to a quarter of a million keys; beyond that it may count some rows too many, as `Seen` errs."""

    def __init__(self) -> None:
        self.rows = 0
        self._seen = SeenKeys()

    def take(self, digests: Digests) -> None:
        """The keys of the next rows. A row without a key repeats none."""
        keys = distinct(digests)
        new_keys = len(keys) - int(self._seen.has(keys).sum())
        self.rows += int((digests != NONE).sum()) - new_keys
        self._seen.add(keys)

    def shrink(self) -> None:
        """Hold half as much, and err more often."""
        self._seen.shrink()

    @property
    def memory_bytes(self) -> tuple[int, int]:
        """(what is held, what would be after it has shrunk as far as it may)."""
        return self._seen.memory_bytes, self._seen.least_bytes
