"""An import, its parts and its target, and what is derived from them: status, counts, progress."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.lifecycle import FINAL, State
from app.domain.objects import Target
from app.domain.parts import Failure, Rows

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


class OnUnconfirmed(StrEnum):
    RESUBMIT = "resubmit"
    HOLD = "hold"


class Preflight(StrEnum):
    OFF = "off"
    HEADER = "header"
    ROWS = "rows"


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

    accepted_seq: int | None = None  # its place in the order of acceptance
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
