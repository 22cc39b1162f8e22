"""How many rows repeat a key."""

import numpy as np

from app.files.record_keys import NONE
from app.files.repeated_keys import RepeatedKeys
from app.files.seen_keys import EXACT_KEYS


def test_rows_are_counted_within_a_stretch_and_across():
    """But not those without a key."""
    repeated = RepeatedKeys()
    repeated.take(np.array([5, 5, NONE, 7, NONE], np.uint64))
    repeated.take(np.array([7, 8, NONE, 8], np.uint64))
    assert repeated.rows == 3


def test_of_very_many_keys_none_is_missed():
    """And few are counted that are new. What is held stays bounded, and shrinks where memory is wanted."""
    rng, repeated = np.random.default_rng(7), RepeatedKeys()
    keys = rng.integers(1, 2**64, 4 * EXACT_KEYS, np.uint64)
    for stretch in np.array_split(keys, 10):
        repeated.take(stretch)
    assert repeated.rows < len(keys) // 1000
    before = repeated.rows
    repeated.take(keys[:1000])
    assert repeated.rows == before + 1000
    held, least = repeated.memory_bytes
    repeated.shrink()
    assert held == 1 << 24
    assert (repeated.memory_bytes[0], least) == (held // 2, 1 << 18)
