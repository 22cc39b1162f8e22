"""Jobs: what befalls one befalls all its parts, in one transaction, and every import of theirs is told."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.domain.jobs import Job
from app.domain.lifecycle import Move
from app.domain.parts import Part
from app.store import erasures, events, imports, job_queries, jobs, part_queries, parts
from app.store.database import Database
from app.store.parts import Stale
from app.store.results import Kind, keep_file
from app.store.tables import import_, job, part, result_file
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

LATER = AT + timedelta(minutes=1)
DAY = timedelta(days=1)


async def one_part(db: Database, **request: Any) -> Part:
    """The part of a new import."""
    return (await parts_of(db, await an_import(db, **request)))[0]


async def claimed(db: Database, *part_ids: int, slot: int = 1) -> Job:
    async with db.write() as tx:
        return await jobs.claim(tx, part_ids, slot=slot, due_at=LATER, at=AT)


async def bundled(db: Database, *moves: Move) -> tuple[Job, Part, Part]:
    """A job with the parts of two imports, after these moves."""
    first, second = await one_part(db), await one_part(db)
    made = await claimed(db, first.id, second.id)
    for how in moves:
        await moved(db, made, how)
    return made, first, second


async def moved(db: Database, of: Job, how: Move, **knobs: Any) -> Job:
    async with db.write() as tx:
        return await jobs.move(tx, of.id, how, at=AT, **knobs)


async def read(db: Database, *of: Part) -> list[Part]:
    async with db.read() as tx:
        return [await part_queries.get(tx, one.id) for one in of]


async def told(db: Database, of: Part) -> list[tuple[str, int | None, dict[str, Any]]]:
    """What the history of a part's import has: (type, part, what else it says), without the acceptance."""
    async with db.read() as tx:
        lines = await events.page(tx, of.import_id, after=0, size=50)
    return [(str(line.type), line.part, dict(line.data)) for line in lines if line.type != "accepted"]


async def statuses(db: Database, *of: Part) -> list[str]:
    async with db.read() as tx:
        ids = [one.import_id for one in of]
        rows = await tx.execute(select(import_.c.status).where(import_.c.id.in_(ids)).order_by(import_.c.id))
        return list(rows.scalars())


async def jobs_there(db: Database) -> int:
    async with db.read() as tx:
        return (await tx.execute(select(func.count()).select_from(job))).scalar_one()


async def test_a_claim_makes_one_job_of_the_parts_of_several_imports(db: Database):
    """It has one slot and the sums over its parts; each import's history says with how many others its part went."""
    small, large = await one_part(db), await one_part(db, rows=5)
    async with db.write() as tx:
        await tx.execute(update(part).where(part.c.id == large.id).values(attempts=2, bytes=70))
    made = await claimed(db, large.id, small.id, slot=4)
    assert (made.state, made.slot, made.instance, made.object_type) == ("submitting", 4, "default", "lead")
    assert (made.parts, made.imports, made.rows.total, made.size_bytes, made.attempts) == (2, 2, 8, 78, 2)
    assert (made.due_at, made.submitted_at, made.batch_id) == (LATER, AT, None)
    for one in await read(db, small, large):
        assert (one.state, one.job_id, one.bundled_with, one.due_at) == ("submitting", made.id, 1, LATER)
        assert await told(db, one) == [("claim", 1, {"slot": 4, "bundled_with": 1})]
    async with db.read() as tx:
        assert await job_queries.slots_in_use(tx, "default") == {4}
        in_order = await job_queries.parts_of(tx, made.id)
    assert [one.id for one in in_order] == [small.id, large.id], "in the order of acceptance, whoever leads"
    assert await statuses(db, small, large) == ["importing", "importing"]


async def test_a_claim_whose_leader_waits_no_more_is_stale(db: Database):
    """Nobody else goes without it, and nothing is left of the try."""
    leader, other = await one_part(db), await one_part(db)
    await claimed(db, leader.id)
    with pytest.raises(Stale):
        await claimed(db, leader.id, other.id, slot=2)
    assert [one.state for one in await read(db, leader, other)] == ["submitting", "waiting"]
    assert await jobs_there(db) == 1
    assert await told(db, other) == []


