"""An import, its parts and its target, and what is derived from them: status, counts, progress."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.lifecycle import FINAL, State

DEFAULT_PRIORITY, HIGHEST_PRIORITY = 5, 9  # of 0 to 9, higher first


class Format(StrEnum):
    CSV = "csv"
    TSV = "tsv"
    SSV = "ssv"

    @property
    def delimiter(self) -> str:
        return {Format.CSV: ",", Format.TSV: "\t", Format.SSV: ";"}[self]

    @property
    def media_type(self) -> str:
        return {Format.CSV: "text/csv", Format.TSV: "text/tab-separated-values", Format.SSV: "text/csv"}[self]


class ObjectType(StrEnum):
    LEAD = "lead"
    CUSTOM_OBJECT = "custom_object"
    PROGRAM_MEMBER = "program_member"


class OnUnconfirmed(StrEnum):
    RESUBMIT = "resubmit"
    HOLD = "hold"


class Preflight(StrEnum):
    OFF = "off"
    HEADER = "header"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Leads:
    lookup_field: str = "email"
    list_id: int | None = None
    partition_name: str | None = None


@dataclass(frozen=True, slots=True)
class CustomObject:
    object_name: str
    dedupe_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgramMembers:
    program_id: int
    program_member_status: str


Target = Leads | CustomObject | ProgramMembers
TARGET_FIELDS = tuple(field.name for kind in (Leads, CustomObject, ProgramMembers) for field in fields(kind))


def object_type(target: Target) -> ObjectType:
    match target:
        case Leads():
            return ObjectType.LEAD
        case CustomObject():
            return ObjectType.CUSTOM_OBJECT
        case ProgramMembers():
            return ObjectType.PROGRAM_MEMBER


def fields_of(target: Target) -> dict[str, Any]:
    """What names the target, by the words of the API; None where they are another kind's."""
    named = {name: getattr(target, name, None) for name in TARGET_FIELDS}
    return named | {"dedupe_fields": list(named["dedupe_fields"] or ()) or None}


def key_columns(target: Target) -> tuple[str, ...]:
    """The columns without which Marketo cannot find a record. Empty: only Marketo knows (its describe)."""
    match target:
        case Leads(lookup_field=field):
            return (field,)
        case CustomObject(dedupe_fields=fields):
            return fields
        case ProgramMembers():
            return ("email",)


class Status(StrEnum):
    """Where an import stands, in the caller's words."""

    QUEUED = "queued"
    IMPORTING = "importing"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = frozenset({Status.COMPLETE, Status.FAILED, Status.CANCELLED})


def status_of(parts: Mapping[State, int]) -> Status:
    """An import's status from the number of its parts in each state."""
    states = {state for state, count in parts.items() if count}
    if states <= FINAL:
        if State.FAILED in states:
            return Status.FAILED
        return Status.CANCELLED if State.CANCELLED in states else Status.COMPLETE
    return Status.QUEUED if states <= {State.WAITING} else Status.IMPORTING


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
class SourceFile:
    name: str | None
    size_bytes: int  # as uploaded, after decompression
    sha256: str
    rows: int
    ragged_rows: int = 0  # of these, whose number of cells is not the header's


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks for beside the file itself."""

    target: Target
    instance: str = "default"
    client: str = "local"
    format: Format = Format.CSV
    charset: str = "utf-8"
    priority: int = DEFAULT_PRIORITY
    not_before: datetime | None = None
    preflight: Preflight = Preflight.HEADER
    on_unconfirmed: OnUnconfirmed = OnUnconfirmed.RESUBMIT
    label: str | None = None
    metadata: Mapping[str, str] | None = None
    file_name: str | None = None


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


class AttentionCode(StrEnum):
    UNCONFIRMED = "unconfirmed"  # Marketo's answer to a submission was lost
    UNKNOWN_AT_MARKETO = "unknown_at_marketo"  # Marketo denies knowing a job that it had accepted
    STUCK = "stuck"  # a part is at Marketo for far longer than usual
    INSTANCE_BLOCKED = "instance_blocked"  # Marketo refuses the credentials or the rights
    RESULTS_MISSING = "results_missing"  # not every row that Marketo counted is accounted for


@dataclass(frozen=True, slots=True)
class Attention:
    """Why a person should look."""

    code: AttentionCode
    message: str
    since: datetime


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
    turn: int | None  # its import's place in the order of acceptance; None while that is still being received
    conflict_scope: ConflictScope
    client: str
    waits_for: int | None  # the id of a part that touches the same records and goes first
    waits_since: datetime | None  # since when for that one
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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that one could expect in a retry and that are not in it."""

    not_placed: int = 0  # Marketo rejected them, and nobody can know which of the uploaded rows they are
    superseded: int = 0  # a later row of the same key was imported, or may be
    not_known_yet: int = 0  # of parts that Marketo is not done with
    without_values: int = 0  # of a mended file: what could not be read, and was left as it was

    @property
    def rows(self) -> int:
        return self.not_placed + self.superseded + self.not_known_yet + self.without_values

    @property
    def reason(self) -> str:
        """Why, and what to do, for people."""
        told = {
            "not found among the uploaded rows; download the failures, mend them, and send them as the body of "
            "retry-failures": self.not_placed,
            "a later row of the same key was imported, or may be, and would be undone": self.superseded,
            "rejected in parts whose results are not here yet; ask again when the import is finished": (
                self.not_known_yet
            ),
            "not readable in Marketo's file, and without values; put them in": self.without_values,
        }
        return " ".join(f"{rows} {'row' if rows == 1 else 'rows'}: {why}." for why, rows in told.items() if rows)


@dataclass(frozen=True, slots=True)
class Remaining:
    """What an import still has before it."""

    turn: int | None = None  # its place in the order of acceptance
    waiting_rows: int = 0  # of the parts that wait
    collecting_since: datetime | None = None  # the oldest part that Marketo is done with
    failing_since: datetime | None = None  # the part whose tries have failed for longest


@dataclass(frozen=True, slots=True)
class Import:
    id: int
    request: Request
    status: Status
    file: SourceFile
    rows: Rows
    parts: Counter[State]
    remaining: Remaining
    attention: Attention | None
    error: Failure | None
    cancel_requested_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    retry_of: int | None
    results_erased_at: datetime | None = None
    left_out: LeftOut | None = None
