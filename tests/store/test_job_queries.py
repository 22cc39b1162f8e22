"""Which jobs there are: in a state, at Marketo, with a batch id, of an import."""

from datetime import timedelta
from typing import Any

from app.domain.lifecycle import JobState
from app.store import job_queries
from app.store.database import Database
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

MINUTE = timedelta(minutes=1)


async def put(db: Database, part_id: int, state: str, **columns: Any) -> int | None:
    """The id of the job that the part is in now."""
    async with db.write() as tx:
        return await in_jobs.put(tx, part_id, state, **columns)


async def ids(db: Database, parts_count: int, **request: object) -> list[int]:
    """The ids of the parts of a new import."""
    return [one.id for one in await parts_of(db, await an_import(db, parts_count=parts_count, **request))]


async def test_jobs_in_a_state_come_in_the_order_in_which_marketo_got_them(db: Database):
    """With a time, only those whose turn it is by then; one without a time is always due."""
    jobs = []
    for slot, (part_id, due) in enumerate(zip(await ids(db, 3), (9, 1, None), strict=True), start=1):
        due_at, submitted_at = None if due is None else AT + due * MINUTE, AT + slot % 3 * MINUTE
        jobs.append(await put(db, part_id, "queued", slot=slot, submitted_at=submitted_at, due_at=due_at))
    await put(db, (await ids(db, 1))[0], "importing", slot=4)
    first, second, third = jobs
    async with db.read() as tx:
        queued = await job_queries.in_states(tx, "default", {JobState.QUEUED})
        due_jobs = await job_queries.in_states(tx, "default", {JobState.QUEUED}, due=AT + MINUTE)
        one = await job_queries.in_states(tx, "default", {JobState.QUEUED, JobState.IMPORTING}, limit=1)
        assert await job_queries.in_states(tx, "other", {JobState.QUEUED}) == []
    assert [job.id for job in queued] == [third, first, second]
    assert [job.id for job in due_jobs] == [third, second]
    assert len(one) == 1


async def test_slots_are_counted_by_instance(db: Database):
    """A job that holds one is at Marketo, or may be."""
    first, second, ended = await ids(db, 3)
    (elsewhere,) = await ids(db, 1, instance="other")
    later = await put(db, first, "unconfirmed", slot=7, submitted_at=AT + MINUTE)
    sooner = await put(db, second, "queued", slot=3, submitted_at=AT)
    await put(db, ended, "complete", submitted_at=AT)
    await put(db, elsewhere, "queued", slot=1, submitted_at=AT)
    async with db.read() as tx:
        assert await job_queries.slots_in_use(tx, "default") == {3, 7}
        assert await job_queries.states_at_marketo(tx, "default") == {JobState.UNCONFIRMED: 1, JobState.QUEUED: 1}
        assert [one.id for one in await job_queries.at_marketo(tx, ["default"])] == [sooner, later]
        assert len(await job_queries.at_marketo(tx, ["default", "other"])) == 3


async def test_a_batch_belongs_to_one_job(db: Database):
    """Another one that has its batch id, or had it, is found; in another instance the number means another job."""
    first, second = await ids(db, 2)
    (elsewhere,) = await ids(db, 1, instance="other")
    mine = await put(db, first, "complete", batch_id=1001)
    other = await put(db, second, "unconfirmed")
    await put(db, elsewhere, "complete", batch_id=1002)
    assert mine
    assert other
    async with db.read() as tx:
        assert await job_queries.other_with_batch(tx, mine, "default", 1001) is None
        assert await job_queries.other_with_batch(tx, other, "default", 1001) == await job_queries.get(tx, mine)
        assert await job_queries.other_with_batch(tx, other, "default", 1002) is None


async def test_a_stuck_job_is_found_until_the_history_tells_of_it(db: Database):
    """In Marketo's queue, at work there, or with its results still to come; one that has ended is never stuck."""
    queued, collecting, told, ended, young = await ids(db, 5)
    stuck = [
        await put(db, queued, "queued", slot=1, state_since=AT),
        await put(db, collecting, "collecting", state_since=AT - MINUTE),
    ]
    await put(db, told, "importing", slot=2, state_since=AT, stuck_at=AT)
    await put(db, ended, "complete", state_since=AT - MINUTE)
    await put(db, young, "importing", slot=3, state_since=AT + MINUTE)
    async with db.read() as tx:
        assert [one.id for one in await job_queries.stuck_untold(tx, "default", since=AT)] == stuck


async def test_the_jobs_of_an_import_are_found_by_its_parts(db: Database):
    """Those that hold a slot; and the parts of a job come in the order in which their rows are sent."""
    first, second, waiting = await ids(db, 3)
    there = await put(db, first, "queued", slot=1)
    await put(db, second, "complete")
    assert there
    async with db.read() as tx:
        (part,) = await job_queries.parts_of(tx, there)
        assert await job_queries.of_imports(tx, [part.import_id, 4711]) == {part.import_id: {there}}
        assert await job_queries.part_ids_of(tx, [there]) == [first]
        assert await job_queries.submitting_with(tx, [first, waiting]) == set()


async def test_jobs_come_in_pages_newest_first(db: Database):
    """Of one instance, in any state or in one; a page begins behind an id."""
    first, second, third = await ids(db, 3)
    (elsewhere,) = await ids(db, 1, instance="other")
    oldest = await put(db, first, "complete")
    there = await put(db, second, "queued", slot=1)
    newest = await put(db, third, "complete")
    await put(db, elsewhere, "complete")

    async def listed(state: JobState | None = None, before: int | None = None, size: int = 9) -> list[int]:
        async with db.read() as tx:
            return [job.id for job in await job_queries.page(tx, "default", state=state, before=before, size=size)]

    assert await listed() == [newest, there, oldest]
    assert await listed(size=2) == [newest, there]
    assert await listed(before=there) == [oldest]
    assert await listed(JobState.COMPLETE) == [newest, oldest]
    assert await listed(JobState.COMPLETE, before=newest) == [oldest]
    assert await listed(JobState.FAILED) == []
