"""The kinds of events in the history of an import or an instance. An import's history also has its parts' moves."""

from enum import StrEnum

from app.domain.lifecycle import Move


class Occurrence(StrEnum):
    ACCEPTED = "accepted"  # the file is committed to disk, the caller has the 202
    PREFLIGHT = "preflight"  # every cell was held against Marketo's fields, and some rows are odd, or repeat a key
    RAGGED = "ragged"  # rows whose number of cells is not the header's; they are sent as they are
    RELEASED = "released"  # a person let an import under review go: this is its place in the order of acceptance
    REVIEW_EXPIRED = "review_expired"  # nobody released it in time, and it is cancelled
    RESTORED = "restored"  # the database is a back-up: what was done since it was made is not known, a person decides
    CANCEL_REQUESTED = "cancel_requested"  # a person asked for it; parts at Marketo run to their end first
    CHANGED = "changed"  # a person changed its priority, label or earliest time, while something of it waited
    RESULTS_LATE = "results_late"  # a result file is missing, or none that can be used: it is asked for again
    UNPLACED = "unplaced"  # rows of a result file that cannot be read, or not be found among those that were sent
    RETRIED = "retried"  # rows of it were sent again, as another import
    ERASED = "erased"  # its file or its results are gone, by a person's wish or by age
    UNANSWERED = "unanswered"  # Marketo gives no usable answer to questions about a part; it is asked again
    UNKNOWN_AT_MARKETO = "unknown_at_marketo"  # Marketo has denied three times that it knows a part's job
    STUCK = "stuck"  # a part has been at Marketo for far longer than usual
    FINISHED = "finished"  # its last part has ended
    PAUSED = "paused"  # a person stopped the instance
    RESUMED = "resumed"  # a person let it go on
    BLOCKED = "blocked"  # Marketo refuses the instance's credentials or rights
    UNBLOCKED = "unblocked"  # Marketo takes them again
    UNREACHABLE = "unreachable"  # Marketo or its identity service gives no answer, or says that it is not available
    RATE_LIMITED = "rate_limited"  # the calls of Marketo's window, or those at once, are used up
    QUOTA_USED_UP = "quota_used_up"  # the calls of the day are used up
    QUEUE_FULL = "queue_full"  # 1016: jobs of other programs fill Marketo's queue
    DEGRADED = "degraded"  # a check of /v1/status, `check`, says that work does not flow, or may soon not
    RECOVERED = "recovered"  # what `what` names is over
    FORGOTTEN = "forgotten"  # imports whose history was over are gone


EventType = Move | Occurrence

OF_INSTANCES = (
    Occurrence.PAUSED,
    Occurrence.RESUMED,
    Occurrence.BLOCKED,
    Occurrence.UNBLOCKED,
    Occurrence.UNREACHABLE,
    Occurrence.RATE_LIMITED,
    Occurrence.QUOTA_USED_UP,
    Occurrence.QUEUE_FULL,
    Occurrence.DEGRADED,
    Occurrence.RECOVERED,
    Occurrence.FORGOTTEN,
)
"""Events of an instance; no import's history has them."""

OF_IMPORTS: tuple[EventType, ...] = (
    *(occurrence for occurrence in Occurrence if occurrence not in OF_INSTANCES),
    *Move,
)

WARNED: frozenset[EventType] = frozenset(
    {
        *(Occurrence.PAUSED, Occurrence.BLOCKED, Occurrence.UNREACHABLE, Occurrence.RATE_LIMITED),
        *(Occurrence.QUOTA_USED_UP, Occurrence.QUEUE_FULL),
        *(Occurrence.UNANSWERED, Occurrence.UNKNOWN_AT_MARKETO, Occurrence.STUCK),
        *(Occurrence.RESULTS_LATE, Occurrence.DEGRADED),
        *(Move.TURN_AWAY, Move.LOSE, Move.FORGET, Move.REFUSE, Move.FAIL, Move.SEPARATE),
    }
)
"""Events that are logged at `warning`: work does not flow, or a part came to a bad end (NO_SILENCE)."""
