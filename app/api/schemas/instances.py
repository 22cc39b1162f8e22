"""A Marketo instance."""

from pydantic import BaseModel

from app.api.openapi import examples
from app.api.schemas.fields import Moment, with_example
from app.domain.instances import Condition
from app.domain.lifecycle import JobState, State
from app.reporting.instances import InstanceView


class LimitsOut(BaseModel):
    importing: int
    queued: int


class SlotsOut(BaseModel):
    used: int
    importing: int
    queued: int
    unconfirmed: int

    @classmethod
    def of(cls, view: InstanceView) -> "SlotsOut":
        states = view.queue.jobs
        return cls(
            used=view.slots_used,
            importing=states.get(JobState.IMPORTING, 0),
            queued=states.get(JobState.QUEUED, 0),
            unconfirmed=states.get(JobState.UNCONFIRMED, 0),
        )


class WaitingOut(BaseModel):
    parts: int
    rows: int
    oldest_seconds: int

    @classmethod
    def of(cls, view: InstanceView) -> "WaitingOut":
        return cls(
            parts=view.queue.parts.get(State.WAITING, 0),
            rows=view.queue.waiting_rows,
            oldest_seconds=int(view.waited_seconds),
        )


class CallsOut(BaseModel):
    today: int
    quota: int
    last_window: int
    window_limit: int

    @classmethod
    def of(cls, view: InstanceView) -> "CallsOut":
        return cls(
            today=view.calls_today,
            quota=view.settings.daily_calls,
            last_window=view.calls_in_window,
            window_limit=view.settings.calls_per_window,
        )


class ThroughputOut(BaseModel):
    rows_per_second: float | None


class WorkerOut(BaseModel):
    id: str
    heartbeat_at: Moment

    @classmethod
    def of(cls, view: InstanceView) -> "WorkerOut | None":
        """None: no worker has driven it yet."""
        instance = view.instance
        if not instance.worker or not instance.heartbeat_at:
            return None
        return cls(id=instance.worker, heartbeat_at=instance.heartbeat_at)


class PausedOut(BaseModel):
    by: str | None
    since: Moment
    reason: str | None

    @classmethod
    def of(cls, view: InstanceView) -> "PausedOut | None":
        instance = view.instance
        if not instance.paused_at:
            return None
        return cls(by=instance.paused_by, since=instance.paused_at, reason=instance.paused_reason)


class CallErrorOut(BaseModel):
    """The last call to Marketo that did not go through."""

    at: Moment
    call: str
    code: str
    message: str

    @classmethod
    def of(cls, view: InstanceView) -> "CallErrorOut | None":
        error = view.instance.last_error
        return cls(at=error.at, call=error.call, code=error.code, message=error.message) if error else None


class InstanceBriefOut(BaseModel):
    """What a key with the scope `submit` alone is shown of an instance."""

    name: str
    state: Condition
    reason: str | None
    until: Moment | None

    @classmethod
    def of(cls, view: InstanceView) -> "InstanceBriefOut":
        return cls(name=view.instance.name, state=view.condition, reason=view.reason, until=view.until)


class InstanceOut(BaseModel):
    model_config = with_example(examples.INSTANCE)

    name: str
    base_url: str
    state: Condition
    reason: str | None
    until: Moment | None
    limits: LimitsOut
    slots: SlotsOut
    waiting: WaitingOut
    calls: CallsOut
    throughput: ThroughputOut
    worker: WorkerOut | None
    paused: PausedOut | None
    last_error: CallErrorOut | None

    @classmethod
    def of(cls, view: InstanceView) -> "InstanceOut":
        return cls(
            name=view.instance.name,
            base_url=view.base_url,
            state=view.condition,
            reason=view.reason,
            until=view.until,
            limits=LimitsOut(importing=view.settings.max_importing, queued=view.settings.max_queued),
            slots=SlotsOut.of(view),
            waiting=WaitingOut.of(view),
            calls=CallsOut.of(view),
            throughput=ThroughputOut(rows_per_second=view.rows_per_second),
            worker=WorkerOut.of(view),
            paused=PausedOut.of(view),
            last_error=CallErrorOut.of(view),
        )


class InstancePage(BaseModel):
    items: list[InstanceOut | InstanceBriefOut]
    next_page_token: str | None = None
