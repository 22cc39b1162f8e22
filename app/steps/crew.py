"""A crew: the steps that drive one instance, with what they share."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.domain.instances import Fault
from app.marketo.rate_limit import Allowance
from app.steps.collect import Collect
from app.steps.poll import Poll
from app.steps.submit import Submit
from app.steps.sweep import Sweep
from app.steps.watch import Watch


@dataclass(frozen=True, slots=True)
class Crew:
    submit: Submit
    poll: Poll
    collect: Collect
    sweep: Sweep
    allowance: Allowance
    watch: Watch
    max_queued: int
    ticked: dict[str, datetime] = field(default_factory=dict)  # when each step was last done, as a tick or in one
    failing: dict[str, Fault] = field(default_factory=dict)  # the steps that failed the last time

    def move_times(self, seconds: float) -> None:
        """The clock was set: go on by the new one."""
        moved = timedelta(seconds=seconds)
        self.watch.forget_times()
        self.ticked.update({tick: at + moved for tick, at in self.ticked.items()})
        self.failing.update({step: replace(fault, since=fault.since + moved) for step, fault in self.failing.items()})
