"""The steps that drive one instance, built from what the process shares, and what is known of how they go."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.container import Container
from app.domain.instances import Fault
from app.domain.timeouts import RetryPolicy
from app.marketo.rate_limit import RateLimiter
from app.pipeline.collect import Collect
from app.pipeline.poll import Poll
from app.pipeline.schedule import Schedule
from app.pipeline.submit import Submit
from app.results.fetching import ResultFiles
from app.results.late_files import LateFiles
from app.scheduling.back_off import BackOff
from app.scheduling.candidates import Candidates
from app.scheduling.conflict_checker import ConflictChecker
from app.scheduling.external_slots import ExternalSlots
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.queue_model import QueueModel
from app.scheduling.settling import Settling
from app.scheduling.turned_away import TurnedAwayPolicy
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
    """The steps that drive one instance, each with what it needs and no more."""
    settings, instance, marketo = container.settings, container.settings.instances[name], container.marketo[name]
    db, now, hit = container.db, container.now, container.hit
    retry_policy = retry_policy_from(settings, instance)
    queue_model = QueueModel(
        importers=instance.max_importing,
        poll_min_seconds=settings.poll_min_seconds,
        poll_max_seconds=settings.poll_max_seconds,
    )
    fenced = FencedWriter(db, marketo.answers, marketo.rate_limiter, now)
    back_off = BackOff(retry_policy, now, container.chance)
    external_slots = ExternalSlots(instance.max_queued, back_off)
    settling = Settling(retry_policy, queue_model)
    schedule = Schedule(
        db=db,
        fenced=fenced,
        candidates=Candidates(db, now),
        conflict_checker=ConflictChecker(db, fenced, hit),
        queue_model=queue_model,
        retry_policy=retry_policy,
        max_queued=instance.max_queued,
        now=now,
        hit=hit,
    )
    submit = Submit(
        schedule=schedule,
        db=db,
        fenced=fenced,
        marketo=marketo,
        back_off=back_off,
        external_slots=external_slots,
        turned_away=TurnedAwayPolicy(retry_policy, back_off, external_slots),
        settling=settling,
        retry_policy=retry_policy,
        now=now,
        sleep=container.sleep,
        hit=hit,
    )
    poll = Poll(
        db=db,
        fenced=fenced,
        marketo=marketo,
        queue_model=queue_model,
        back_off=back_off,
        retry_policy=retry_policy,
        wakeup=container.wakeup,
        now=now,
        hit=hit,
    )
    collect = Collect(
        db=db,
        fenced=fenced,
        result_files=ResultFiles(db, marketo, now),
        late_files=LateFiles(back_off, retry_policy, now),
        back_off=back_off,
        now=now,
        hit=hit,
    )
    instance_worker = InstanceWorker(
        submit=submit,
        poll=poll,
        collect=collect,
        recovery=Recovery(db, fenced, settling, settings.stuck_seconds, now, hit),
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
