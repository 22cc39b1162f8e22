"""Which keys have gone into earlier parts, in a bounded amount of memory.

Up to a quarter of a million keys are kept as they are. Beyond, a filter (a blocked Bloom filter, one word a key) finds
those that may have. It never forgets a key, but now and then takes a new one for known: of ten million one in two
hundred, of a hundred million four in five. Such a row is set aside without need, which costs it its place in the file's
order and nothing else. Where memory is wanted elsewhere, the filter halves, and errs more often.
"""

import numpy as np

from app.files.record_keys import Digests
from app.files.records import Flags, Offsets

WORDS = 1 << 21  # of eight bytes: 16 MB
LEAST_WORDS = 1 << 15
EXACT_KEYS = 250_000  # of eight bytes: 2 MB
ONE, SIX_BITS = np.uint64(1), np.uint64(63)


class SeenKeys:
    def __init__(self) -> None:
        self._exact: Digests | None = np.zeros(0, np.uint64)  # sorted, each once; None: they are in the filter
        self._words: Digests = np.zeros(0, np.uint64)

    @property
    def memory_bytes(self) -> int:
        return self._words.nbytes + (0 if self._exact is None else self._exact.nbytes)

    @property
    def least_bytes(self) -> int:
        """After it has shrunk as far as it may."""
        return self.memory_bytes if self._exact is not None else LEAST_WORDS * self._words.itemsize

    def add(self, digests: Digests) -> None:
        """Remember the keys of a part; they come sorted."""
        if self._exact is not None:
            self._exact = np.union1d(self._exact, digests)
            if len(self._exact) <= EXACT_KEYS:
                return
            digests, self._exact = self._exact, None
            self._words = np.zeros(WORDS, np.uint64)
        np.bitwise_or.at(self._words, self._places(digests), _bits(digests))

    def has(self, digests: Digests) -> Flags:
        """Which of these keys are, or may be, among those of an earlier part."""
        found: Flags
        if self._exact is None:
            bits = _bits(digests)
            found = (self._words[self._places(digests)] & bits) == bits
        elif len(self._exact):
            at = np.minimum(np.searchsorted(self._exact, digests), len(self._exact) - 1)
            found = self._exact[at] == digests
        else:
            found = np.zeros(len(digests), bool)
        return found

    def shrink(self) -> None:
        """Hold half as much in the filter: two neighbours become one word, which knows what both knew."""
        if len(self._words) > LEAST_WORDS:
            self._words = self._words[0::2] | self._words[1::2]

    def _places(self, digests: Digests) -> Offsets:
        return (digests >> np.uint64(65 - len(self._words).bit_length())).astype(np.int64)


def _bits(digests: Digests) -> Digests:
    """Four of the word's 64 bits."""
    bits = np.zeros(len(digests), np.uint64)
    for shift in (0, 6, 12, 18):
        bits |= ONE << (digests >> np.uint64(shift) & SIX_BITS)
    return bits
