"""What waits for a person's word, and what was found in it."""

from datetime import UTC, datetime, timedelta

from app.reporting.reviews import SHOWN_FILES, RemarkCount, ReviewReader
from app.store import instances
from app.store.database import Database
from tests.support.days import Day, add_reviewed

NOW = datetime(2026, 11, 5, tzinfo=UTC)


async def test_those_that_may_still_be_released_are_listed_newest_first(db: Database):
    """Of one client or of all; what is over, or never was under review, is not."""
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
        day = Day(tx, NOW)
        first = await add_reviewed(day, 1)
        other = await add_reviewed(day, 2, client="erp")
        await day.add_import("queued", rows=3, sent_at=NOW)
        await day.add_import("queued", rows=3, sent_at=NOW, review_until=NOW - timedelta(days=1))
    reader = ReviewReader(db, lambda: NOW, 60.0)  # type: ignore[arg-type]
    assert [import_.id for import_ in await reader.waiting(None)] == [other, first]
    assert [import_.id for import_ in await reader.waiting("crm-sync")] == [first]
    assert await reader.waiting("nobody") == []


async def test_no_more_are_listed_than_a_page_shows(db: Database):
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
        for _ in range(SHOWN_FILES + 1):
            await add_reviewed(Day(tx, NOW), 1)
    assert len(await ReviewReader(db, lambda: NOW, 60.0).waiting(None)) == SHOWN_FILES  # type: ignore[arg-type]


async def test_remarks_are_told_by_the_files_own_columns_and_counted(db: Database):
    """One that begins with no column is about the row; several of a row are told one by one."""
    odd = ["leadScore is not a whole number", "leadScore is not a whole number; the key is empty"]
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
        made = await add_reviewed(Day(tx, NOW), 9, odd=odd, column_map={"Lead Score": "leadScore", "Foo": None})
    reader = ReviewReader(db, lambda: NOW, 60.0)  # type: ignore[arg-type]
    (import_,) = await reader.waiting(None)
    assert import_.id == made
    findings = await reader.findings(import_)
    assert findings.counts == [
        RemarkCount("Lead Score", "is not a whole number", 2),
        RemarkCount(None, "the key is empty", 1),
    ]
    assert [(each.row, each.column, each.cell) for each in findings.remarks] == [
        (1, "Lead Score", "many"),
        (2, "Lead Score", "many"),
        (2, None, None),
    ]
    assert [column.name for column in findings.columns] == ["email", "firstName", "Lead Score"]
    assert findings.left_out == ["Foo"]
    assert not findings.has_more
