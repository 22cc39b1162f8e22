"""External slots: places in Marketo's queue that other programs take, as far as Marketo's answers tell.

Marketo answers 1016 when its queue is full. What is not ours in a full queue is somebody else's.
"""

from dataclasses import dataclass
from datetime import datetime

from app.domain.events import Occurrence
from app.domain.incidents import CallError
from app.domain.instances import Instance, at_work, external_seconds
from app.domain.lifecycle import JobState
from app.domain.timeouts import after
from app.scheduling.back_off import BackOff
from app.store import instances, job_queries
from app.store.instances import ExternalSlotsEstimate
from app.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ExternalSlots:
    max_queued: int  # places in Marketo's queue, for everybody
    back_off: BackOff

    async def observe_full(self, tx: Transaction, instance: Instance, error: CallError) -> None:
        """Note that Marketo answered 1016: the places in its queue that are not ours are others', for a while."""
        states = await job_queries.states_at_marketo(tx, instance.name)
        states[JobState.SUBMITTING] -= 1  # the job that was turned away
        external, working = max(0, self.max_queued - states.total()), at_work(states)
        before = instance.consecutive_1016s_before(at_work=working)
        until = after(error.at, external_seconds(before, at_work=working))
        estimate = ExternalSlotsEstimate(external, error.at, until, before + 1, not working)
        await instances.set_external_slots(tx, instance.name, estimate)
        await self.back_off.record_incident(tx, Occurrence.QUEUE_FULL, instance.name, error, slots=external)

    async def observe_accepted(self, tx: Transaction, instance: Instance, at: datetime) -> None:
        """Note that Marketo accepted a job. If others were thought to hold its place, the next one is tried, too."""
        used = len(await job_queries.slots_in_use(tx, instance.name))
        is_wrong = used + instance.external_slots > self.max_queued
        if instance.external_slots and (is_wrong or instance.external_alone):
            estimate = ExternalSlotsEstimate(self.max_queued - used, at, until=at, consecutive_1016s=0, alone=False)
            await instances.set_external_slots(tx, instance.name, estimate)
