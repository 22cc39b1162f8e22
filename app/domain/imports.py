"""An import: what the caller asked for, its file, and what is derived from its parts: status, counts, progress."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from app.domain.column_maps import ColumnMap
from app.domain.formats import Format
from app.domain.lifecycle import FINAL, PartState
from app.domain.objects import Target
from app.domain.parts import Failure, Rows
from app.domain.request_parameters import (
    ColumnNames,
    Moment,
    RequestParameter,
    StringPairs,
    Text,
    WholeNumber,
    Word,
    YesOrNo,
    declared_parameters,
)

DEFAULT_PRIORITY, HIGHEST_PRIORITY = 5, 9  # of 0 to 9, higher first
LABEL_CHARACTERS = 200


class OnUnconfirmed(StrEnum):
    RESUBMIT = "resubmit"
    HOLD = "hold"


class Bundle(StrEnum):
    AUTO = "auto"
    NEVER = "never"


class Preflight(StrEnum):
    OFF = "off"
    HEADER = "header"
    ROWS = "rows"


class Content(StrEnum):
    """What an import has beside its counts and its history."""

    FILE = "file"  # the uploaded rows
    RESULTS = "results"  # failures and warnings


class ImportStatus(StrEnum):
    """Where an import stands, in the caller's words."""

    QUEUED = "queued"
    IMPORTING = "importing"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"


def waiting_since(accepted_at: datetime, released_at: datetime | None, not_before: datetime | None) -> datetime:
    """When an import's waiting for its turn began: with its acceptance or release, or at the time that it names."""
    return max(filter(None, (accepted_at, released_at, not_before)))


FINISHED = frozenset({ImportStatus.COMPLETE, ImportStatus.FAILED, ImportStatus.CANCELLED})


def status_of(parts: Mapping[PartState, int]) -> ImportStatus:
    """An import's status from the number of its parts in each state."""
    states = {state for state, count in parts.items() if count}
    if states <= FINAL:
        if PartState.FAILED in states:
            return ImportStatus.FAILED
        return ImportStatus.CANCELLED if PartState.CANCELLED in states else ImportStatus.COMPLETE
    return ImportStatus.QUEUED if states <= {PartState.WAITING} else ImportStatus.IMPORTING


@dataclass(frozen=True, slots=True)
class SourceFile:
    name: str | None
    size_bytes: int  # as uploaded, after decompression
    sha256: str
    rows: int
    ragged_rows: int = 0  # those of them that have more or fewer cells than the header


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks for: everything but the file itself. Each annotation declares a parameter of the API."""

    target: Target
    instance: Annotated[str, RequestParameter(Text(), "which configured Marketo instance")] = "default"
    client: str = "local"
    format: Annotated[Format, RequestParameter(Word(Format), "comma, tab or semicolon between the cells")] = Format.CSV
    charset: Annotated[
        str,
        RequestParameter(
            Text(most_characters=40),
            "the file's character set; it is sent to Marketo as UTF-8, without a byte order mark",
        ),
    ] = "utf-8"
    priority: Annotated[
        int,
        RequestParameter(
            WholeNumber(0, HIGHEST_PRIORITY),
            "higher first; within one priority, first come first served; what waits long rises",
        ),
    ] = DEFAULT_PRIORITY
    not_before: Annotated[datetime | None, RequestParameter(Moment(), "do not send to Marketo before this time")] = None
    preflight: Annotated[
        Preflight, RequestParameter(Word(Preflight), "what is held against Marketo's fields before anything is sent")
    ] = Preflight.HEADER
    on_unconfirmed: Annotated[
        OnUnconfirmed,
        RequestParameter(Word(OnUnconfirmed), "what to do when Marketo's answer to a submission was lost"),
    ] = OnUnconfirmed.RESUBMIT
    bundle: Annotated[
        Bundle,
        RequestParameter(Word(Bundle), "whether its rows may go to Marketo in one job together with other imports'"),
    ] = Bundle.AUTO
    label: Annotated[str | None, RequestParameter(Text(most_characters=LABEL_CHARACTERS), "free text")] = None
    metadata: Annotated[
        Mapping[str, str] | None,
        RequestParameter(StringPairs(most_pairs=16), "a JSON object of strings, returned as it came"),
    ] = None
    column_map: Annotated[
        ColumnMap | None,
        RequestParameter(
            ColumnNames(most_characters=65_536),
            "a JSON object in one string: the file's column and Marketo's field, or `null` to leave the column out; "
            "columns that are not named stay as they are",
        ),
    ] = None
    review: Annotated[
        bool,
        RequestParameter(
            YesOrNo(),
            "store it and send nothing until it is released (`POST /v1/imports/{id}/release`); what nobody releases "
            "within seven days is cancelled",
        ),
    ] = False  # as it is read from the database: whether it still waits for its release
    file_name: str | None = None


REQUEST_PARAMETERS = declared_parameters(Request)


class AttentionCode(StrEnum):
    UNCONFIRMED = "unconfirmed"  # Marketo's answer to a submission was lost
    UNKNOWN_AT_MARKETO = "unknown_at_marketo"  # Marketo denies knowing a job that it had accepted
    STUCK = "stuck"  # a part is at Marketo for far longer than usual
    INSTANCE_BLOCKED = "instance_blocked"  # Marketo refuses the credentials or the rights
    RESULTS_MISSING = "results_missing"  # not every row that Marketo counted is accounted for


@dataclass(frozen=True, slots=True)
class Attention:
    """Why a person should look at an import."""

    code: AttentionCode
    message: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Counts of rows that one could expect in a retry and that are not in it, by the reason."""

    not_placed: int = 0  # rejected, but it cannot be known which of the uploaded rows they are
    superseded: int = 0  # a later row with the same record key was imported, or may still be
    not_known_yet: int = 0  # rows of parts that Marketo has not finished
    without_values: int = 0  # rows of a corrected file that could not be read before and still have no values

    @property
    def rows(self) -> int:
        return self.not_placed + self.superseded + self.not_known_yet + self.without_values

    @property
    def reason(self) -> str:
        """The reasons and what to do, as sentences."""
        reasons = {
            "not found among the uploaded rows; download the failures, mend them, and send them as the body of "
            "retry-failures": self.not_placed,
            "a later row of the same key was imported, or may be, and would be undone": self.superseded,
            "rejected in parts whose results are not here yet; ask again when the import is finished": (
                self.not_known_yet
            ),
            "not readable in Marketo's file, and without values; put them in": self.without_values,
        }
        return " ".join(f"{rows} {'row' if rows == 1 else 'rows'}: {why}." for why, rows in reasons.items() if rows)


@dataclass(frozen=True, slots=True)
class Remaining:
    """The work that an import still has before it."""

    accepted_seq: int | None = None  # its place in the order of acceptance; None while it is under review
    waiting_rows: int = 0  # rows of its waiting parts
    collecting_since: datetime | None = None  # since when the oldest part waits for its result files
    failing_since: datetime | None = None  # since when calls about one of its parts have failed, the longest of these


@dataclass(frozen=True, slots=True)
class Import:
    id: int
    request: Request
    status: ImportStatus
    file: SourceFile
    rows: Rows
    parts: Counter[PartState]
    remaining: Remaining
    attention: Attention | None
    error: Failure | None
    cancel_requested_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    retry_of: int | None
    results_erased_at: datetime | None = None
    review_until: datetime | None = None  # until when it can be released; None: it is not under review
    released_at: datetime | None = None  # None: it never was under review, or nobody has released it
    left_out: LeftOut | None = None
