"""Incidents: what keeps the work of an instance from flowing, from its beginning to its end.

An instance's history has one event when an incident begins and one when it is over. If it comes back within a minute of
the first event, it counts as the same incident; a new event is written only if it then lasts (NO_SILENCE).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.answers import OutcomeUnknown, QueryFailed, RejectionReason, TurnedAway

CREATE = "create"  # the call that submits a part
LOST, NO_ANSWER = "lost", "no_answer"
NOBODY_ANSWERED = frozenset({RejectionReason.UNAVAILABLE, LOST, NO_ANSWER})
"""Our own codes for calls that Marketo did not answer."""
PART_SECONDS = 30.0  # how long calls about one part have to fail before its import's history gets an event
SAME_SECONDS = 60.0  # NO_SILENCE: an incident that lasts longer has its event within this time


@dataclass(frozen=True, slots=True)
class CallError:
    """A call to Marketo that did not go through."""

    at: datetime
    call: str  # create, status, failures, warnings; or identity, where there was no token to call with
    code: str  # Marketo's code, an HTTP status, or one of NOBODY_ANSWERED
    message: str


def error_of(answer: TurnedAway | OutcomeUnknown | QueryFailed, *, call: str, at: datetime) -> CallError:
    """What is stored of a call that did not go through."""
    match answer:
        case TurnedAway(rejection_reason=rejection_reason, code=code, message=message, call=failed):
            return CallError(at, failed or call, code or rejection_reason, message)
        case OutcomeUnknown(why=why):
            return CallError(at, call, LOST, why)
        case QueryFailed(why=why, code=code, rejection_reason=rejection_reason, call=failed):
            return CallError(at, failed or call, code or rejection_reason or NO_ANSWER, why)


@dataclass(frozen=True, slots=True)
class Incident:
    """One kind of incident. `since`: None while it is not going on. `told_at`: the last event that said it began."""

    since: datetime | None = None
    told_at: datetime | None = None
    of_submissions: bool = False  # it was met by a submission: an answer to another call does not end it
    reason: str | None = None  # why, as it was last met

    @property
    def is_told(self) -> bool:
        return bool(self.since and self.told_at and self.told_at >= self.since)


Incidents = Mapping[str, Incident]
"""By kind."""


def begin_or_continue(
    earlier: Incident | None, *, at: datetime, reason: str | None = None, of_submissions: bool = False
) -> tuple[Incident, bool]:
    """The incident after it was met, again or for the first time; and whether the event of its beginning is due."""
    earlier = earlier or Incident()
    going_on = replace(earlier, since=earlier.since or at, of_submissions=of_submissions, reason=reason)
    was_told_lately = earlier.told_at is not None and at - earlier.told_at < timedelta(seconds=SAME_SECONDS)
    if going_on.is_told or was_told_lately:
        return going_on, False
    return replace(going_on, told_at=at), True


def end(incident: Incident) -> tuple[Incident, bool]:
    """What is kept of an incident that is over; and whether the event of its end is due."""
    return Incident(told_at=incident.told_at), incident.is_told


def is_to_be_told(since: datetime, *, before: datetime | None, at: datetime) -> bool:
    """Whether calls that fail since then have now failed for PART_SECONDS. `before`: when the call before failed."""
    long_enough = since + timedelta(seconds=PART_SECONDS)
    return at >= long_enough and (before is None or before < long_enough)
