"""The steps that drive one instance, built from what the process shares, and what is known of how they go."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.container import Container
from app.domain.instances import Fault
from app.domain.timeouts import RetryPolicy
from app.marketo.rate_limit import RateLimiter
from app.pipeline.collect import Collect
from app.pipeline.poll import Poll
from app.pipeline.submit import Submit
from app.scheduling.conflict_checker import ConflictChecker
from app.scheduling.instance_context import InstanceContext
from app.scheduling.queue_model import QueueModel
from app.settings import InstanceSettings, Settings
from app.worker.recovery import Recovery


@dataclass(frozen=True, slots=True)
class InstanceWorker:
    submit: Submit
    poll: Poll
    collect: Collect
    recovery: Recovery
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


def build_instance_worker(container: Container, name: str) -> InstanceWorker:
    """The steps that drive one instance."""
    settings, instance, marketo = container.settings, container.settings.instances[name], container.marketo[name]
    queue_model = QueueModel(
        importers=instance.max_importing,
        poll_min_seconds=settings.poll_min_seconds,
        poll_max_seconds=settings.poll_max_seconds,
    )
    context = InstanceContext(
        db=container.db,
        marketo=marketo,
        now=container.now,
        sleep=container.sleep,
        chance=container.chance,
        retry_policy=retry_policy_from(settings, instance),
        queue_model=queue_model,
        max_queued=instance.max_queued,
        hit=container.hit,
    )
    instance_worker = InstanceWorker(
        submit=Submit(context, ConflictChecker(context)),
        poll=Poll(context, container.wakeup),
        collect=Collect(context),
        recovery=Recovery(context, settings.stuck_seconds),
        rate_limiter=marketo.rate_limiter,
        queue_model=queue_model,
        max_queued=instance.max_queued,
    )
    container.timekeeper.moved.append(instance_worker.move_times)
    return instance_worker


def retry_policy_from(settings: Settings, instance: InstanceSettings) -> RetryPolicy:
    return RetryPolicy(
        upload_seconds=settings.upload_timeout_seconds,
        settle_seconds=settings.unconfirmed_settle_seconds,
        retry_base_seconds=settings.retry_base_seconds,
        retry_max_seconds=settings.retry_max_seconds,
        poll_min_seconds=settings.poll_min_seconds,
        poll_max_seconds=settings.poll_max_seconds,
        window_seconds=instance.window_seconds,
    )