async def test_who_waits_no_more_is_left_out_of_a_claim(db: Database):
    """It went, or was cancelled, between being chosen and the claim: the sums are those of the others."""
    leader, gone, other = [await one_part(db) for _ in range(3)]
    async with db.write() as tx:
        await in_jobs.move(tx, gone.id, Move.CANCEL, at=AT)
    made = await claimed(db, leader.id, gone.id, other.id)
    assert (made.parts, made.imports, made.rows.total) == (2, 2, 6)
    assert [one.job_id for one in await read(db, leader, gone, other)] == [made.id, None, made.id]
    assert await statuses(db, gone) == ["cancelled"]


async def test_who_waits_for_somebody_else_is_left_out_and_who_waits_for_one_in_the_job_goes_along(db: Database):
    """ONE_KEY_AT_A_TIME: in one job rows are in their order; behind another part they have to wait."""
    before, leader, behind, behind_another = [await one_part(db) for _ in range(4)]
    async with db.write() as tx:
        for waiter, blocker in ((behind, leader), (behind_another, before)):
            await tx.execute(update(part).where(part.c.id == waiter.id).values(waits_for=blocker.id, waits_since=AT))
    made = await claimed(db, leader.id, behind.id, behind_another.id)
    assert made.parts == 2
    found = await read(db, behind, behind_another)
    assert [(one.state, one.blocked_by) for one in found] == [("submitting", None), ("waiting", before.id)]


async def test_a_move_takes_all_parts_of_a_job_along_and_tells_each_import(db: Database):
    """One event for each part; status and sums of both imports follow; and the slot is given back."""
    made, first, second = await bundled(db, Move.ACCEPT)
    assert await statuses(db, first, second) == ["importing", "importing"]
    async with db.write() as tx:
        await jobs.move(tx, made.id, Move.FAIL, at=LATER, values={"error_code": "marketo_failed"}, batch_id=7)
    for one in await read(db, first, second):
        assert (one.state, one.state_since, one.finished_at, one.job_id) == ("failed", LATER, LATER, made.id)
        assert one.error
        assert one.error.code == "marketo_failed"
        assert ("fail", 1, {"batch_id": 7}) in await told(db, one)
    assert await statuses(db, first, second) == ["failed", "failed"]
    async with db.read() as tx:
        ended = await job_queries.get(tx, made.id)
        assert (ended.state, ended.slot, ended.finished_at, ended.due_at) == ("failed", None, LATER, None)
        assert await job_queries.slots_in_use(tx, "default") == set()


async def test_of_two_moves_of_a_job_the_second_is_stale(db: Database):
    """It leaves nothing behind: neither in the job, nor in its parts, nor in a history."""
    made, first, second = await bundled(db, Move.ACCEPT)
    before = [await told(db, one) for one in (first, second)]
    with pytest.raises(Stale):
        await moved(db, made, Move.LOSE, values={"due_at": LATER})
    assert [one.state for one in await read(db, first, second)] == ["queued", "queued"]
    assert [await told(db, one) for one in (first, second)] == before


async def test_a_move_gives_each_part_its_own_outcome_and_the_job_the_sums(db: Database):
    """EACH_ITS_OWN: in the parts, in their imports, and in what the histories say."""
    made, first, second = await bundled(db, Move.ACCEPT, Move.START, Move.FINISH)
    outcomes = {
        first.id: {"imported": 3, "failed": 0, "warned": 1},
        second.id: {"imported": 1, "failed": 2, "warned": 0},
    }
    of_job = {"imported": 4, "failed": 2, "warned": 1}
    done = await moved(db, made, Move.COLLECT, of_job=of_job, outcomes=outcomes)
    assert (done.rows.imported, done.rows.failed, done.rows.warned) == (4, 2, 1)
    for one in await read(db, first, second):
        counts = {"imported": one.rows.imported, "failed": one.rows.failed, "warned": one.rows.warned}
        assert counts == outcomes[one.id]
        assert ("collect", 1, counts) in await told(db, one)
    async with db.read() as tx:
        sums = await tx.execute(select(import_.c.imported, import_.c.failed, import_.c.warned).order_by(import_.c.id))
        assert [tuple(row) for row in sums] == [(3, 0, 1), (1, 2, 0)]


