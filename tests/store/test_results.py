"""Result rows: in the order of the upload, a page at a time, as Marketo gave them."""

from typing import Any

import pytest

from app.domain.result_rows import ResultRow
from app.store import results
from app.store.database import Database
from app.store.results import Cut, Kind, Owner
from tests.store.seed import an_import

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
