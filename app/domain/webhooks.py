"""Webhooks: which endpoints are told of what, and how a delivery goes on after each try. After Standard Webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.events import EventType, Occurrence
from app.domain.lifecycle import Move
from app.domain.timeouts import (
    WEBHOOK_HOLD_MOST_SECONDS,
    WEBHOOK_OFF_SECONDS,
    WEBHOOK_TRIES_SECONDS,
    WEBHOOK_WAITS_SECONDS,
)

GONE_STATUS = 410  # the receiver wants to hear no more. Standard Webhooks, "Operational considerations"
FAILURES_IN_A_ROW = 3  # after so many an endpoint is asked one delivery at a time, and not more often than it is held
WAIT_SPREAD = 0.1  # share of a wait that chance adds, so that many deliveries do not come back in one moment


class WebhookEvent(StrEnum):
    """What an endpoint can be told of."""

    IMPORT_FINISHED = "import.finished"  # every part has ended
    IMPORT_ATTENTION = "import.attention"  # a person should look at it
    INSTANCE_STATE = "instance.state"  # it was paused, blocked, kept from its work, or goes on


TEST_EVENT = "webhook.test"
"""The event of a delivery that somebody asked for, to try an endpoint. No endpoint has to ask for it."""


class DeliveryState(StrEnum):
    WAITING = "waiting"  # to be sent, for the first time or again
    DELIVERED = "delivered"  # the receiver has answered with 2xx
    FAILED = "failed"  # it is not tried any more


class SwitchedOff(StrEnum):
    """Why the service itself has switched an endpoint off."""

    GONE = "gone"  # the receiver answered with 410
    FAILING = "failing"  # nothing could be delivered for three days


_OF_INCIDENTS = frozenset(
    {Occurrence.UNREACHABLE, Occurrence.RATE_LIMITED, Occurrence.QUOTA_USED_UP, Occurrence.QUEUE_FULL}
)
_EVENTS: Mapping[EventType, WebhookEvent] = {
    Occurrence.FINISHED: WebhookEvent.IMPORT_FINISHED,
    **dict.fromkeys(
        (Move.LOSE, Move.FORGET, Occurrence.UNKNOWN_AT_MARKETO, Occurrence.STUCK, Occurrence.RESULTS_LATE),
        WebhookEvent.IMPORT_ATTENTION,
    ),
    **dict.fromkeys(
        (Occurrence.PAUSED, Occurrence.RESUMED, Occurrence.BLOCKED, Occurrence.UNBLOCKED, *_OF_INCIDENTS),
        WebhookEvent.INSTANCE_STATE,
    ),
}


def webhook_event_of(type_: EventType, facts: Mapping[str, Any]) -> WebhookEvent | None:
    """What endpoints are told when this event is written into the history; None where it is not for them."""
    if type_ is Occurrence.RECOVERED:
        return WebhookEvent.INSTANCE_STATE if facts.get("what") in _OF_INCIDENTS else None
    if facts.get("results_missing"):
        return WebhookEvent.IMPORT_ATTENTION
    return _EVENTS.get(type_)


@dataclass(frozen=True, slots=True)
class News:
    """What a transaction has for the endpoints of webhooks. Of several alike, one is enough: hence it is hashable."""

    event: WebhookEvent
    instance: str
    import_id: int | None
    client: str | None  # whose import it is; None where it is about an instance

    @property
    def subject(self) -> str:
        """What it is about. Deliveries with the same subject go in their order."""
        return f"instance:{self.instance}" if self.import_id is None else f"import:{self.import_id}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What an endpoint's deliveries are signed with: one secret, or two while one takes the other's place."""

    current: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)
    previous_until: datetime | None = None

    def valid(self, now: datetime) -> list[str]:
        """Those that sign now, the newest first."""
        is_signing = self.previous is not None and self.previous_until is not None and now < self.previous_until
        return [self.current, *([self.previous] if is_signing and self.previous else [])]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint as it is stored, without its secrets."""

    id: int
    client: str | None  # whose events it is told of; None: everybody's
    url: str
    description: str | None
    events: frozenset[WebhookEvent]
    enabled: bool
    off_at: datetime | None  # since when it is switched off
    off_reason: SwitchedOff | None  # None where a person did it
    failing_since: datetime | None  # since when nothing could be delivered; None: the last try went well
    failures: int  # in a row
    hold_until: datetime | None  # until when it is left alone
    created_at: datetime

    @property
    def is_held(self) -> bool:
        """Whether it is asked one delivery at a time, since nothing gets through."""
        return self.failures >= FAILURES_IN_A_ROW


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one endpoint, however often it is tried."""

    id: int
    webhook_id: int
    message_id: str  # the receiver knows a repetition by it
    event: str  # a WebhookEvent, or TEST_EVENT
    import_id: int | None
    instance: str | None
    subject: str  # what it is about: of one subject, deliveries go in their order
    at: datetime  # of what it tells
    waiting_since: datetime | None  # when its tries began
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try ended. `error`: in our own words, as the receiver's are not kept; None: it was delivered."""

    status: int | None
    error: str | None
    is_last: bool = False  # there is nothing to be tried again, and the endpoint has no part in that

    @property
    def is_delivered(self) -> bool:
        return self.error is None

    @property
    def is_gone(self) -> bool:
        return self.status == GONE_STATUS


def next_attempt_at(attempts: int, *, waiting_since: datetime, now: datetime, chance: float) -> datetime | None:
    """When a delivery is tried again after so many attempts in vain; None: its three days are over.

    The last try is at the end of the three days. `chance`: from 0 to 1.
    """
    end = waiting_since + timedelta(seconds=WEBHOOK_TRIES_SECONDS)
    if now >= end:
        return None
    wait_seconds = WEBHOOK_WAITS_SECONDS[min(attempts, len(WEBHOOK_WAITS_SECONDS)) - 1] * (1 + WAIT_SPREAD * chance)
    return min(end, now + timedelta(seconds=wait_seconds))


def held_until(failures: int, *, now: datetime) -> datetime | None:
    """Until when an endpoint is left alone after so many failures in a row; None: it need not be."""
    if failures < FAILURES_IN_A_ROW:
        return None
    return now + timedelta(seconds=min(2 ** min(failures - FAILURES_IN_A_ROW, 10), WEBHOOK_HOLD_MOST_SECONDS))


def is_off_for_good(failing_since: datetime, *, now: datetime) -> bool:
    """Whether nothing could be delivered for so long that an endpoint is switched off."""
    return now - failing_since >= timedelta(seconds=WEBHOOK_OFF_SECONDS)