async def test_a_job_that_marketo_turned_away_is_no_more(db: Database):
    """Marketo never had it: its parts wait again, with the reason, and the number is not given to another job."""
    made, first, second = await bundled(db)
    await moved(db, made, Move.TURN_AWAY, values={"retry_code": "1016", "due_at": None}, code="1016")
    assert await jobs_there(db) == 0
    for one in await read(db, first, second):
        assert (one.state, one.job_id, one.bundled_with, one.retry_code) == ("waiting", None, None, "1016")
        assert (await told(db, one))[-1] == ("turn_away", 1, {"code": "1016"})
    assert await statuses(db, first, second) == ["queued", "queued"]
    assert (await claimed(db, first.id)).id > made.id


@pytest.mark.parametrize("how", [Move.TURN_AWAY, Move.RESUBMIT, Move.SEPARATE])
async def test_of_a_job_that_comes_back_the_part_of_a_cancelled_import_is_cancelled(db: Database, how: Move):
    """The other one waits: to cancel an import means for it what it means alone."""
    made, stopped, other = await bundled(db, *([Move.LOSE] if how is Move.RESUBMIT else []))
    async with db.write() as tx:
        await imports.request_cancel(tx, stopped.import_id, at=AT)
    await moved(db, made, how)
    assert [one.state for one in await read(db, stopped, other)] == ["cancelled", "waiting"]
    assert [type_ for type_, *_ in await told(db, stopped) if type_ in {how, "cancel"}] == [how, "cancel"]
    assert "cancel" not in [type_ for type_, *_ in await told(db, other)]
    assert await statuses(db, stopped, other) == ["cancelled", "queued"]


async def test_a_job_whose_parts_wait_again_is_over_and_holds_nothing(db: Database):
    """It is kept, for whoever asks what became of it; nothing moves it any more."""
    made, first, second = await bundled(db, Move.LOSE)
    over = await moved(db, made, Move.RESUBMIT, values={"due_at": None})
    assert (over.state, over.slot, over.due_at, over.finished_at) == ("over", None, None, AT)
    assert [one.job_id for one in await read(db, first, second)] == [None, None]
    for how in (Move.ACCEPT, Move.RESUBMIT, Move.FAIL):
        with pytest.raises(Stale):
            await moved(db, made, how)
    with pytest.raises(Stale):
        async with db.write() as tx:
            await jobs.note(tx, made.id, due_at=LATER)


async def test_counts_while_a_job_runs_are_those_of_its_part_only_where_it_has_one(db: Database):
    """NOT_A_GUESS: of several parts nobody knows whose rows they are before the result files say so."""
    alone = await one_part(db)
    single = await claimed(db, alone.id, slot=2)
    made, first, second = await bundled(db, Move.ACCEPT, Move.START)
    await moved(db, single, Move.ACCEPT)
    counts = {"imported": 2, "failed": 1, "warned": 1}
    async with db.write() as tx:
        for of in (single, made):
            await jobs.note(tx, of.id, due_at=LATER, silent_since=None, counted=True, **counts)
        noted = [await job_queries.get(tx, of.id) for of in (single, made)]
        sums = (await tx.execute(select(import_.c.imported).order_by(import_.c.id))).scalars().all()
    assert [(of.rows.imported, of.rows.failed, of.rows.warned, of.due_at) for of in noted] == [(2, 1, 1, LATER)] * 2
    found = await read(db, alone, first, second)
    assert [(one.rows.imported, one.rows.failed, one.rows.warned) for one in found] == [(2, 1, 1), (0, 0, 0), (0, 0, 0)]
    assert [one.due_at for one in found] == [LATER] * 3
    assert sums == [2, 0, 0]


async def test_a_job_that_is_stuck_is_told_to_each_import_once(db: Database):
    """Where it has moved meanwhile, it is not stuck."""
    made, first, second = await bundled(db, Move.ACCEPT, Move.START)
    async with db.write() as tx:
        (stuck,) = await job_queries.stuck_untold(tx, "default", since=LATER)
        await jobs.tell_stuck(tx, stuck, at=LATER)
        assert await job_queries.stuck_untold(tx, "default", since=LATER) == []
    facts = {"since": "2026-11-04T12:00:00.000Z", "state": "importing"}
    for one in (first, second):
        assert (await told(db, one))[-1] == ("stuck", 1, facts)
    await moved(db, made, Move.FINISH)
    with pytest.raises(Stale):
        async with db.write() as tx:
            await jobs.tell_stuck(tx, stuck, at=LATER)


