"""What waits, summed for forecasts."""

from datetime import timedelta
from itertools import pairwise

import pytest

from app.domain.estimates import Work
from app.domain.lifecycle import Move
from app.store import part_queries, parts, tables, waiting_queue
from app.store.database import Database
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

LATER = AT + timedelta(hours=1)


async def test_what_waits_is_summed_by_priority_and_client(db: Database):
    """Each import's place in the order of acceptance is kept while there are few."""
    await an_import(db, parts_count=3, rows=10, client="a")
    await an_import(db, parts_count=2, rows=10, client="a")
    await an_import(db, parts_count=1, rows=10, client="b")
    await an_import(db, parts_count=1, rows=10, client="a", priority=7)
    async with db.read() as tx:
        found = sorted(await waiting_queue.backlog_slices(tx, "default", now=AT), key=lambda one: one.first_seq)
    assert [(one.priority, one.client, one.work.parts, one.work.rows) for one in found] == [
        (5, "a", 3, 30),
        (5, "a", 2, 20),
        (5, "b", 1, 10),
        (7, "a", 1, 10),
    ]


async def test_what_is_at_marketo_or_not_to_go_yet_does_not_stand_in_line(db: Database):
    """One that waits for a retry does: that is soon."""
    there, later, retried = [await an_import(db) for _ in range(3)]
    moves = {there: {}, later: {"due_at": LATER}, retried: {"due_at": LATER, "retry_code": "713"}}
    async with db.write() as tx:
        for import_id, values in moves.items():
            (part,) = await part_queries.of_import(tx, import_id)
            if values:
                await tx.execute(tables.part.update().where(tables.part.c.id == part.id).values(**values))
            else:
                await in_jobs.move(tx, part.id, Move.CLAIM, at=AT, values={"slot": 1})
    async with db.read() as tx:
        (only,) = await waiting_queue.backlog_slices(tx, "default", now=AT)
        assert only.work == Work(1, 3)
        (mine,) = await part_queries.of_import(tx, retried)
        assert only.first_seq == only.last_seq == mine.accepted_seq
        assert len(await waiting_queue.backlog_slices(tx, "default", now=LATER)) == 2
        assert await waiting_queue.backlog_slices(tx, "other", now=AT) == []


@pytest.mark.one_database
async def test_a_long_line_comes_back_in_few_sums(db: Database):
    """Which together are all of it, and do not overlap."""
    await an_import(db, parts_count=3)
    for _ in range(10):
        await an_import(db, parts_count=31)
    async with db.read() as tx:
        found = sorted(await waiting_queue.backlog_slices(tx, "default", now=AT), key=lambda one: one.first_seq)
    assert len(found) <= 300
    assert sum(one.work.parts for one in found) == 313
    assert all(one.last_seq < other.first_seq for one, other in pairwise(found))
    assert (await parts_of(db, 1))[0].accepted_seq == found[0].first_seq


async def test_the_heads_of_lower_priorities_say_since_when_they_wait(db: Database):
    """The first of each client and priority, from its acceptance or the time that it names; nothing that may not go."""
    named, early = AT + timedelta(minutes=5), AT - timedelta(days=1)
    await an_import(db, client="a", priority=9)
    await an_import(db, client="a", priority=5, not_before=early)
    await an_import(db, client="a", priority=5)
    held = await an_import(db, client="b", priority=7)
    await an_import(db, client="b", priority=0, not_before=named)
    async with db.write() as tx:
        (waiting,) = await part_queries.of_import(tx, held)
        await parts.set_blocked(tx, waiting.id, by=1, at=AT)
    async with db.read() as tx:
        found = await waiting_queue.heads(tx, "default", below=9)
        assert [(one.priority, one.part.client, one.part.import_id, one.since) for one in found] == [
            (5, "a", 2, AT),
            (0, "b", 5, named),
        ]
        assert [one.part.import_id for one in await waiting_queue.heads(tx, "default", below=5)] == [5]
        assert await waiting_queue.heads(tx, "default", below=0) == []
        assert await waiting_queue.heads(tx, "other", below=9) == []
