"""A crew: the steps that drive one instance, with what they share."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.instances import Fault
from app.marketo.rate_limit import RateLimiter
from app.operations.recovery import Sweep
from app.pipeline.collect import Collect
from app.pipeline.poll import Poll
from app.pipeline.submit import Submit
from app.scheduling.queue_model import QueueModel


@dataclass(frozen=True, slots=True)
class InstanceWorker:
    submit: Submit
    poll: Poll
    collect: Collect
    sweep: Sweep
    rate_limiter: RateLimiter
    queue_model: QueueModel
    max_queued: int
    ticked: dict[str, datetime] = field(default_factory=dict)  # when each step was last done, as a tick or in one
    failing: dict[str, Fault] = field(default_factory=dict)  # the steps that failed the last time

    def move_times(self, seconds: float) -> None:
        """The clock was set: go on by the new one."""
        moved = timedelta(seconds=seconds)
        self.queue_model.forget_times()
        self.ticked.update({tick: at + moved for tick, at in self.ticked.items()})
        self.failing.update({step: replace(fault, since=fault.since + moved) for step, fault in self.failing.items()})
