"""What the overview reads beside the summaries of the queues."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from app.domain.imports import ImportStatus
from app.store import overview_queries
from app.store.database import Database
from app.store.tables import import_
from tests.store.seed import AT, an_import, parts_of
from tests.support.in_jobs import put


async def stands(db: Database, import_id: int, **values: Any) -> None:
    async with db.write() as tx:
        await tx.execute(update(import_).where(import_.c.id == import_id).values(values))


async def test_a_job_is_named_by_its_first_parts_with_the_label_or_the_file_of_their_imports(db: Database):
    first = await an_import(db, parts_count=5, label="nightly", file_name="a.csv")
    second = await an_import(db, file_name="b.csv")
    async with db.write() as tx:
        parts = [*await parts_of(db, first), *await parts_of(db, second)]
        one = await put(tx, parts[0].id, "queued", slot=1)
        other = await put(tx, parts[-1].id, "queued", slot=2)
        assert one
        assert other
        ids = ", ".join(str(part.id) for part in parts[1:5])
        await tx.exec_driver_sql(f"UPDATE part SET job_id = {one} WHERE id IN ({ids})")
        named = await overview_queries.parts_of_jobs(tx, [one, other])
    assert [(part.import_id, part.number, part.label) for part in named[one]] == [
        (first, 1, "nightly"),
        (first, 2, "nightly"),
        (first, 3, "nightly"),
    ]
    assert [(part.import_id, part.label) for part in named[other]] == [(second, "b.csv")]


async def test_an_import_that_failed_is_named_until_it_is_sent_again_or_a_day_is_over(db: Database):
    failed = [await an_import(db, client=client) for client in ("crm", "crm", "erp", "crm")]
    for import_id, hours in zip(failed, (1, 2, 3, 25), strict=True):
        await stands(db, import_id, status="failed", finished_at=AT - timedelta(hours=hours))
    await stands(db, await an_import(db), retry_of=failed[1])
    await stands(db, await an_import(db), status="complete", finished_at=AT)
    since = AT - timedelta(hours=24)
    async with db.read() as tx:
        everybody = await overview_queries.failed_and_left(tx, since=since, client=None, most=10)
        assert everybody == [failed[2], failed[0]]
        assert await overview_queries.failed_and_left(tx, since=since, client="crm", most=10) == [failed[0]]
        assert await overview_queries.failed_and_left(tx, since=since, client=None, most=1) == [failed[0]], (
            "it failed last"
        )


async def test_a_clients_imports_are_counted_and_nobody_elses(db: Database):
    mine = [await an_import(db, client="crm") for _ in range(4)]
    await an_import(db, client="erp")
    await stands(db, mine[1], status="importing")
    await stands(db, mine[2], status="complete", finished_at=AT)
    await stands(db, mine[3], status="complete", finished_at=AT - timedelta(days=2))
    async with db.read() as tx:
        counts = await overview_queries.imports_of_client(tx, "crm", since=AT - timedelta(days=1))
        assert await overview_queries.queued_imports(tx, "crm") == 1
        assert await overview_queries.queued_imports(tx, None) == 2
    assert counts == {
        ImportStatus.QUEUED: 1,
        ImportStatus.IMPORTING: 1,
        ImportStatus.COMPLETE: 1,
        ImportStatus.FAILED: 0,
        ImportStatus.CANCELLED: 0,
    }
