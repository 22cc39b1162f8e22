"""The outcomes of calls to Marketo, as values.

A submission has one of four outcomes, by whether it was executed:

    Accepted         yes, and this is its batch_id
    TurnedAway       certainly not; the same request may be accepted later
    Refused          certainly not, and the same request never will be
    OutcomeUnknown   nobody can know

A query (status, failures, warnings, describe) changes nothing at Marketo. If it goes wrong, the outcome is QueryFailed.
"""

from dataclasses import dataclass
from enum import StrEnum


class MarketoStatus(StrEnum):
    """Marketo's four words for an import job, exact case. Adobe, "Bulk lead import", read 2026-08."""

    QUEUED = "Queued"
    IMPORTING = "Importing"
    COMPLETE = "Complete"
    FAILED = "Failed"


class Unusable(StrEnum):
    """Why a result file that Marketo should have cannot be used; it is asked for again."""

    NO_FILE = "no_file"  # Marketo says that there is none
    REFUSED = "refused"  # Marketo answered with an error
    NO_ANSWER = "no_answer"  # none came, or none that says anything
    CUT_OFF = "cut_off"  # it ends in the middle
    HTML = "html"  # a page in its place
    JSON = "json"  # JSON in its place
    NO_HEADER = "no_header"  # it has no line of column names
    OTHER_COLUMNS = "other_columns"  # none of its columns is one of the file's
    NOT_MATCHED = "not_matched"  # a mistake of ours: it could not be held against the file


class RejectionReason(StrEnum):
    """Why a request was not executed, by what has to change before it can be."""

    QUEUE_FULL = "queue_full"  # 1016: a slot must come free
    LIST_BUSY = "list_busy"  # 1019: another import into the same list must end
    RATE_LIMIT = "rate_limit"  # 606: the call window must pass
    CONCURRENCY = "concurrency"  # 615: other calls must end
    DAILY_QUOTA = "daily_quota"  # 607: the day must end
    BLOCKED = "blocked"  # credentials: a person must mend them
    DENIED = "denied"  # rights for this kind of call: a person must mend them
    UNAVAILABLE = "unavailable"  # nothing but time, for everybody
    TRANSIENT = "transient"  # nothing but time, for this request


@dataclass(frozen=True, slots=True)
class Accepted:
    batch_id: int
    status: MarketoStatus = MarketoStatus.QUEUED
    message: str | None = None


@dataclass(frozen=True, slots=True)
class TurnedAway:
    rejection_reason: RejectionReason
    code: str | None
    """Marketo's code, or None where no answer of Marketo was seen (a refused connection, say)."""
    message: str
    call: str | None = None
    """Set when another call failed first: `identity`."""


@dataclass(frozen=True, slots=True)
class Refused:
    code: str | None
    message: str
    whole_import: bool
    """True when every part of the import would be refused in the same way (header, list, status, field)."""
    error: str = "marketo_refused"
    """The error code that the import will show; another one where we ourselves refused to send the part."""


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    why: str


Answer = Accepted | TurnedAway | Refused | OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to a status query. Counts are rows so far; None where Marketo did not say."""

    status: MarketoStatus | None
    """None for a word that is not one of the four: the job is taken to be still running."""
    imported: int | None = None
    failed: int | None = None
    warned: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """A query without a usable answer. It says nothing about the part; the query is repeated."""

    why: str
    code: str | None = None
    rejection_reason: RejectionReason | None = None
    """Set when the whole instance has to wait, not only this query."""
    unknown_job: bool = False
    """True when Marketo says that it has no such job: it has forgotten it, or never had it."""
    call: str | None = None
    """As in TurnedAway."""
    unusable: Unusable | None = None
    """Set for a result file that cannot be used: what came in its place."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A failures or warnings file as Marketo sent it: at most about the size of the part."""

    content: bytes


@dataclass(frozen=True, slots=True)
class NoFile:
    """Marketo says that there is no such file (404, or an empty body)."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str  # as a header has to name it
    display_name: str | None = None  # as people see it
    type: str = "string"
    length: int | None = None  # characters
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Description:
    """The fields of an object, from Marketo's describe."""

    fields: tuple[Field, ...]
    dedupe_fields: tuple[str, ...] = ()
