"""Deciding about a part: whoever decided stands in the event, and what goes for a part goes for its whole job."""

import pytest
from sqlalchemy import select

from app.domain.errors import NotFound, WrongState
from app.domain.failpoints import no_op
from app.domain.lifecycle import Move
from app.domain.result_rows import ResultRow
from app.notify.wakeup import Wakeup
from app.operations.resolve import Resolve
from app.store import job_queries, jobs, part_queries, parts, results
from app.store.database import Database
from app.store.results import Kind, Owner
from app.store.tables import result_row
from tests.operations.people import events_by, unconfirmed
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs
from tests.support.clock import SteppedClock


@pytest.fixture
def resolve(db: Database, clock: SteppedClock) -> Resolve:
    return Resolve(db=db, now=clock, wakeup=Wakeup(), hit=no_op)


async def test_the_event_of_a_decision_says_who_decided(db: Database, resolve: Resolve):
    """Whichever way it went."""
    await resolve.run(await unconfirmed(db), 1, batch_id=None, by="di")
    await resolve.run(await unconfirmed(db), 1, batch_id=3404, by="ed")
    assert await events_by(db, "di") == [("resubmit", {"by": "di"})]
    assert await events_by(db, "ed") == [("accept", {"by": "ed", "batch_id": 3404})]


@pytest.mark.both_databases
async def test_a_batch_is_one_parts_only(db: Database, resolve: Resolve):
    """Who takes another part's job for this one's would have its rows counted that never went out."""
    await resolve.run(await unconfirmed(db), 1, batch_id=3404, by="ann")
    second = await unconfirmed(db, slot=2)
    with pytest.raises(WrongState, match=r"3404 is part 1 of import 1 already"):
        await resolve.run(second, 1, batch_id=3404, by="ann")
    await resolve.run(second, 1, batch_id=3405, by="ann")


async def a_bundle(db: Database, *moves: Move) -> list[int]:
    """Three imports of one part each, of two clients, in one job, which has made these moves."""
    made = [await an_import(db, client=client) for client in ("ann", "bob", "ann")]
    ids = [(await parts_of(db, import_id))[0].id for import_id in made]
    async with db.write() as tx:
        job = await jobs.claim(tx, ids, slot=1, due_at=AT, at=AT)
        for how in moves:
            await jobs.move(tx, job.id, how, at=AT, values={"batch_id": 3404} if how is Move.ACCEPT else None)
    return made


@pytest.mark.parametrize(
    "moves",
    [
        (Move.LOSE,),
        (Move.ACCEPT,),
        (Move.ACCEPT, Move.START),
        (Move.ACCEPT, Move.FINISH),
    ],
    ids=["unconfirmed", "queued", "importing", "collecting"],
)
@pytest.mark.both_databases
async def test_a_job_of_which_nothing_more_is_expected_is_given_up_for_all_its_imports(
    db: Database, resolve: Resolve, moves: tuple[Move, ...]
):
    """Each has failed and says why and who did it; nothing counts as imported; the slot is free."""
    made = await a_bundle(db, *moves)
    assert await resolve.give_up(made[1], 1, by="di") == {made[0]: "ann", made[2]: "ann"}
    for import_id in made:
        (part,) = await parts_of(db, import_id)
        assert (part.state, part.rows.imported, part.rows.pending) == ("failed", 0, 3)
        assert part.error is not None
        assert part.error.code == "given_up"
    assert await events_by(db, "di") == [("give_up", {"by": "di"})] * 3
    async with db.read() as tx:
        assert await job_queries.slots_in_use(tx, "default") == set()
        (part,) = await parts_of(db, made[0])
        job = await job_queries.get(tx, part.job_id or 0)
    assert (job.state, job.finished_at, job.error) == ("failed", AT, part.error)
    with pytest.raises(WrongState, match="is failed"):
        await resolve.give_up(made[0], 1, by="di")


async def test_rows_that_a_dead_worker_had_begun_to_store_go_with_the_job_and_ours_stay(db: Database, resolve: Resolve):
    """Nothing is shown of what is not counted; what pre-flight wrote is not Marketo's word."""
    first, *_ = await a_bundle(db, Move.ACCEPT, Move.FINISH)
    row = ResultRow(source_row=1, reason="bad", values=["a@example.com"], part_row=0)
    async with db.write() as tx:
        marketos, ours = results.encode_rows([(Owner(first, 1), row), (Owner(first), row)])
        await results.keep_rows(tx, Kind.WARNINGS, [marketos, ours])
    await resolve.give_up(first, 1, by="di")
    async with db.read() as tx:
        left = (await tx.execute(select(result_row.c.part_number))).scalars().all()
    assert left == [0]


async def test_what_waits_for_a_part_that_is_given_up_may_go(db: Database, resolve: Resolve):
    """It was blocked by the records of a part whose job would never end."""
    (there,) = await parts_of(db, first := await an_import(db))
    (behind,) = await parts_of(db, await an_import(db))
    async with db.write() as tx:
        await in_jobs.move(tx, there.id, Move.CLAIM, at=AT, values={"slot": 1})
        await in_jobs.move(tx, there.id, Move.ACCEPT, at=AT)
        await parts.set_blocked(tx, behind.id, by=there.id, at=AT)
    assert await resolve.give_up(first, 1, by="di") == {}
    async with db.read() as tx:
        assert (await part_queries.get(tx, behind.id)).blocked_by is None


async def test_what_is_not_at_marketo_cannot_be_given_up(db: Database, resolve: Resolve):
    """What waits is cancelled; what is being sent is left to its answer; there must be such a part."""
    (only,) = await parts_of(db, import_id := await an_import(db))
    with pytest.raises(WrongState, match=r"is waiting: .* cancel its import"):
        await resolve.give_up(import_id, 1, by="di")
    async with db.write() as tx:
        await in_jobs.move(tx, only.id, Move.CLAIM, at=AT, values={"slot": 1})
    with pytest.raises(WrongState, match=r"is submitting: .* answer comes first"):
        await resolve.give_up(import_id, 1, by="di")
    with pytest.raises(NotFound, match="no part 2"):
        await resolve.give_up(import_id, 2, by="di")
    assert await events_by(db, "di") == []


@pytest.mark.parametrize("batch_id", [None, 3404])
async def test_a_decision_about_one_part_of_a_job_goes_for_all_of_them(
    db: Database, resolve: Resolve, batch_id: int | None
):
    """Sent again or followed, together; whose they are is answered."""
    made = await a_bundle(db, Move.LOSE)
    assert await resolve.run(made[2], 1, batch_id=batch_id, by="di") == {made[0]: "ann", made[1]: "bob"}
    states = {(await parts_of(db, import_id))[0].state for import_id in made}
    assert states == {"waiting" if batch_id is None else "queued"}
    assert [told for told, _ in await events_by(db, "di")] == ["resubmit" if batch_id is None else "accept"] * 3