WORDS = {"message": "ann@example.com", "last_error_at": AT, "last_error_code": "610"} | {
    "last_error_message": "ann@example.com",
    "error_code": "marketo_failed",
    "error_message": "ann@example.com",
}


async def words_left(db: Database, of: Job) -> list[str]:
    """Where in a job Marketo's words still stand."""
    columns = (job.c.message, job.c.last_error_message, job.c.error_message)
    async with db.read() as tx:
        row = (await tx.execute(select(*columns).where(job.c.id == of.id))).mappings().one()
    return [name for name, text in row.items() if text == "ann@example.com"]


async def test_marketos_words_about_a_job_go_with_any_import_that_had_rows_in_it(db: Database):
    """They may quote a cell of either; its codes stay."""
    made, first, _ = await bundled(db, Move.ACCEPT)
    await moved(db, made, Move.FAIL, values=WORDS)
    assert await words_left(db, made) == ["message", "last_error_message", "error_message"]
    async with db.write() as tx:
        await jobs.forget_words(tx, first.import_id, instead="erased")
        ended = await job_queries.get(tx, made.id)
    assert ended.message is None
    assert ended.error
    assert ended.last_error
    assert (ended.error.code, ended.error.message) == ("marketo_failed", "erased")
    assert (ended.last_error.code, ended.last_error.message) == ("610", "erased")


@pytest.mark.parametrize("how", [Move.RESUBMIT, Move.SEPARATE])
async def test_marketos_words_about_a_job_that_is_over_do_not_outlive_the_erasure_of_its_imports(
    db: Database, how: Move
):
    """Its parts went again, in other jobs, before the imports were finished and erased."""
    made, first, second = await bundled(db)
    if how is Move.SEPARATE:
        await moved(db, made, how, values={"separated_from": made.id, "due_at": None}, of_job=WORDS)
    else:
        tried = {name: words for name, words in WORDS.items() if not name.startswith("error")}
        await moved(db, made, Move.LOSE, values=tried)
        await moved(db, made, how, values={"due_at": None})
    for slot, one in enumerate((first, second), start=1):
        again = await claimed(db, one.id, slot=slot)
        await moved(db, again, Move.REFUSE)
    async with db.write() as tx:
        lock = await imports.lock(tx, first.import_id)
        assert lock
        await erasures.mark(tx, lock, at=AT, by="ann")
    assert await words_left(db, made) == []


async def test_a_job_is_forgotten_once_it_is_old_and_its_parts_are(db: Database):
    """With its result file; one that has a part, is young, or is under way stays."""
    made, *_ = await bundled(db, Move.LOSE, Move.RESUBMIT)
    kept = await claimed(db, (await one_part(db)).id, slot=2)
    await moved(db, kept, Move.REFUSE)
    under_way = await claimed(db, (await one_part(db)).id, slot=3)
    async with db.write() as tx:
        await keep_file(tx, made.id, Kind.FAILURES, b"packed")
        assert not await jobs.forget(tx, finished_before=AT)
        assert await jobs.forget(tx, finished_before=AT + DAY)
        assert not await jobs.forget(tx, finished_before=AT + DAY)
        left = (await tx.execute(select(job.c.id).order_by(job.c.id))).scalars().all()
        files = (await tx.execute(select(func.count()).select_from(result_file))).scalar_one()
    assert left == [kept.id, under_way.id]
    assert files == 0


async def test_the_times_of_a_job_under_way_move_with_the_clock_and_those_of_its_parts_alike(db: Database):
    """They keep as much time as they had; what has ended stays as it was written."""
    made, first, second = await bundled(db)
    ended = await claimed(db, (await one_part(db)).id, slot=2)
    await moved(db, ended, Move.REFUSE)
    async with db.write() as tx:
        await jobs.move_times(tx, 60)
        running, over = [await job_queries.get(tx, of.id) for of in (made, ended)]
    assert (running.due_at, running.state_since, running.submitted_at) == (
        LATER + timedelta(seconds=60),
        AT + timedelta(seconds=60),
        AT + timedelta(seconds=60),
    )
    assert (over.state_since, over.submitted_at, over.finished_at) == (AT, AT, AT)
    async with db.write() as tx:
        await parts.move_times(tx, 60)
    for one in await read(db, first, second):
        assert (one.due_at, one.submitted_at) == (running.due_at, running.submitted_at)
