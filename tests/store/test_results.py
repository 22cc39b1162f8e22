"""Result rows: in the order of the upload, a page at a time, as Marketo gave them."""

from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.domain.result_rows import ResultRow
from app.store import results
from app.store.database import Database
from app.store.results import Cut, Kind, Owner
from app.store.tables import result_reason
from tests.store.seed import an_import
from tests.support.statements import overhearing

FIRST = Cut(None, 100)


async def kept(db: Database, *rows: ResultRow, part_number: int = 1, kind: Kind = Kind.FAILURES) -> int:
    """An import with these rows of its first part."""
    import_id = await an_import(db)
    await keep(db, import_id, *rows, part_number=part_number, kind=kind)
    return import_id


async def keep(
    db: Database, import_id: int, *rows: ResultRow, part_number: int = 1, kind: Kind = Kind.FAILURES
) -> None:
    async with db.write() as tx:
        own = [(Owner(import_id, part_number), row) for row in rows]
        await results.keep_rows(tx, kind, results.encode_rows(own))


async def page(db: Database, import_id: int, cut: Cut = FIRST, **knobs: Any) -> results.Page:
    async with db.read() as tx:
        return await results.page(tx, import_id, knobs.pop("kind", Kind.FAILURES), cut, **knobs)


def row(source_row: int | None, cell: str = "x", part_row: int | None = None) -> ResultRow:
    return ResultRow(source_row, f"reason {source_row}", [cell], part_row=part_row)


async def test_rows_come_in_the_order_of_the_upload(db: Database):
    """However they were stored; those whose place nobody knows come behind all others."""
    import_id = await kept(db, row(7), row(None), row(2))
    await keep(db, import_id, row(5), part_number=2)
    await keep(db, import_id, row(1), kind=Kind.WARNINGS)
    got = await page(db, import_id)
    assert [(stored.source_row, stored.reason) for stored in got.rows] == [
        (2, "reason 2"),
        (5, "reason 5"),
        (7, "reason 7"),
        (None, "reason None"),
    ]
    assert not got.more


async def test_pages_hold_each_row_once(db: Database):
    """Also where rows share a place: a row may have two warnings."""
    import_id = await kept(db, row(1, "a"), row(1, "b"), row(1, "c"), row(None, "d"), row(None, "e"))
    cells, after, pages = [], None, 0
    while True:
        got = await page(db, import_id, Cut(after, 2))
        cells += [stored.values for stored in got.rows]
        pages += 1
        if not got.more:
            break
        after = got.last_place
    assert cells == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert pages == 3


@pytest.mark.parametrize(("row_bytes", "count"), [(0, 3), (600_000, 2), (5_000_000, 1)])
async def test_a_page_has_as_many_rows_as_a_megabyte_holds_but_one_at_least(db: Database, row_bytes: int, count: int):
    """A row may be as large as a part."""
    import_id = await kept(db, row(1), row(2), row(3))
    got = await page(db, import_id, Cut(None, 100, row_bytes))
    assert (len(got.rows), got.more) == (count, count < 3)


async def test_there_may_be_no_rows(db: Database):
    """Then there is no next page either."""
    assert await page(db, await an_import(db)) == results.Page([], more=False, last_place=None)


async def test_our_own_rows_can_be_left_out(db: Database):
    """Those of the pre-flight, which was before there was a part."""
    import_id = await kept(db, row(1, "ours"), part_number=results.OWN)
    await keep(db, import_id, row(2, "theirs"))
    assert [stored.values for stored in (await page(db, import_id)).rows] == [["ours"], ["theirs"]]
    assert [stored.values for stored in (await page(db, import_id, own=False)).rows] == [["theirs"]]


@pytest.mark.parametrize("cells", [["Zoë", None, ""], ["a\udcffb"], ["\x00", "\n"], []])
async def test_cells_come_back_as_they_were(db: Database, cells: list[str | None]):
    """Bytes that are no UTF-8, too, as `surrogateescape` keeps them: no database takes them as a text."""
    import_id = await kept(db, ResultRow(1, "why", cells))
    (stored,) = (await page(db, import_id)).rows
    assert stored.values == cells


async def test_a_row_that_cannot_be_read_has_its_text_and_no_values(db: Database):
    """And no place in the upload."""
    import_id = await kept(db, ResultRow(None, "cannot be read", text='"torn,'))
    (stored,) = (await page(db, import_id)).rows
    assert stored == ResultRow(None, "cannot be read", text='"torn,')


async def test_the_rows_of_one_part_are_known_apart(db: Database):
    """To send them again, or to store them anew after a crash."""
    import_id = await kept(db, row(1, part_row=0), row(3, part_row=2), row(None))
    await keep(db, import_id, row(9, part_row=1), part_number=2)
    await keep(db, import_id, row(2, part_row=1), kind=Kind.WARNINGS)
    async with db.write() as tx:
        assert sorted(await results.part_rows(tx, import_id, Kind.FAILURES, part_number=1)) == [0, 2]
        await results.forget_rows(tx, [Owner(import_id, 1)])
        assert await results.part_rows(tx, import_id, Kind.FAILURES, part_number=1) == []
        assert await results.part_rows(tx, import_id, Kind.FAILURES, part_number=2) == [1]
    assert (await page(db, import_id, kind=Kind.WARNINGS)).rows == []


