"""The steps that drive one instance, built from what the process shares, and what is known of how they go."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.container import Container
from app.domain.instances import Fault
from app.domain.timeouts import RetryPolicy
from app.marketo.client import Marketo
from app.marketo.multipart import envelope_bytes
from app.marketo.rate_limit import RateLimiter
from app.pipeline.collect import Collect
from app.pipeline.poll import Poll
from app.pipeline.schedule import Schedule
from app.pipeline.submit import Submit
from app.results.fetching import ResultFiles
from app.results.late_files import LateFiles
from app.scheduling.back_off import BackOff
from app.scheduling.bundler import Bundler
from app.scheduling.candidates import Candidates
from app.scheduling.conflict_checker import ConflictChecker
from app.scheduling.external_slots import ExternalSlots
from app.scheduling.fenced_writer import FencedWriter
from app.scheduling.job_spans import JobSpans
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
        """Move every time that is kept in memory, after the clock was set."""
        moved = timedelta(seconds=seconds)
        self.queue_model.forget_times()
        self.ticked.update({tick: at + moved for tick, at in self.ticked.items()})
        self.failing.update({step: replace(fault, since=fault.since + moved) for step, fault in self.failing.items()})


def build_instance_worker(container: Container, name: str) -> InstanceWorker:
    """The steps that drive one instance, each with what it needs and no more."""
    settings, instance, marketo = container.settings, container.settings.instances[name], container.marketo[name]
    retry_policy = retry_policy_from(settings, instance)
    queue_model = QueueModel(
        importers=instance.max_importing,
        poll_min_seconds=settings.poll_min_seconds,
        poll_max_seconds=settings.poll_max_seconds,
    )
    fenced = FencedWriter(container.db, marketo.answers, marketo.rate_limiter, container.now)
    settling = Settling(retry_policy, queue_model)
    builder = _Builder(
        container,
        marketo,
        instance.max_queued,
        fenced,
        retry_policy,
        BackOff(retry_policy, container.now, container.chance),
        queue_model,
        settling,
    )
    instance_worker = InstanceWorker(
        submit=builder.submit(),
        poll=builder.poll(),
        collect=builder.collect(),
        recovery=Recovery(container.db, fenced, settling, settings.stuck_seconds, container.now, container.hit),
        rate_limiter=marketo.rate_limiter,
        queue_model=queue_model,
        max_queued=instance.max_queued,
    )
    container.timekeeper.moved.append(instance_worker.move_times)
    return instance_worker


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds the steps of one instance from what they share. No step sees the builder."""

    container: Container
    marketo: Marketo
    max_queued: int
    fenced: FencedWriter
    retry_policy: RetryPolicy
    back_off: BackOff
    queue_model: QueueModel
    settling: Settling

    def schedule(self) -> Schedule:
        db, now, hit = self.container.db, self.container.now, self.container.hit
        return Schedule(
            db=db,
            fenced=self.fenced,
            candidates=Candidates(db, now),
            conflict_checker=ConflictChecker(db, self.fenced, hit),
            bundler=Bundler(
                db,
                self.queue_model,
                bundle_seconds=self.container.settings.bundle_seconds,
                body_bytes=self.container.settings.part_bytes - envelope_bytes(),
                now=now,
            ),
            queue_model=self.queue_model,
            retry_policy=self.retry_policy,
            max_queued=self.max_queued,
            now=now,
            hit=hit,
        )

    def spans(self) -> JobSpans:
        return JobSpans(self.container.db, self.fenced, self.container.tracer)

    def submit(self) -> Submit:
        external_slots = ExternalSlots(self.max_queued, self.back_off)
        return Submit(
            schedule=self.schedule(),
            db=self.container.db,
            fenced=self.fenced,
            marketo=self.marketo,
            back_off=self.back_off,
            external_slots=external_slots,
            turned_away=TurnedAwayPolicy(self.retry_policy, self.back_off, external_slots),
            settling=self.settling,
            retry_policy=self.retry_policy,
            spans=self.spans(),
            now=self.container.now,
            sleep=self.container.sleep,
            hit=self.container.hit,
        )

    def poll(self) -> Poll:
        return Poll(
            db=self.container.db,
            fenced=self.fenced,
            marketo=self.marketo,
            queue_model=self.queue_model,
            back_off=self.back_off,
            retry_policy=self.retry_policy,
            wakeup=self.container.wakeup,
            spans=self.spans(),
            now=self.container.now,
            hit=self.container.hit,
        )

    def collect(self) -> Collect:
        db, now = self.container.db, self.container.now
        return Collect(
            db=db,
            fenced=self.fenced,
            result_files=ResultFiles(db, self.marketo, now),
            late_files=LateFiles(self.back_off, self.retry_policy, now),
            back_off=self.back_off,
            spans=self.spans(),
            now=now,
            hit=self.container.hit,
        )


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
