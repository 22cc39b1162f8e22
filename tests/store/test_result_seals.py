"""Result rows that are sealed: found, paged and counted as others."""

import pytest
from sqlalchemy import select, update

from app.domain.result_rows import ResultRow
from app.store import results
from app.store.blobs import Corrupt
from app.store.database import Database
from app.store.results import Cut, Kind, Owner
from app.store.tables import result_reason, result_row
from tests.store.seed import an_import
from tests.support.keys import FIRST, give_keys


async def stored(db: Database, import_id: int, *places: tuple[int | None, str]) -> None:
    rows = [(Owner(import_id, 1), ResultRow(place, reason, [f"cell {place}", None])) for place, reason in places]
    async with db.write() as tx:
        await results.keep_rows(tx, Kind.FAILURES, results.encode_rows(rows))


async def test_rows_from_before_and_after_a_key_was_set_are_read_and_counted_together(db: Database):
    """In their order, and with one reason; no cell and no reason is there to be read."""
    import_id = await an_import(db)
    await stored(db, import_id, (1, "no email"), (4, "too long"), (None, "no email"))
    give_keys(db, FIRST)
    await stored(db, import_id, (2, "no email"), (3, "too long"), (5, "too long"))
    async with db.read() as tx:
        page = await results.page(tx, import_id, Kind.FAILURES, Cut(None, 10))
        assert [(row.source_row, row.values) for row in page.rows] == [
            (row, [f"cell {row}", None]) for row in (1, 2, 3, 4, 5, None)
        ]
        alike = await results.page(tx, import_id, Kind.FAILURES, Cut(None, 10, reason="no email"))
        assert [row.source_row for row in alike.rows] == [1, 2, None]
        counts, total = await results.reasons(tx, import_id, Kind.FAILURES, limit=10)
        assert [(count.reason, count.rows, count.first_source_row) for count in counts] == [
            ("no email", 3, 1),
            ("too long", 3, 3),
        ]
        assert total == 2
        sealed = (await tx.execute(select(result_row).where(result_row.c.sealed))).all()
        assert len(sealed) == 3
        assert not any("cell" in row.cells or "long" in row.reason or "email" in row.reason_start for row in sealed)
        assert len({row.reason for row in sealed}) == 2
        counted = (await tx.execute(select(result_reason.c.reason).where(result_reason.c.sealed))).scalars()
        assert set(counted) == {row.reason for row in sealed}


async def test_cells_that_stand_at_another_row_are_damage(db: Database):
    """They are not shown as if they were that row's."""
    give_keys(db, FIRST)
    import_id = await an_import(db)
    await stored(db, import_id, (1, "no email"), (2, "no email"))
    async with db.write() as tx:
        first = (await tx.execute(select(result_row).where(result_row.c.position == 1))).one()
        await tx.execute(update(result_row).where(result_row.c.position == 2).values(cells=first.cells))
        with pytest.raises(Corrupt, match=f"a result row of import {import_id}"):
            await results.page(tx, import_id, Kind.FAILURES, Cut(None, 10))
        await tx.execute(update(result_reason).values(reason=first.cells))
        with pytest.raises(Corrupt, match=f"a reason of import {import_id}"):
            await results.reasons(tx, import_id, Kind.FAILURES, limit=10)