async def counted(db: Database, import_id: int, limit: int = 9) -> tuple[list[tuple[str, int, int | None]], int]:
    async with db.read() as tx:
        counts, total = await results.reasons(tx, import_id, Kind.FAILURES, limit=limit)
    return [(count.reason, count.rows, count.first_source_row) for count in counts], total


def why(reason: str, source_row: int | None) -> ResultRow:
    return ResultRow(source_row, reason, ["x"])


async def test_reasons_are_counted_over_all_parts(db: Database):
    """The most frequent first, equally frequent ones by their first row; those of warnings are others."""
    import_id = await kept(db, why("b", 9), why("a", 4), why("c", None))
    await keep(db, import_id, why("b", 3), why("d", 2), part_number=2)
    await keep(db, import_id, why("a", 1), kind=Kind.WARNINGS)
    found, total = await counted(db, import_id)
    assert found == [("b", 2, 3), ("d", 1, 2), ("a", 1, 4), ("c", 1, None)]
    assert total == 4
    assert await counted(db, import_id, limit=1) == ([("b", 2, 3)], 4)
    assert await counted(db, await an_import(db)) == ([], 0)


async def test_what_is_stored_anew_is_counted_anew(db: Database):
    """A worker that died has left rows of a part, and the next one stores them again."""
    import_id = await kept(db, why("a", 1), why("a", 2))
    await keep(db, import_id, why("a", 7), part_number=2)
    async with db.write() as tx:
        await results.forget_rows(tx, [Owner(import_id, 1)])
    await keep(db, import_id, why("a", 1))
    assert await counted(db, import_id) == ([("a", 2, 1)], 1)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 9_000])
async def test_rows_with_one_reason_are_found_however_long_it_is(db: Database, length: int):
    """Only a part of it is in the index; another reason that begins as it does is another reason."""
    reason = "é" * length
    import_id = await kept(db, why(reason, 1), why(reason + "!", 2), why(reason, 3), why("other", 4))
    first = await page(db, import_id, Cut(None, 1, reason=reason))
    rest = await page(db, import_id, Cut(first.last_place, 9, reason=reason))
    assert [row.source_row for row in (*first.rows, *rest.rows)] == [1, 3]
    assert (first.more, rest.more) == (True, False)


async def test_to_count_reasons_reads_none_of_the_rows(db: Database):
    """A million rows with three reasons are some thousand sums, found by an index on both databases."""
    import_id = await kept(db, *[why("frequent", n) for n in range(1, 2_000)], why("rare", 2_000))
    heard: list[tuple[str, Any]] = []
    with overhearing(db, lambda statement, parameters: heard.append((statement, parameters))):
        assert await counted(db, import_id) == ([("frequent", 1_999, 1), ("rare", 1, 2_000)], 2)
    ((statement, parameters),) = [item for item in heard if item[0].lstrip().startswith("SELECT")]
    async with db.write() as tx:
        assert (await tx.execute(select(func.count()).select_from(result_reason))).scalar_one() == 2
        if not db.on_sqlite:
            await tx.execute(text("SET LOCAL enable_seqscan = off"))  # so few rows are read faster without an index
        explain = "EXPLAIN QUERY PLAN " if db.on_sqlite else "EXPLAIN "
        plan = "\n".join(str(row) for row in await tx.exec_driver_sql(explain + statement, parameters))
    assert "ix_result_reason_part" in plan
    assert "result_row" not in plan


async def test_the_rows_with_one_reason_are_found_by_an_index(db: Database):
    """However many others there are, and also behind a place; on both databases."""
    import_id = await kept(db, *[why("frequent", n) for n in range(1, 2_000)], why("rare", 2_000))
    heard: list[tuple[str, Any]] = []
    with overhearing(db, lambda statement, parameters: heard.append((statement, parameters))):
        for after in (None, (1_000, 1_000)):
            assert len((await page(db, import_id, Cut(after, 50, reason="rare"))).rows) == 1
    async with db.write() as tx:
        if not db.on_sqlite:
            await tx.execute(text("ANALYZE result_row"))
            await tx.execute(text("SET LOCAL enable_seqscan = off"))  # so few rows are read faster without an index
        explain = "EXPLAIN QUERY PLAN " if db.on_sqlite else "EXPLAIN "
        selects = [item for item in heard if item[0].lstrip().startswith("SELECT")]
        plans = [str((await tx.exec_driver_sql(explain + one, parameters)).all()) for one, parameters in selects]
    assert len(plans) == 4
    assert all("ix_result_row_reason" in plan for plan in plans), plans
