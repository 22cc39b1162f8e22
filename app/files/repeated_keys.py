"""Counts the rows of a file whose record key an earlier row has, in a bounded amount of memory."""

from app.files.record_keys import NONE, Digests, distinct
from app.files.seen_keys import SeenKeys


class RepeatedKeys:
    """Exact up to a quarter of a million keys; beyond that it may count some rows too many, as SeenKeys does."""

    def __init__(self) -> None:
        self.rows = 0
        self._seen = SeenKeys()

    def take(self, digests: Digests) -> None:
        """Count the next rows. A row without a key repeats none."""
        keys = distinct(digests)
        new_keys = len(keys) - int(self._seen.has(keys).sum())
        self.rows += int((digests != NONE).sum()) - new_keys
        self._seen.add(keys)

    def shrink(self) -> None:
        """Use half the memory; more rows are counted that repeat no key."""
        self._seen.shrink()

    @property
    def memory_bytes(self) -> tuple[int, int]:
        """(bytes in use, bytes that would be in use after shrinking as far as possible)."""
        return self._seen.memory_bytes, self._seen.least_bytes
