"""The row numbers of a part: which rows of the uploaded file it holds. Row 1 is the first after the header.

They are stored only where they do not simply follow each other.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from app.files.compression import pack, unpacked
from app.files.records import Offsets

UNKNOWN = 0  # stands for a row number that is not known

Numbering = Callable[[int], Offsets]
"""Returns the numbers of the next rows; its argument says how many."""


def counted() -> Numbering:
    """Numbers the rows 1, 2, 3, …"""
    last = 0

    def following(count: int) -> Offsets:
        nonlocal last
        last += count
        return np.arange(last - count + 1, last + 1)

    return following


class Given:
    """A numbering whose numbers are added before their rows come, perhaps by another thread."""

    def __init__(self) -> None:
        self._coming: deque[Offsets] = deque()
        self._held = np.zeros(0, np.int64)

    def add(self, numbers: Offsets) -> None:
        self._coming.append(numbers)

    def __call__(self, count: int) -> Offsets:
        arrays, available = [self._held], len(self._held)
        while available < count:
            arrays.append(self._coming.popleft())
            available += len(arrays[-1])
        joined = np.concatenate(arrays)
        numbers, self._held = joined[:count], joined[count:]
        return numbers


def written(numbers: Offsets) -> bytes | None:
    """Row numbers as they are stored; None where each is one more than the one before."""
    steps = np.diff(numbers, prepend=0)
    return None if (steps[1:] == 1).all() else pack(steps.astype("<i8").tobytes())


def read(stored: bytes | None, *, first_row: int, rows: int) -> Offsets:
    """The row numbers from their stored form."""
    if stored is None:
        return np.arange(first_row, first_row + rows)
    return np.cumsum(np.frombuffer(b"".join(unpacked(stored)), "<i8"))
