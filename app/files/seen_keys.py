"""The set of record keys that are in earlier parts, in a bounded amount of memory: a Bloom filter.

Up to a quarter of a million keys are kept exactly. Beyond that a blocked Bloom filter, with one word for each key, says
which keys may be in the set. It never misses a key, but takes some new keys for known ones: with ten million keys one
in two hundred, with a hundred million four in five. The row of such a key becomes a deferred duplicate without need,
which costs it its place in the file's order and nothing else. To free memory the filter can be halved; then it takes
more new keys for known ones.
"""

import numpy as np

from app.files.record_keys import Digests
from app.files.records import Flags, Offsets

WORDS = 1 << 21  # of eight bytes: 16 MB
LEAST_WORDS = 1 << 15
EXACT_KEYS = 250_000  # of eight bytes: 2 MB
ONE, SIX_BITS = np.uint64(1), np.uint64(63)


class SeenKeys:
    """A set of key digests that is exact while it is small, and a Bloom filter from then on."""

    def __init__(self) -> None:
        self._exact: Digests | None = np.zeros(0, np.uint64)  # sorted, each once; None once they are in the filter
        self._words: Digests = np.zeros(0, np.uint64)

    @property
    def memory_bytes(self) -> int:
        return self._words.nbytes + (0 if self._exact is None else self._exact.nbytes)

    @property
    def least_bytes(self) -> int:
        """The bytes in use after shrinking as far as possible."""
        return self.memory_bytes if self._exact is not None else LEAST_WORDS * self._words.itemsize

    def add(self, digests: Digests) -> None:
        """Add the keys of a part, which are sorted."""
        if self._exact is not None:
            self._exact = np.union1d(self._exact, digests)
            if len(self._exact) <= EXACT_KEYS:
                return
            digests, self._exact = self._exact, None
            self._words = np.zeros(WORDS, np.uint64)
        np.bitwise_or.at(self._words, self._places(digests), _bits(digests))

    def has(self, digests: Digests) -> Flags:
        """Which of these keys are, or may be, in the set."""
        contained: Flags
        if self._exact is None:
            bits = _bits(digests)
            contained = (self._words[self._places(digests)] & bits) == bits
        elif len(self._exact):
            at = np.minimum(np.searchsorted(self._exact, digests), len(self._exact) - 1)
            contained = self._exact[at] == digests
        else:
            contained = np.zeros(len(digests), bool)
        return contained

    def shrink(self) -> None:
        """Halve the filter: two neighbouring words become one that has the bits of both."""
        if len(self._words) > LEAST_WORDS:
            self._words = self._words[0::2] | self._words[1::2]

    def _places(self, digests: Digests) -> Offsets:
        return (digests >> np.uint64(65 - len(self._words).bit_length())).astype(np.int64)


def _bits(digests: Digests) -> Digests:
    """The four bits of a word that stand for a key."""
    bits = np.zeros(len(digests), np.uint64)
    for shift in (0, 6, 12, 18):
        bits |= ONE << (digests >> np.uint64(shift) & SIX_BITS)
    return bits
