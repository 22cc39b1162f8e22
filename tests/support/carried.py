"""What a job at Marketo carried: whose rows, in which order, and what became of each of them there.

A job is known by its rows alone. So it does not matter what the service says of it, nor how many parts it has.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.simulator import Simulator

FAILED_AS_A_WHOLE = "Failed"

Cells = tuple[str, ...]
Cargo = tuple[Cells, ...]
"""The rows of a part. Parts of several imports may have the same: nobody could tell them apart at Marketo."""


@dataclass(frozen=True)
class Content:
    """A part's file. A row's key stands in its first column."""

    raw: bytes

    @cached_property
    def _lines(self) -> list[list[str]]:
        first = self.raw.split(b"\n", 1)[0].decode()
        delimiter = next((sign for sign in ";\t" if sign in first), ",")
        return [line for line in csv.reader(io.StringIO(self.raw.decode(), newline=""), delimiter=delimiter) if line]

    @property
    def header(self) -> list[str]:
        return self._lines[0]

    @cached_property
    def rows(self) -> Cargo:
        return tuple(tuple(line) for line in self._lines[1:])

    @cached_property
    def keys(self) -> frozenset[str]:
        return keys_of(self.rows)


def keys_of(rows: Cargo) -> frozenset[str]:
    """Those of its records. A row without a key is no record's: Marketo fails it."""
    return frozenset(row[0].strip().lower() for row in rows) - {""}


@dataclass(frozen=True)
class Piece:
    """The rows of one part within a job."""

    first: int
    cargo: Cargo


@dataclass(frozen=True)
class SentJob:
    """A job as Marketo has it."""

    batch_id: int
    status: str
    list_id: int | None
    span: tuple[float, float]  # in its queue or at work
    pieces: Sequence[Piece]
    failures: Mapping[int, str]  # by the index of the row; empty before the job has ended
    warnings: Mapping[int, str]

    @property
    def cargoes(self) -> list[Cargo]:
        return [piece.cargo for piece in self.pieces]

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset().union(*map(keys_of, self.cargoes))

    @property
    def rows(self) -> int:
        return sum(map(len, self.cargoes))

    @property
    def has_imported(self) -> bool:
        """Whether it has changed a record, or may still."""
        return self.status != FAILED_AS_A_WHOLE and len(self.failures) < self.rows

    @property
    def failed_for_one_reason(self) -> bool:
        return len(self.failures) == self.rows and len(set(self.failures.values())) == 1

    def is_beside(self, other: "SentJob") -> bool:
        return self.span[0] < other.span[1] and other.span[0] < self.span[1]


def sent_jobs(simulator: Simulator, cargoes: Iterable[Cargo]) -> list[SentJob]:
    """The jobs of ours that Marketo was ever given. Errors: AssertionError, where one has rows that are no part's."""
    report = simulator.report()
    by_first_row = defaultdict(list)
    for cargo in sorted(set(cargoes), key=len, reverse=True):
        if cargo:
            by_first_row[cargo[0]].append(cargo)
    return [_sent_job(entry, simulator.carried(entry["batch_id"]), by_first_row, report) for entry in report["jobs"]]


def _sent_job(
    entry: Mapping[str, Any],
    carried: Mapping[str, Any],
    by_first_row: Mapping[Cells, Sequence[Cargo]],
    report: Mapping[str, Any],
) -> SentJob:
    rows = tuple(tuple(row) for row in carried["rows"])
    until = report["now"] if entry["finished_at"] is None else entry["finished_at"]
    return SentJob(
        batch_id=entry["batch_id"],
        status=entry["status"],
        list_id=entry["list_id"],
        span=(entry["queued_at"], until),
        pieces=_pieces(entry["batch_id"], rows, by_first_row),
        failures=dict(carried["failures"]),
        warnings=dict(carried["warnings"]),
    )


def _pieces(batch_id: int, rows: Cargo, by_first_row: Mapping[Cells, Sequence[Cargo]]) -> list[Piece]:
    """The whole parts that a job is put together from: the largest one that fits at each place."""
    pieces, first = [], 0
    while first < len(rows):
        fitting = (cargo for cargo in by_first_row.get(rows[first], ()) if rows[first : first + len(cargo)] == cargo)
        cargo = next(fitting, None)
        assert cargo is not None, f"job {batch_id} has rows at {first} that are no part's: {rows[first : first + 3]}"
        pieces.append(Piece(first, cargo))
        first += len(cargo)
    return pieces
