"""Incidents: what keeps the work of an instance from flowing, from its beginning to its end.

An instance's history tells of each once, when it begins, and once when it is over. What comes and goes within a minute
of that is the same incident going on: it is told again only where it lasts beyond that minute (NO_SILENCE).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.answers import OutcomeUnknown, QueryFailed, RejectionReason, TurnedAway

CREATE = "create"  # the call that submits
LOST, NO_ANSWER = "lost", "no_answer"
NOBODY_ANSWERED = frozenset({RejectionReason.UNAVAILABLE, LOST, NO_ANSWER})
"""Codes of ours, where none of Marketo's came."""
PART_SECONDS = 30.0  # of tries about one part that do not go through, until its import's history is told of them
SAME_SECONDS = 60.0  # NO_SILENCE: whatever lasts longer is told within this time


@dataclass(frozen=True, slots=True)
class CallError:
    """A call to Marketo that did not go through."""

    at: datetime
    call: str  # create, status, failures, warnings; or identity, where there was no token to call with
    code: str  # Marketo's, an HTTP status, or a word of ours where none came
    message: str


def error_of(answer: TurnedAway | OutcomeUnknown | QueryFailed, *, call: str, at: datetime) -> CallError:
    """What is kept of a call that did not go through."""
    match answer:
        case TurnedAway(because=because, code=code, message=message, call=failed):
            return CallError(at, failed or call, code or because, message)
        case OutcomeUnknown(why=why):
            return CallError(at, call, LOST, why)
        case QueryFailed(why=why, code=code, because=because, call=failed):
            return CallError(at, failed or call, code or because or NO_ANSWER, why)


@dataclass(frozen=True, slots=True)
class Incident:
    """`since`: None while there is none of its kind. `told_at`: when the history was last told that one began."""

    since: datetime | None = None
    told_at: datetime | None = None
    of_submissions: bool = False  # Marketo answered a submission so: an answer to a question does not end it
    reason: str | None = None  # what was met last

    @property
    def is_told(self) -> bool:
        return bool(self.since and self.told_at and self.told_at >= self.since)


Incidents = Mapping[str, Incident]
"""By kind."""


def met(
    known: Incident | None, *, at: datetime, reason: str | None = None, of_submissions: bool = False
) -> tuple[Incident, bool]:
    """(the incident once it was met again or for the first time, whether its beginning is to be told now)."""
    known = known or Incident()
    going_on = replace(known, since=known.since or at, of_submissions=of_submissions, reason=reason)
    told_lately = known.told_at is not None and at - known.told_at < timedelta(seconds=SAME_SECONDS)
    if going_on.is_told or told_lately:
        return going_on, False
    return replace(going_on, told_at=at), True


def over(known: Incident) -> tuple[Incident, bool]:
    """(what is left of it, whether its end is to be told)."""
    return Incident(told_at=known.told_at), known.is_told


def is_to_be_told(since: datetime, *, before: datetime | None, at: datetime) -> bool:
    """Whether tries that have failed since then have just done so for long enough; `before`: the one before this."""
    long_enough = since + timedelta(seconds=PART_SECONDS)
    return at >= long_enough and (before is None or before < long_enough)
