"""Each statement that a tick or a page sends again and again is answered from an index, on both databases.

The statements are those that were really sent: they are overheard while a file goes its way, and then explained in a
database in which very much has piled up.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from app.store.database import Database
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.support.heap import fill, settle
from tests.support.stage import Stage

FINISHED, WAITING = 20_000, 2_000
GROWING = ("part", "import", "event", "part_file", "part_keys", "result_row", "result_file")
PAGES = (
    "/v1/status",
    "/metrics",
    "/v1/instances",
    "/v1/imports",
    "/v1/imports?status=queued",
    "/v1/imports?client=local",
    "/v1/imports?label=nothing",
    "/v1/imports?attention=true",
    "/v1/imports/1",
    "/v1/imports/1/parts",
    "/v1/imports/1/events",
    "/v1/imports/1/failures",
)
Sent = dict[str, Any]  # each statement with the parameters it was last sent with


@contextmanager
def overheard(db: Database) -> Iterator[Sent]:
    sent: Sent = {}

    def hear(_line: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.lstrip().split()[0] in ("SELECT", "UPDATE", "DELETE"):
            sent[statement] = parameters[0] if many else parameters

    engines = {db._writer.sync_engine, db._reader.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", hear)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", hear)


async def a_life(stage: Stage) -> None:
    """Everything that a worker does: files that share a key, rejected rows, a lost answer; and what people ask for."""
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.created(leads(3), not_before="2026-11-04T12:01:00Z")
    await stage.created(leads(3, start=90), priority=9, label="some")
    cancelled = await stage.created(leads(3, start=50), not_before="2027-01-01T00:00:00Z")
    for _ in range(3):
        await stage.beat()
        stage.clock.step(30)
    for page in PAGES:
        assert (await stage.api.get(page)).status_code == 200
    assert (await stage.api.post(f"/v1/imports/{cancelled}/cancel")).status_code == 202
    await stage.run()


async def test_no_statement_reads_a_table_from_end_to_end(stage: Stage):
    """Whatever has piled up: waiting, finished, or history."""
    db = stage.house.db
    with overheard(db) as sent:
        await a_life(stage)
    assert len(sent) > 30, "the life was overheard"
    first = 100
    await fill(db, first, first + FINISHED, finished=True, clock=stage.clock)
    await fill(db, first + FINISHED + 1, first + FINISHED + WAITING, finished=False, clock=stage.clock)
    await settle(db)
    bad = {}
    for statement, parameters in sent.items():
        if through := await (_sqlite if db.on_sqlite else _postgres)(db, statement, parameters):
            bad[statement] = through
    assert not bad, "\n\n".join(f"{statement}\n{through}" for statement, through in bad.items())


async def _sqlite(db: Database, statement: str, parameters: Any) -> list[str]:
    """The steps of the plan that go through a whole table, or through an index of all of it."""
    async with db.write() as tx:
        found = await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps = [row[3] for row in found]
        await tx.rollback()
    return [step for step in steps if (scan := re.match(r"SCAN (\w+)(.*)", step)) and _grows(statement, *scan.groups())]


def _grows(statement: str, name: str, how: str) -> bool:
    """A page is read along the key from its newest end, as far as it is long; an index of a few is few to read."""
    table = name if name in GROWING else next(iter(re.findall(rf"(\w+) AS {name}\b", statement)), None)
    few = any(
        index in how for index in ("ix_part_waiting", "ix_part_attention", "ix_part_may_go", "ix_import_receiving")
    )
    newest_first = "ORDER BY import.id DESC" in statement and not how.strip()
    return table in GROWING and not few and not newest_first


async def _postgres(db: Database, statement: str, parameters: Any) -> list[str]:
    async with db.write() as tx:
        found = await tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        (plan,) = found.scalar_one() if not isinstance(found, str) else json.loads(found)
        await tx.rollback()
    return [f"{node['Node Type']} {node['Relation Name']}" for node in _nodes(plan["Plan"]) if _scans(node)]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", []):
        yield from _nodes(inner)


def _scans(node: dict[str, Any]) -> bool:
    return node["Node Type"] == "Seq Scan" and node["Relation Name"] in ("part", "import", "event")


async def test_a_statement_without_an_index_would_be_noticed(stage: Stage):
    """The test itself is tested."""
    await fill(stage.house.db, 100, 3000, finished=True, clock=stage.clock)
    await settle(stage.house.db)
    explain = _sqlite if stage.house.db.on_sqlite else _postgres
    unindexed = str(text("SELECT id FROM part WHERE batch_id = 7"))
    assert await explain(stage.house.db, unindexed, ())
