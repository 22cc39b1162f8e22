"""A part of an import, and what became of its rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.lifecycle import State


@dataclass(frozen=True, slots=True)
class Rows:
    """What became of the rows. imported + failed + pending = total, at all times."""

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
        """(Marketo's counts, cut down where they claim more rows than the part has; whether that was needed)."""
        rows = cls(total, min(imported, total - min(failed, total)), min(failed, total), min(warned, total))
        return rows, (rows.imported, rows.failed, rows.warned) != (imported, failed, warned)

    @classmethod
    def sum(cls, many: Iterable["Rows"]) -> "Rows":
        rows = list(many)
        return cls(
            sum(r.total for r in rows),
            sum(r.imported for r in rows),
            sum(r.failed for r in rows),
            sum(r.warned for r in rows),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an import, or a part, could not be done."""

    code: str
    message: str
    marketo_code: str | None = None


@dataclass(frozen=True, slots=True)
class TryError:
    """Why a try to send a part, or to ask about it, did not go through. It is tried again."""

    code: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ConflictScope:
    """What of Marketo's records a part touches."""

    import_id: int
    space: str  # one kind of record
    key_fields: str  # by which Marketo finds them, in a fixed order; empty: nobody knows
    list_id: int | None
    aside: bool  # its rows were set aside: their keys stand in other parts of the import too


@dataclass(frozen=True, slots=True)
class Part:
    id: int
    import_id: int
    number: int  # 1 is the first of its import
    instance: str
    state: State
    state_since: datetime | None
    accepted_seq: int | None  # its import's place in the order of acceptance; None while that is still received
    conflict_scope: ConflictScope
    client: str
    blocked_by: int | None  # the id of a part that touches the same records and goes first
    blocked_since: datetime | None  # since when for that one
    first_row: int  # its first record's row in the uploaded file; 1 = first after the header
    rows: Rows
    size_bytes: int  # the part's file, header included
    slot: int | None
    batch_id: int | None
    attempts: int  # submissions that were counted: back-pressure is not
    due_at: datetime | None  # when it is next worth a look; what for depends on the state
    retry_code: str | None  # why Marketo turned the last submission away
    message: str | None  # Marketo's
    error: Failure | None
    silent_since: datetime | None  # since when Marketo denies knowing its job
    denials: int  # how often it has, in a row
    last_error: TryError | None  # of the last try that did not go through
    failing_since: datetime | None  # since when none has gone through; None: the last one did
    counted: bool  # Marketo has told how many rows it imported
    results_missing: bool
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    results_late: str | None = None  # the result file that is asked for again, and why: "failures:html"
    unplaced: int = 0  # rows of its result files that cannot be read, or not be found among its own

    @property
    def tried_at(self) -> datetime | None:
        """When the last try was that did not go through."""
        return self.last_error.at if self.last_error else None
