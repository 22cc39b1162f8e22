"""The filter of keys: it forgets none, and up to a million it invents none."""

import numpy as np
import pytest

from app.files import seen_keys
from app.files.record_keys import distinct
from app.files.seen_keys import SeenKeys


def keys(count: int, start: int) -> np.ndarray:
    """Digests spread over all 64 bits."""
    return distinct((np.arange(start, start + count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))


def test_without_a_part_nothing_was_seen():
    """And no memory is taken: most files have one part only."""
    assert not SeenKeys().has(keys(100, 0)).any()
    assert SeenKeys().memory_bytes == 0


@pytest.mark.parametrize("exact_keys", [10**9, 50_000, 0])
def test_no_key_is_ever_forgotten(monkeypatch: pytest.MonkeyPatch, exact_keys: int):
    """As they are, in the filter, and where they go from the one into the other."""
    monkeypatch.setattr(seen_keys, "EXACT_KEYS", exact_keys)
    known = SeenKeys()
    for part in range(5):
        known.add(keys(20_000, part * 20_000))
        known.shrink()
    assert known.has(keys(100_000, 0)).all()


def test_up_to_a_quarter_of_a_million_keys_no_new_one_is_taken_for_known():
    """A file without repeated keys is cut as it stands."""
    known = SeenKeys()
    for part in range(5):
        known.add(keys(50_000, part * 50_000))
    assert not known.has(keys(1_000_000, 1_000_000)).any()


def test_beyond_that_few_are(monkeypatch: pytest.MonkeyPatch):
    """Ten million keys, the filter alone: about one in two hundred."""
    monkeypatch.setattr(seen_keys, "EXACT_KEYS", 0)
    known = SeenKeys()
    for part in range(10):
        known.add(keys(1_000_000, part * 1_000_000))
    assert known.has(keys(200_000, 10_000_000)).mean() < 0.01


def test_the_filter_gives_back_memory_down_to_a_quarter_of_a_megabyte(monkeypatch: pytest.MonkeyPatch):
    """Of sixteen. It errs more often then."""
    monkeypatch.setattr(seen_keys, "EXACT_KEYS", 0)
    known = SeenKeys()
    known.add(keys(100_000, 0))
    sizes = [known.memory_bytes]
    for _ in range(10):
        known.shrink()
        sizes.append(known.memory_bytes)
    assert sizes[:3] == [1 << 24, 1 << 23, 1 << 22]
    assert sizes[-1] == 1 << 18 == known.least_bytes
    assert known.has(keys(100_000, 0)).all()
    assert known.has(keys(100_000, 500_000)).mean() < 0.5
