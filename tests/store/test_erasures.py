"""Erasures: an import is marked first, then its rows go a few at a time, and at last the import itself."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from app.domain.imports import Content
from app.domain.lifecycle import Move
from app.domain.result_rows import ResultRow
from app.store import erasures, events, imports, jobs, part_queries, parts, results
from app.store.database import Database
from app.store.results import Kind, Owner
from app.store.tables import event, import_, part, part_file, result_file, result_reason, result_row
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

DAY = timedelta(days=1)


async def ended(db: Database, *, after: timedelta = timedelta(), parts_count: int = 1) -> int:
    """A finished import with a result file and a result row."""
    import_id = await an_import(db, parts_count=parts_count)
    first, *_ = await parts_of(db, import_id)
    async with db.write() as tx:
        job_id = await in_jobs.put(tx, first.id, "importing")
        assert job_id is not None
        await results.keep_file(tx, job_id, Kind.FAILURES, b"packed")
        rows = results.encode_rows([(Owner(import_id, 1), ResultRow(1, "why", ["x"]))])
        await results.keep_rows(tx, Kind.FAILURES, rows)
        await parts.move_all(tx, await part_queries.waiting_of(tx, import_id), Move.CANCEL, at=AT + after)
        await jobs.move(tx, job_id, Move.FAIL, at=AT + after)
    return import_id


async def count(db: Database, *tables: Table) -> list[int]:
    async with db.read() as tx:
        return [(await tx.execute(select(func.count()).select_from(table))).scalar_one() for table in tables]


async def go_on(db: Database, import_id: int | None = None) -> int:
    """Erase what is marked; how many steps there were."""
    steps, more = 0, True
    while more:
        async with db.write() as tx:
            more = await erasures.go_on(tx, import_id)
        steps += 1
        assert steps < 20
    return steps


async def mark(db: Database, import_id: int) -> None:
    async with db.write() as tx:
        lock = await imports.lock(tx, import_id)
        assert lock is not None
        await erasures.mark(tx, lock, at=AT, by="ann")


async def test_what_a_person_erases_is_marked_at_once_and_goes_step_by_step(db: Database):
    """Its counts and its history stay; another import keeps everything."""
    import_id = await ended(db)
    await ended(db)
    await mark(db, import_id)
    async with db.read() as tx:
        erased = await tx.execute(
            select(import_.c.file_erased_at, import_.c.results_erased_at).where(import_.c.id == import_id)
        )
        assert tuple(erased.one()) == (AT, AT)
    assert await count(db, part_file, result_file, result_row, result_reason) == [2, 2, 2, 2]
    assert await go_on(db, import_id) > 1
    assert await count(db, part_file, result_file, result_row, result_reason) == [1, 1, 1, 1]
    assert await count(db, import_, part) == [2, 2]
    assert await go_on(db) == 1, "nothing is left of it"


async def test_who_erased_what_is_told_once(db: Database):
    """To ask again changes nothing."""
    import_id = await ended(db)
    await mark(db, import_id)
    await mark(db, import_id)
    async with db.read() as tx:
        told = [line for line in await events.page(tx, import_id, after=0, size=50) if line.type == "erased"]
    assert [dict(line.data) for line in told] == [{"by": "ann", "what": ["file", "results"]}]


async def test_marketos_words_go_and_its_codes_stay(db: Database):
    """A message may quote a cell."""
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    async with db.write() as tx:
        error = {"error_code": "marketo_refused", "error_message": "ann@example.com", "error_marketo_code": "1003"}
        job_id = await in_jobs.put(tx, only.id, "importing")
        assert job_id is not None
        await jobs.note(tx, job_id, message="ann@example.com")
        await jobs.move(tx, job_id, Move.FAIL, at=AT, values=error)
    await mark(db, import_id)
    (only,) = await parts_of(db, import_id)
    assert only.error is not None
    assert (only.message, only.error.code, only.error.marketo_code) == (None, "marketo_refused", "1003")
    assert "ann@example.com" not in only.error.message
    async with db.read() as tx:
        words = (await tx.execute(select(import_.c.error_message))).scalar_one()
    assert "ann@example.com" not in words


@pytest.mark.parametrize(
    ("content", "left"), [(Content.FILE, [0, 1, 1, 1]), (Content.RESULTS, [1, 0, 0, 0])], ids=["file", "results"]
)
async def test_age_takes_one_kind_of_content_and_leaves_the_other(db: Database, content: Content, left: list[int]):
    """Of imports that finished before a time; the oldest hundred in one transaction."""
    await ended(db)
    marking: Any = {"content": content, "at": AT + DAY, "by": "retention"}
    async with db.write() as tx:
        assert await erasures.due(tx, content, finished_before=AT) == (0, 1)
        assert not await erasures.mark_old(tx, finished_before=AT, **marking)
        assert await erasures.due(tx, content, finished_before=AT + DAY) == (1, 1)
        assert await erasures.mark_old(tx, finished_before=AT + DAY, **marking)
        assert not await erasures.mark_old(tx, finished_before=AT + DAY, **marking)
        assert await erasures.due(tx, content, finished_before=AT + DAY) == (0, 0)
    await go_on(db)
    assert await count(db, part_file, result_file, result_row, result_reason) == left


async def test_an_import_is_forgotten_once_its_contents_are_gone(db: Database):
    """With its parts and its history; the instance's history has one line of it."""
    old, young = await ended(db), await ended(db, after=DAY)
    await mark(db, old)
    await mark(db, young)
    forgetting: Any = {"finished_before": AT + DAY, "at": AT + DAY, "by": "retention"}
    async with db.write() as tx:
        assert not await erasures.forget(tx, **forgetting), "its rows are still there"
    await go_on(db)
    async with db.write() as tx:
        assert await erasures.due(tx, None, finished_before=AT + DAY) == (1, 2)
        assert await erasures.forget(tx, **forgetting)
        assert not await erasures.forget(tx, **forgetting)
        lines = await events.page_of_instance(tx, "default", after=0, size=9)
        assert await events.page(tx, old, after=0, size=9) == []
    assert [(line.type, dict(line.data)) for line in lines] == [("forgotten", {"imports": 1, "by": "retention"})]
    assert await count(db, import_, part) == [1, 1]


async def test_no_transaction_forgets_more_than_some_hundred_parts(db: Database, monkeypatch: pytest.MonkeyPatch):
    """But one import at least, however large it is."""
    monkeypatch.setattr(erasures, "PARTS_AT_ONCE", 3)
    for parts_count in (5, 2, 1, 1):
        await mark(db, await ended(db, parts_count=parts_count))
    await go_on(db)
    left = []
    while True:
        async with db.write() as tx:
            if not await erasures.forget(tx, finished_before=AT + DAY, at=AT, by="retention"):
                break
        left += await count(db, part)
    assert sorted(left, reverse=True) == left
    assert max(before - after for before, after in zip([9, *left], left, strict=False)) == 5
    assert len(left) == 3


async def test_old_events_of_an_instance_are_forgotten_and_those_of_imports_stay(db: Database):
    """These go with their import."""
    await ended(db)
    async with db.write() as tx:
        for at in (AT - DAY, AT):
            await events.append(tx, "paused", at=at, instance="default", by="ann")
    (before,) = await count(db, event)
    async with db.write() as tx:
        assert await erasures.forget_events(tx, before=AT)
        assert not await erasures.forget_events(tx, before=AT)
    assert await count(db, event) == [before - 1]
