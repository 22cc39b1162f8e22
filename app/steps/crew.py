"""A crew: the steps that drive one instance, with what they share."""

from dataclasses import dataclass, field
from datetime import datetime

from app.domain.instances import Fault
from app.marketo.allowance import Allowance
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
