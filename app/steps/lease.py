"""A worker's right to drive one instance; every write it makes about that instance shows the epoch (FENCED)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    instance: str
    epoch: int
