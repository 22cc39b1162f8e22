"""Imports as they are read: one, or a page of them by any filter."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from app.domain.imports import ImportStatus, Request
from app.domain.lifecycle import Move
from app.domain.objects import CustomObject, Leads
from app.store import import_queries, imports
from app.store.attention import AttentionCriteria
from app.store.database import Database
from app.store.import_queries import Filters
from app.store.tables import import_
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

BY = AttentionCriteria(AT, stuck_seconds=3600)
ALL = Filters()


async def ids(db: Database, filters: Filters = ALL, *, before: int | None = None, size: int = 10) -> list[int]:
    async with db.read() as tx:
        page = await import_queries.page(tx, filters, before=before, size=size, by=BY)
    return [one.id for one in page]


async def test_an_upload_that_is_not_accepted_yet_is_no_import(db: Database):
    """Nobody reads it, by any way."""
    await an_import(db)
    async with db.write() as tx:
        begun = await imports.begin(tx, Request(target=Leads()), at=AT)
        assert await import_queries.get_summary(tx, begun) is None
        assert await import_queries.get(tx, begun, by=BY) is None
        assert await import_queries.columns_of(tx, begun) == ()
    assert begun not in await ids(db)


async def test_the_request_comes_back_as_it_was_made(db: Database):
    """Every parameter of it, in a summary and in a page."""
    request: dict[str, Any] = {
        "client": "crm",
        "priority": 9,
        "not_before": AT + timedelta(hours=1),
        "label": "nightly",
        "metadata": {"run": "7"},
        "file_name": "leads.csv",
    }
    import_id = await an_import(db, **request)
    whole = replace(Request(target=Leads()), **request)
    async with db.read() as tx:
        summary = await import_queries.get_summary(tx, import_id)
        shown = await import_queries.get(tx, import_id, by=BY)
    assert summary is not None
    assert shown is not None
    assert summary.request == shown.request == whole
    assert (summary.columns, summary.status) == (("email",), ImportStatus.QUEUED)
    (part,) = await parts_of(db, import_id)
    async with db.read() as tx:
        assert await import_queries.summary_of(tx, part) == summary


async def test_pages_go_from_the_newest_to_the_oldest(db: Database):
    """Each begins behind the last id of the one before."""
    first, second, third = [await an_import(db) for _ in range(3)]
    assert await ids(db, size=2) == [third, second]
    assert await ids(db, before=second, size=2) == [first]
    assert await ids(db, before=first) == []


FILTERS = {
    "status": Filters(status=ImportStatus.CANCELLED),
    "instance": Filters(instance="other"),
    "object_type": Filters(object_type="custom_object"),
    "client": Filters(client="crm"),
    "label": Filters(label="nightly"),
    "created_after": Filters(created_after=AT),
    "created_before": Filters(created_before=AT),
    "attention": Filters(attention=True),
}


async def test_each_filter_finds_its_own(db: Database):
    """One plain import, and for each filter one that differs from it in this alone."""
    plain = await an_import(db)
    different = {
        "status": await an_import(db),
        "instance": await an_import(db, instance="other"),
        "object_type": await an_import(db, target=CustomObject("car_c")),
        "client": await an_import(db, client="crm"),
        "label": await an_import(db, label="nightly"),
        "created_after": await an_import(db),
        "created_before": await an_import(db),
        "attention": await an_import(db),
    }
    (cancelled,), (lost,) = await parts_of(db, different["status"]), await parts_of(db, different["attention"])
    async with db.write() as tx:
        await in_jobs.move(tx, cancelled.id, Move.CANCEL, at=AT)
        await in_jobs.move(tx, lost.id, Move.CLAIM, at=AT, values={"slot": 1})
        await in_jobs.move(tx, lost.id, Move.LOSE, at=AT)
        for name, at in (("created_after", "2026-11-04T12:00:01"), ("created_before", "2026-11-04T11:59:59")):
            stamp = f"{at}.000000Z" if db.on_sqlite else f"{at}+00"
            await tx.execute(text(f"UPDATE import SET created_at = '{stamp}' WHERE id = {different[name]}"))
    assert {name: await ids(db, filters) for name, filters in FILTERS.items()} == {
        name: [import_id] for name, import_id in different.items()
    }
    calm = await ids(db, Filters(attention=False))
    assert sorted([*calm, different["attention"]]) == sorted([plain, *different.values()])


@pytest.mark.parametrize(("column", "is_there"), [("file_erased_at", True), ("results_erased_at", False)])
async def test_results_are_there_until_they_are_erased(db: Database, column: str, is_there: bool):
    """The file may go before."""
    import_id = await an_import(db)
    async with db.write() as tx:
        assert await import_queries.has_results(tx, import_id)
        await tx.execute(text(f"UPDATE import SET {column} = created_at WHERE id = {import_id}"))
        assert await import_queries.has_results(tx, import_id) is is_there
        assert not await import_queries.has_results(tx, import_id + 1)


NAMES = (
    "leads.csv",
    "Leads.csv",
    "leads-2.csv",
    "100%.csv",
    "100x.csv",
    "a_b.csv",
    "axb.csv",
    "é.csv",
    "\ud7ff.csv",
    "\U0010ffff.csv",
)


@pytest.mark.parametrize(
    ("beginning", "found"),
    [
        ("leads", {"leads.csv", "leads-2.csv"}),
        ("leads.csv", {"leads.csv"}),
        ("leads.csv.gz", set()),
        ("100%", {"100%.csv"}),
        ("a_", {"a_b.csv"}),
        ("é", {"é.csv"}),
        ("\ud7ff", {"\ud7ff.csv"}),
        ("\U0010ffff", {"\U0010ffff.csv"}),
        ("\\", set()),
        ("", {*NAMES, None}),
    ],
)
@pytest.mark.parametrize("most", [1_000, 1], ids=["few", "many"])
async def test_a_file_s_name_is_found_by_how_it_begins(
    db: Database, monkeypatch: pytest.MonkeyPatch, beginning: str, found: set[str | None], most: int
):
    """Letter by letter: no sign stands for others. However many names begin so."""
    monkeypatch.setattr(import_queries, "MOST_NAMED", most)
    made = {name: await an_import(db, file_name=name) for name in (*NAMES, None)}
    assert set(await ids(db, Filters(file_name=beginning), size=99)) == {made[name] for name in found}


async def test_names_are_found_together_with_the_other_filters_and_by_pages(db: Database):
    """Newest first, as every list."""
    ours = [await an_import(db, file_name=f"leads-{n}.csv", client="crm") for n in range(3)]
    await an_import(db, file_name="leads-9.csv", client="erp")
    wanted = Filters(file_name="leads", client="crm")
    assert await ids(db, wanted, size=2) == ours[:0:-1]
    assert await ids(db, wanted, size=2, before=ours[1]) == ours[:1]


async def test_retries_are_found_from_both_ends(db: Database):
    """The newest first, so many at most; the way back ends where an import is gone, and never turns in a circle."""
    first = await an_import(db)
    second, third = await an_import(db), await an_import(db)
    last = await an_import(db)
    async with db.write() as tx:
        for made, of in ((second, first), (third, first), (last, third)):
            await tx.execute(text(f"UPDATE import SET retry_of = {of} WHERE id = {made}"))
    async with db.read() as tx:
        retries = await import_queries.retries_of(tx, first, most=5, by=BY)
        assert [each.id for each in retries] == [third, second]
        assert await import_queries.last_retries(tx, [first, second, third]) == {first: third, third: last}
        newest = await import_queries.get(tx, last, by=BY)
        assert newest
        assert await import_queries.ancestors(tx, newest, most=5) == [first, third]
        assert await import_queries.ancestors(tx, newest, most=1) == [third]


@pytest.mark.parametrize("many", [1, 2, 3, 100])
async def test_a_time_finds_the_same_however_many_there_are(db: Database, monkeypatch: pytest.MonkeyPatch, many: int):
    """Also where clocks were set, so that the times are in another order than the ids."""
    monkeypatch.setattr(import_queries, "MANY", many)
    minutes = {await an_import(db): minute for minute in (3, 0, 4, 2, 1)}
    async with db.write() as tx:
        for import_id, minute in minutes.items():
            at = AT + timedelta(minutes=minute)
            await tx.execute(update(import_).where(import_.c.id == import_id).values(created_at=at))
    for after, before in ((-1, 2), (-1, 4), (0, 9), (3, 9), (1, 4), (4, 9), (-1, 0)):
        wanted = [import_id for import_id, minute in minutes.items() if after < minute < before]
        since = None if after < 0 else AT + timedelta(minutes=after)
        until = None if before > 4 else AT + timedelta(minutes=before)
        assert await ids(db, Filters(created_after=since, created_before=until)) == wanted[::-1], (after, before)
