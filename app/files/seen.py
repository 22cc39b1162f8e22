"""Which keys have gone into earlier parts, in a bounded amount of memory.

A filter (a blocked Bloom filter, one word a key) finds those that may have. Up to a quarter of a million keys, a second
look at the keys themselves finds those that have. Beyond, the filter alone decides. It never forgets a key, but now and
then takes a new one for known: of ten million one in two hundred, of a hundred million four in five. Such a row is set
aside without need, which costs it its place in the file's order and nothing else.
"""

import numpy as np

from app.files.keys import Digests
from app.files.records import Flags, Offsets

WORDS = 1 << 21  # of eight bytes: 16 MB
EXACT_KEYS = 250_000  # of eight bytes: 2 MB
ONE, SIX_BITS = np.uint64(1), np.uint64(63)


class Seen:
    def __init__(self) -> None:
        self._words: Digests | None = None  # made with the second part: most files have only one
        self._exact: list[Digests] | None = []

    def add(self, digests: Digests) -> None:
        """Remember the keys of a part; they come sorted."""
        if self._words is None:
            self._words = np.zeros(WORDS, np.uint64)
        np.bitwise_or.at(self._words, _places(digests), _bits(digests))
        if self._exact is not None:
            self._exact.append(digests)
            if sum(map(len, self._exact)) > EXACT_KEYS:
                self._exact = None

    def has(self, digests: Digests) -> Flags:
        """Which of these keys are, or may be, among those of an earlier part."""
        if self._words is None:
            return np.zeros(len(digests), bool)
        bits = _bits(digests)
        found: Flags = (self._words[_places(digests)] & bits) == bits
        if self._exact is not None:
            doubtful = np.flatnonzero(found)
            found[doubtful] = _among(digests[doubtful], self._exact)
        return found


def _among(digests: Digests, parts: list[Digests]) -> Flags:
    found = np.zeros(len(digests), bool)
    for known in parts:
        if len(known):
            found |= known[np.minimum(np.searchsorted(known, digests), len(known) - 1)] == digests
    return found


def _places(digests: Digests) -> Offsets:
    return (digests >> np.uint64(65 - WORDS.bit_length())).astype(np.int64)


def _bits(digests: Digests) -> Digests:
    """Four of the word's 64 bits."""
    bits = np.zeros(len(digests), np.uint64)
    for shift in (0, 6, 12, 18):
        bits |= ONE << (digests >> np.uint64(shift) & SIX_BITS)
    return bits
