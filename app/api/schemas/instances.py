"""A Marketo instance."""

from pydantic import BaseModel

from app.api.openapi import examples
from app.api.schemas.fields import Moment, with_example
from app.domain.instances import InstanceState
from app.domain.lifecycle import JobState, PartState
from app.reporting.instances import InstanceView


class SlotLimits(BaseModel):
    importing: int
    queued: int


class SlotCounts(BaseModel):
    used: int
    importing: int
    queued: int
    unconfirmed: int

    @classmethod
    def of(cls, view: InstanceView) -> "SlotCounts":
        states = view.queue.jobs
        return cls(
            used=view.slots_used,
            importing=states.get(JobState.IMPORTING, 0),
            queued=states.get(JobState.QUEUED, 0),
            unconfirmed=states.get(JobState.UNCONFIRMED, 0),
        )


class Backlog(BaseModel):
    parts: int
    rows: int
    oldest_seconds: int

    @classmethod
    def of(cls, view: InstanceView) -> "Backlog":
        return cls(
            parts=view.queue.parts.get(PartState.WAITING, 0),
            rows=view.queue.waiting_rows,
            oldest_seconds=int(view.waited_seconds),
        )


class CallCounts(BaseModel):
    today: int
    quota: int
    last_window: int
    window_limit: int

    @classmethod
    def of(cls, view: InstanceView) -> "CallCounts":
        return cls(
            today=view.calls_today,
            quota=view.settings.daily_calls,
            last_window=view.calls_in_window,
            window_limit=view.settings.calls_per_window,
        )


class Throughput(BaseModel):
    rows_per_second: float | None


class Worker(BaseModel):
    id: str
    heartbeat_at: Moment

    @classmethod
    def of(cls, view: InstanceView) -> "Worker | None":
        """None: no worker has driven it yet."""
        instance = view.instance
        if not instance.worker or not instance.heartbeat_at:
            return None
        return cls(id=instance.worker, heartbeat_at=instance.heartbeat_at)


class Pause(BaseModel):
    by: str | None
    since: Moment
    reason: str | None

    @classmethod
    def of(cls, view: InstanceView) -> "Pause | None":
        instance = view.instance
        if not instance.paused_at:
            return None
        return cls(by=instance.paused_by, since=instance.paused_at, reason=instance.paused_reason)


class CallError(BaseModel):
    """The last call to Marketo that did not go through."""

    at: Moment
    call: str
    code: str
    message: str

    @classmethod
    def of(cls, view: InstanceView) -> "CallError | None":
        error = view.instance.last_error
        return cls(at=error.at, call=error.call, code=error.code, message=error.message) if error else None


class InstanceSummary(BaseModel):
    """What a key with the scope `submit` alone is shown of an instance."""

    name: str
    state: InstanceState
    reason: str | None
    until: Moment | None

    @classmethod
    def of(cls, view: InstanceView) -> "InstanceSummary":
        return cls(name=view.instance.name, state=view.condition, reason=view.reason, until=view.until)


class Instance(BaseModel):
    model_config = with_example(examples.INSTANCE)

    name: str
    base_url: str
    state: InstanceState
    reason: str | None
    until: Moment | None
    limits: SlotLimits
    slots: SlotCounts
    waiting: Backlog
    calls: CallCounts
    throughput: Throughput
    worker: Worker | None
    paused: Pause | None
    last_error: CallError | None

    @classmethod
    def of(cls, view: InstanceView) -> "Instance":
        return cls(
            name=view.instance.name,
            base_url=view.base_url,
            state=view.condition,
            reason=view.reason,
            until=view.until,
            limits=SlotLimits(importing=view.settings.max_importing, queued=view.settings.max_queued),
            slots=SlotCounts.of(view),
            waiting=Backlog.of(view),
            calls=CallCounts.of(view),
            throughput=Throughput(rows_per_second=view.rows_per_second),
            worker=Worker.of(view),
            paused=Pause.of(view),
            last_error=CallError.of(view),
        )


class InstancePage(BaseModel):
    items: list[Instance | InstanceSummary]
    next_page_token: str | None = None
