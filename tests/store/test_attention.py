"""Whether a person should look at an import: the same to whoever filters by it, and whoever reads one."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.store import attention, import_queries, instances, jobs, parts
from app.store.attention import AttentionCriteria, Parts
from app.store.database import Database
from app.store.import_queries import Filters
from app.store.tables import part
from tests.store.seed import AT, an_import, parts_of
from tests.support import in_jobs

HOUR = timedelta(hours=1)
BY = AttentionCriteria(AT + HOUR, stuck_seconds=3600)


async def put(db: Database, import_id: int, **columns: Any) -> None:
    """Give the import's one part other values."""
    (only,) = await parts_of(db, import_id)
    async with db.write() as tx:
        await in_jobs.put(tx, only.id, **{"state": only.state, **columns})


NEEDED = {
    "unconfirmed": {"state": "unconfirmed", "slot": 1},
    "unknown_at_marketo": {"state": "queued", "slot": 2, "denials": 3, "silent_since": AT, "state_since": AT + HOUR},
    "stuck": {"state": "importing", "slot": 3, "state_since": AT},
    "results_missing": {"state": "complete", "results_missing": True, "finished_at": AT},
}
CALM = (
    {"state": "queued", "slot": 4, "denials": 2, "silent_since": AT, "state_since": AT + HOUR},
    {"state": "importing", "slot": 5, "state_since": AT + timedelta(seconds=1)},
    {"state": "waiting", "state_since": AT - HOUR},
    {"state": "complete"},
)


async def test_the_filter_finds_what_each_import_says_of_itself(db: Database):
    """One import of every reason, and some that are just short of one."""
    imports = {code: await an_import(db) for code in NEEDED}
    for code, columns in NEEDED.items():
        await put(db, imports[code], **columns)
    for columns in CALM:
        await put(db, await an_import(db), **columns)
    async with db.read() as tx:
        page = await import_queries.page(tx, Filters(attention=True), before=None, size=20, by=BY)
        all_of_them = await import_queries.page(tx, Filters(), before=None, size=20, by=BY)
    assert {one.id: one.attention.code for one in page if one.attention} == {
        import_id: code for code, import_id in imports.items()
    }
    assert [one.id for one in all_of_them if one.attention] == [one.id for one in page]


@pytest.mark.parametrize(("late_seconds", "is_needed"), [(29, False), (30, True)])
async def test_a_late_result_file_is_waited_for_half_a_minute(db: Database, late_seconds: int, is_needed: bool):
    """The message says what Marketo gave in its place."""
    import_id = await an_import(db)
    since = AT + HOUR - timedelta(seconds=late_seconds)
    await put(db, import_id, state="collecting", results_late="failures:html", failing_since=since, state_since=since)
    async with db.read() as tx:
        page = await import_queries.page(tx, Filters(attention=True), before=None, size=20, by=BY)
        shown = await import_queries.get(tx, import_id, by=BY)
    assert [one.id for one in page] == ([import_id] if is_needed else [])
    assert shown is not None
    message = shown.attention.message if shown.attention else ""
    assert ("failures file cannot be had: HTML comes in its place" in message) is is_needed


async def test_a_part_in_marketos_queue_is_stuck_only_while_nothing_moves_there(db: Database):
    """It may stand behind others, whose jobs take their time."""
    standing, working = await an_import(db), await an_import(db)
    await put(db, standing, state="queued", slot=1, state_since=AT)
    async with db.read() as tx:
        assert not await attention.moves(tx, "default", BY)
        shown = await import_queries.get(tx, standing, by=BY)
        assert shown is not None
        assert shown.attention is not None
        assert shown.attention.code == "stuck"
    (other,) = await parts_of(db, working)
    async with db.write() as tx:
        job_id = await in_jobs.put(tx, other.id, "importing", slot=2, state_since=AT + timedelta(seconds=1))
        assert job_id is not None
        await jobs.note(tx, job_id, imported=1)
        assert await attention.moves(tx, "default", BY)
        assert not await attention.moves(tx, "other", BY)
        shown = await import_queries.get(tx, standing, by=BY)
        assert shown is not None
        assert shown.attention is None


async def test_all_unfinished_imports_of_a_blocked_instance_need_it(db: Database):
    """Others do not, and finished ones no more."""
    waiting, ended = await an_import(db), await an_import(db)
    await an_import(db, instance="other")
    (only,) = await parts_of(db, ended)
    async with db.write() as tx:
        await in_jobs.move(tx, only.id, parts.Move.CANCEL, at=AT)
        await instances.block(tx, "default", at=AT, reason="601", denied=False, try_again_at=AT)
        page = await import_queries.page(tx, Filters(attention=True), before=None, size=20, by=BY)
    assert [(one.id, one.attention.code if one.attention else "") for one in page] == [(waiting, "instance_blocked")]


async def test_imports_that_lately_finished_short_of_rows_are_listed_the_newest_first(
    db: Database, monkeypatch: pytest.MonkeyPatch
):
    """Some at most: a page names them."""
    monkeypatch.setattr(attention, "MOST_MISSING", 2)
    ids = [await an_import(db) for _ in range(4)]
    for n, import_id in enumerate(ids):
        (only,) = await parts_of(db, import_id)
        async with db.write() as tx:
            await tx.execute(part.update().where(part.c.id == only.id).values(results_missing=n != 3))
            await in_jobs.move(tx, only.id, parts.Move.CANCEL, at=AT + n * timedelta(minutes=1))
    async with db.read() as tx:
        assert await attention.missing_lately(tx, since=AT) == [ids[2], ids[1]]
        assert await attention.missing_lately(tx, since=AT + timedelta(minutes=2)) == [ids[2]]


ROW = SimpleNamespace(blocked_at=None, blocked_reason=None, status="importing")
SINCE = {
    "unconfirmed": "unconfirmed_since",
    "unknown_at_marketo": "denied_since",
    "stuck": "stuck_since",
    "results_missing": "missing_since",
}


@pytest.mark.parametrize("code", SINCE)
def test_the_worst_reason_is_the_one_that_is_shown(code: str):
    """Of all that are true: a lost answer before a denial, that before what is stuck, and missing rows at last."""
    names = list(SINCE)[list(SINCE).index(code) :]
    seen = Parts(**{SINCE[name]: AT for name in names})
    shown = attention.of(ROW, seen, at_a_standstill=False)
    assert shown is not None
    assert (shown.code, shown.since) == (code, AT)
    assert attention.of(ROW, Parts(), at_a_standstill=True) is None


@pytest.mark.parametrize(("unplaced", "begins"), [(0, "Marketo's counts"), (1, "1 row of"), (2, "2 rows of")])
def test_the_message_says_how_many_rows_have_no_place(unplaced: int, begins: str):
    """Where none is without, it is the counts that do not add up."""
    shown = attention.of(ROW, Parts(missing_since=AT, unplaced=unplaced), at_a_standstill=False)
    assert shown is not None
    assert shown.message.startswith(begins)
