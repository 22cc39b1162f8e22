"""Resolve: a person decides what became of a part that Marketo has, or may have. It goes for the part's whole job.

Which imports share the job stands in the answer: whoever decides for one decides for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from app.clock import Clock
from app.domain.errors import NotFound, WrongState
from app.domain.failpoints import Failpoint, FailpointHit
from app.domain.lifecycle import TABLE, Move, PartState
from app.domain.parts import GIVEN_UP, Part
from app.notify.wakeup import Wakeup
from app.store import job_queries, jobs, part_queries, results
from app.store.database import Database
from app.store.parts import Stale
from app.store.results import Owner

OUTCOME = {
    "error_code": GIVEN_UP,
    "error_message": "A person gave it up: nothing more was expected of its job at Marketo. "
    "Some of its rows may have been imported, or all.",
    "due_at": None,
    "results_late": None,
}
INSTEAD = {
    PartState.WAITING: " To stop what waits, cancel its import.",
    PartState.SUBMITTING: " Marketo's answer comes first; where it is lost, the part is unconfirmed.",
}
"""What to do about a part that cannot be given up yet."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """The event of the move says who decided, in the history of each import of the job."""

    db: Database
    now: Clock
    wakeup: Wakeup
    hit: FailpointHit

    async def run(self, import_id: int, number: int, *, batch_id: int | None, by: str) -> Mapping[int, str]:
        """Decide an unconfirmed part: Marketo has it as `batch_id`, or (None) it is to be sent again.

        The other imports of its job, and the client of each. Errors: NotFound; WrongState for a part that is not
        unconfirmed, and for a batch that is another part's.
        """
        at = self.now()
        async with self.db.write() as tx:
            part = await _part(tx, import_id, number)
            if part.job_id is None or part.state is not PartState.UNCONFIRMED:
                raise WrongState(f"Part {number} is {part.state}: only an unconfirmed part can be resolved.")
            others = await _others(tx, part.job_id, import_id)
            values = {"batch_id": batch_id, "due_at": None}
            try:
                if batch_id is None:
                    await jobs.move(tx, part.job_id, Move.RESUBMIT, at=at, values=values, by=by)
                else:
                    await _refuse_taken(tx, part, part.job_id, batch_id)
                    await jobs.move(tx, part.job_id, Move.ACCEPT, at=at, values=values, by=by, batch_id=batch_id)
            except Stale:
                raise _moved_meanwhile(number) from None
        self._tell()
        return others

    async def give_up(self, import_id: int, number: int, *, by: str) -> Mapping[int, str]:
        """End the job of a part that Marketo has, or may have, as failed: nothing more is expected of it.

        Its slot is free, and so is whoever waits for its parts. Of its rows nothing more is counted than Marketo has
        said already, and of a job of several parts nothing. As `run`.
        """
        at = self.now()
        async with self.db.write() as tx:
            part = await _part(tx, import_id, number)
            if part.job_id is None or part.state not in TABLE[Move.GIVE_UP].sources:
                instead = INSTEAD.get(part.state, "")
                raise WrongState(
                    f"Part {number} is {part.state}: only one that Marketo has, or may have, can be given up.{instead}"
                )
            owners = [Owner(each.import_id, each.number) for each in await job_queries.parts_of(tx, part.job_id)]
            others = await _others(tx, part.job_id, import_id)
            try:
                await jobs.move(tx, part.job_id, Move.GIVE_UP, at=at, values=OUTCOME, by=by)
            except Stale:
                raise _moved_meanwhile(number) from None
            await results.forget_rows(tx, owners)  # collecting may have been half done
        self._tell()
        return others

    def _tell(self) -> None:
        self.hit(Failpoint.DECIDED)
        self.wakeup.send()


async def _part(tx: AsyncConnection, import_id: int, number: int) -> Part:
    """Errors: NotFound."""
    part = next((part for part in await part_queries.of_import(tx, import_id) if part.number == number), None)
    if part is None:
        raise NotFound(f"There is no part {number} of an import {import_id}.")
    return part


async def _others(tx: AsyncConnection, job_id: int, import_id: int) -> Mapping[int, str]:
    """The other imports with rows in a job, in the order of their ids, and the client of each."""
    clients = await job_queries.clients_of(tx, job_id)
    return {other: client for other, client in clients.items() if other != import_id}


async def _refuse_taken(tx: AsyncConnection, part: Part, job_id: int, batch_id: int) -> None:
    """Errors: WrongState, where Marketo's job of that number is another one of ours."""
    other = await job_queries.other_with_batch(tx, job_id, part.instance, batch_id)
    if other is not None:
        owners = await job_queries.parts_of(tx, other.id)
        owner = f"part {owners[0].number} of import {owners[0].import_id}" if owners else "an earlier job"
        raise WrongState(f"Batch {batch_id} is {owner} already. Look for this part's own in Marketo.")


def _moved_meanwhile(number: int) -> WrongState:
    return WrongState(f"Part {number} has moved meanwhile: look at it again.")
