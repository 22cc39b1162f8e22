"""A part of an import, and the outcome of its rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.lifecycle import PartState


@dataclass(frozen=True, slots=True)
class Rows:
    """Counts of rows by their outcome. imported + failed + pending = total, at all times."""

    total: int
    imported: int
    failed: int
    warned: int

    @property
    def pending(self) -> int:
        return self.total - self.imported - self.failed

    @property
    def settled_share(self) -> float:
        return (self.imported + self.failed) / self.total if self.total else 1.0

    @classmethod
    def counted(cls, total: int, *, imported: int, failed: int, warned: int) -> "tuple[Rows, bool]":
        """Marketo's counts, reduced where they add up to more rows than the part has; and whether they had to be."""
        rows = cls(total, min(imported, total - min(failed, total)), min(failed, total), min(warned, total))
        return rows, (rows.imported, rows.failed, rows.warned) != (imported, failed, warned)

    @classmethod
    def sum(cls, counts: Iterable["Rows"]) -> "Rows":
        rows = list(counts)
        return cls(
            sum(r.total for r in rows),
            sum(r.imported for r in rows),
            sum(r.failed for r in rows),
            sum(r.warned for r in rows),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an import or a part failed."""

    code: str
    message: str
    marketo_code: str | None = None


GIVEN_UP = "given_up"
"""The code of a part whose job a person ended: Marketo has it, or may have, and nothing more is expected of it."""


@dataclass(frozen=True, slots=True)
class TryError:
    """Why the last call about a part did not go through. It is tried again."""

    code: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ConflictScope:
    """Which of Marketo's records a part changes, as far as can be said without its record keys."""

    import_id: int
    record_kind: str  # the kind of record
    key_fields: str  # the fields by which Marketo finds the records, in a fixed order; empty: not known
    list_id: int | None
    has_deferred_rows: bool  # its rows are deferred duplicates: other parts of the import have the same record keys


@dataclass(frozen=True, slots=True)
class Part:
    id: int
    import_id: int
    number: int  # 1 is the first of its import
    instance: str
    state: PartState
    state_since: datetime | None
    accepted_seq: int | None  # its import's place in the order of acceptance; None while it is received or under review
    conflict_scope: ConflictScope
    client: str
    blocked_by: int | None  # the id of a part that changes the same records and goes first
    blocked_since: datetime | None  # since when it has waited for that part
    first_row: int  # its first record's row in the uploaded file; 1 = first after the header
    rows: Rows
    size_bytes: int  # the part's file, header included
    job_id: int | None  # the job that it is in, or ended in
    bundled_with: int | None  # how many other imports have rows in that job
    alike: str | None  # the same for parts that may be in one job; None: it goes alone
    header_bytes: int  # with which its file begins
    separated_from: int | None  # the job with others that Marketo refused: it goes alone since
    batch_id: int | None  # that job's, at Marketo
    attempts: int  # submissions; those that Marketo turned away for back-pressure are not counted
    due_at: datetime | None  # when something is next to be done about it; what that is depends on the state
    retry_code: str | None  # why Marketo turned the last submission away
    message: str | None  # Marketo's message in its record of the job
    error: Failure | None
    silent_since: datetime | None  # since when Marketo denies knowing its job
    denials: int  # how often in a row Marketo has denied it
    last_error: TryError | None  # of the last call about it that did not go through
    failing_since: datetime | None  # since when no call has gone through; None: the last one did
    counted: bool  # whether Marketo has said how many rows it imported
    results_missing: bool
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    results_late: str | None = None  # the result file that is asked for again, and why: "failures:html"
    unplaced: int = 0  # rows of its result files that cannot be read, or cannot be matched with a row that was sent
