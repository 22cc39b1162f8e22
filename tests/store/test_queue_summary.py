"""Numbers for status pages: they cost what lives, not what has been."""

from datetime import UTC, datetime

from sqlalchemy import event, text

from app.store import queue_summary
from app.store.database import Database
from tests.store.seed import an_import

HISTORY = 20_000


async def test_live_parts_are_found_by_an_index_among_all_that_have_ended(db: Database):
    """By the database's own plan for the statement that is sent."""
    await an_import(db, parts_count=3)
    sent: list[tuple[str, object]] = []
    async with db.write() as tx:
        many = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {HISTORY}) "
        columns = "import_id, instance, priority, first_row, rows, bytes, results_missing"
        await tx.execute(
            text(
                f"INSERT INTO part ({columns}, number, state) {many if db.on_sqlite else ''}"
                f"SELECT {columns}, 100 + i, 'complete' FROM part, "
                f"{'n' if db.on_sqlite else f'generate_series(1, {HISTORY}) AS i'} WHERE number = 1"
            )
        )
        await tx.execute(text("ANALYZE"))

        @event.listens_for(tx.sync_connection, "before_cursor_execute")
        def keep(_connection, _cursor, statement, parameters, *_rest) -> None:
            sent.append((statement, parameters))

        found = await queue_summary.summaries(tx, await queue_summary.waiting(tx), now=datetime.now(UTC))
        event.remove(tx.sync_connection, "before_cursor_execute", keep)
        statement, parameters = next(one for one in sent if "denials" in one[0])
        explain = "EXPLAIN QUERY PLAN " if db.on_sqlite else "EXPLAIN "
        plan = (await tx.exec_driver_sql(explain + statement, parameters)).all()
    assert found["default"].waiting_parts == 3
    told = " ".join(str(row) for row in plan)
    assert "ix_part_state" in told, told
    assert "Seq Scan on part" not in told
    assert "SCAN part" not in told
