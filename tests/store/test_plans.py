"""No statement that a tick or a page sends reads more, the more has piled up: each has its index, on both databases.

The statements are those that were really sent: they are overheard while files go their way, then run once more where
very much has piled up, and what they read is counted.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.api_keys import Scope
from app.simulator import Fault
from app.store.database import Database
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.support.clock import SteppedClock
from tests.support.heap import fill, settle
from tests.support.stage import Stage, staged
from tests.support.statements import overhearing

FINISHED, WAITING = 30_000, 1_000
MOST_ROWS = 3 * WAITING  # what waits may be counted; what is over may not be gone through
MOST_STEPS = 60 * WAITING  # of SQLite's machine, which takes at least three for each row, and fifty to sum what waits
PAGES = (
    "/v1/status",
    "/metrics",
    "/v1/instances",
    "/v1/instances/default/events",
    "/v1/instances/default/jobs",
    "/v1/instances/default/jobs?state=over",
    "/v1/imports",
    "/v1/imports?status=queued",
    "/v1/imports?client=local",
    "/v1/imports?label=nothing",
    "/v1/imports?file_name=nothing",
    "/v1/imports?created_after=2027-01-01T00:00:00Z",
    "/v1/imports?attention=true",
    "/v1/imports/1",
    "/v1/imports/1/parts",
    "/v1/imports/1/events",
    "/v1/imports/1/failures",
    "/v1/imports/1/failures?reason=nothing",
    "/v1/imports/1/failures/reasons",
    "/v1/imports/1/failures.csv",
)
HTML_PAGES = (  # for people; each is listed, with what it leads to
    "/",
    "/imports",
    "/imports/1",
    "/instances",
    "/instances/default",
    "/instances/default/queue",
    "/instances/default/jobs",
    "/instances/default/jobs?state=over",
    "/instances/default/history",
    "/keys",
    "/webhooks",
    "/webhooks/1",
)
Sent = dict[str, Any]  # each statement with the parameters it was last sent with


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A service that bundles."""
    async with staged(database_url, clock, bundle_seconds=20) as stage:
        yield stage


@contextmanager
def overheard(db: Database) -> Iterator[Sent]:
    sent: Sent = {}

    def hear(statement: str, parameters: Any) -> None:
        if statement.lstrip().split()[0] in ("SELECT", "UPDATE", "DELETE"):
            sent[statement] = parameters

    with overhearing(db, hear):
        yield sent


async def a_life(stage: Stage) -> None:
    """Everything that a worker does: files that share a key or a job, rejected rows, lost answers; what people ask for.

    Also what keeps work from flowing: others' jobs in the whole queue, a job that Marketo denies.
    """
    stage.simulator.occupy(10, 10)
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.beat()
    stage.clock.step(15)
    stage.simulator.order(Fault("json_error:1013", on="status", times=3))
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.created(leads(3), not_before="2026-11-04T12:01:00Z")
    await stage.created(leads(3, start=90), priority=9, label="some")
    cancelled = await stage.created(leads(3, start=50), not_before="2027-01-01T00:00:00Z")
    for start in (200, 210, 220):
        await stage.created(leads(3, start=start))
    stage.simulator.order(Fault("job_failed", on="create", nth=2))
    for _ in range(3):
        await stage.beat()
        stage.clock.step(30)
    for page in PAGES:
        assert (await stage.api.get(page)).status_code == 200
    await stage.container.keys.create("local", [Scope.SUBMIT])
    webhook = {"url": "https://198.51.100.7/", "events": ["import.finished"]}
    made = await stage.api.post("/v1/webhooks", json=webhook)
    assert (await stage.api.post(f"/v1/webhooks/{made.json()['id']}/test")).status_code == 202
    for page in HTML_PAGES:
        answer = await stage.api.get(page, headers={"Accept": "text/html"})
        assert answer.status_code == 200, (page, answer.text)
    own = await stage.container.reports.overview.read_of_client("local")
    assert own.instances, "what a client's overview reads is overheard, too"
    assert (await stage.api.post(f"/v1/imports/{cancelled}/cancel")).status_code == 202
    await stage.run()


async def test_no_statement_reads_a_table_from_end_to_end(stage: Stage):
    """Whatever has piled up: waiting, finished, or history."""
    db = stage.container.db
    with overheard(db) as sent:
        await a_life(stage)
    assert len(sent) > 30, "the life was overheard"
    first = 100
    await fill(db, first, first + FINISHED, finished=True, clock=stage.clock, apart_seconds=194)
    await fill(db, first + FINISHED + 1, first + FINISHED + WAITING, finished=False, clock=stage.clock)
    await settle(db)
    work = {statement: await _work(db, statement, parameters) for statement, parameters in sent.items()}
    most = MOST_STEPS if db.on_sqlite else MOST_ROWS
    bad = [f"{statement}\n{done:,}: {plan}" for statement, (done, plan) in work.items() if done > most]
    assert not bad, "\n\n".join(bad)


@pytest.mark.one_database
async def test_a_statement_without_an_index_would_be_noticed(stage: Stage):
    """The test itself is tested: a search by what no index has, and one by an index that tells next to nothing."""
    db = stage.container.db
    await fill(db, 100, 100 + FINISHED, finished=True, clock=stage.clock)
    await settle(db)
    by_size, _ = await _work(db, "SELECT id FROM part WHERE bytes = 7", ())
    by_state, _ = await _work(db, "SELECT sum(rows) FROM part WHERE state = 'complete'", ())
    assert min(by_size, by_state) > (MOST_STEPS if db.on_sqlite else MOST_ROWS)


async def _work(db: Database, statement: str, parameters: Any) -> tuple[int, str]:
    """(what it does: rows read, or steps of SQLite's machine; how it goes about it). Nothing of it stays."""
    async with db.write() as tx:
        found = await (_steps if db.on_sqlite else _rows)(tx, statement, parameters)
        await tx.rollback()
    return found


async def _steps(tx: AsyncConnection, statement: str, parameters: Any) -> tuple[int, str]:
    line = (await tx.get_raw_connection()).driver_connection
    hundreds: list[None] = []
    plan = await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    told = "; ".join(row[3] for row in plan)
    await line.set_progress_handler(lambda: hundreds.append(None), 100)
    result = await tx.exec_driver_sql(statement, parameters)
    if result.returns_rows:
        result.all()
    await line.set_progress_handler(None, 0)
    return 100 * len(hundreds), told


async def _rows(tx: AsyncConnection, statement: str, parameters: Any) -> tuple[int, str]:
    found = await tx.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
    (told,) = found.scalar_one()
    return sum(_read(node) for node in _nodes(told["Plan"])), json.dumps(told["Plan"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", []):
        yield from _nodes(inner)


def _read(node: dict[str, Any]) -> int:
    """Rows of a table that were looked at, used or not."""
    if "Scan" not in node["Node Type"]:
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])
