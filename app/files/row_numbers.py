"""Which rows of the uploaded file a part holds, when they do not simply follow each other.

Row 1 is the first after the header.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from app.files.compression import pack, unpacked
from app.files.records import Offsets

UNKNOWN = 0  # the number of a row that nobody knows it of

Numbering = Callable[[int], Offsets]
"""Answers the numbers of the next so many rows."""


def counted() -> Numbering:
    """1, 2, 3, …"""
    last = 0

    def following(count: int) -> Offsets:
        nonlocal last
        last += count
        return np.arange(last - count + 1, last + 1)

    return following


class Given:
    """A numbering whose numbers are handed in, by another thread perhaps, before their rows come along."""

    def __init__(self) -> None:
        self._coming: deque[Offsets] = deque()
        self._held = np.zeros(0, np.int64)

    def add(self, numbers: Offsets) -> None:
        self._coming.append(numbers)

    def __call__(self, count: int) -> Offsets:
        some, held = [self._held], len(self._held)
        while held < count:
            some.append(self._coming.popleft())
            held += len(some[-1])
        whole = np.concatenate(some)
        numbers, self._held = whole[:count], whole[count:]
        return numbers


def written(numbers: Offsets) -> bytes | None:
    """Numbers as they are kept; None where they follow each other from the first on."""
    steps = np.diff(numbers, prepend=0)
    return None if (steps[1:] == 1).all() else pack(steps.astype("<i8").tobytes())


def read(kept: bytes | None, *, first_row: int, rows: int) -> Offsets:
    if kept is None:
        return np.arange(first_row, first_row + rows)
    return np.cumsum(np.frombuffer(b"".join(unpacked(kept)), "<i8"))
