"""What is erased: by a person, and by each of the three retention settings; what stays, and where the room goes."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, insert, select

from app.simulator import Fault, Rules
from app.simulator.faults import parse_fault
from app.store import erasures, imports
from app.store.tables import event, import_, job, part, part_file, result_file, result_reason, result_row
from tests.story.files import LEADS, LEADS_WITH_TROUBLE, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

pytestmark = pytest.mark.both_databases

DAY = 86_400
ERASABLE = {"file": [part_file], "results": [result_file, result_row, result_reason], "history": [import_, part, job]}
CELLS = ("Ann", "Ash", "Beech", "many", "not-an-address", "Dogwood", "Elm", "@example.com")


async def imported(stage: Stage, content: bytes = LEADS_WITH_TROUBLE, **parameters: Any) -> int:
    import_id = await stage.created(content, **parameters)
    await stage.run()
    return import_id


async def kept(stage: Stage) -> set[str]:
    """What there is still something of."""
    async with stage.container.db.read() as tx:
        counts = {
            name: [(await tx.execute(select(func.count()).select_from(table))).scalar_one() for table in tables]
            for name, tables in ERASABLE.items()
        }
    assert all(len({bool(count) for count in found}) == 1 for found in counts.values()), counts
    return {name for name, found in counts.items() if any(found)}


async def history(stage: Stage, import_id: int) -> list[dict[str, Any]]:
    return (await stage.api.get(f"/v1/imports/{import_id}/events", params={"page_size": 200})).json()["items"]


async def test_a_person_erases_file_and_results_and_the_counts_stay(stage: Stage):
    """204, and 204 again; then no rows and no empty file either, and one event that says who it was."""
    import_id = await imported(stage)
    before, listed = await stage.read(import_id), await history(stage, import_id)
    for _ in range(2):
        answer = await stage.api.delete(f"/v1/imports/{import_id}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert await kept(stage) == {"history"}
    assert await stage.read(import_id) == before
    assert before["rows"] == {"total": 5, "imported": 3, "failed": 2, "warned": 1, "pending": 0}
    *same, last = await history(stage, import_id)
    assert same == listed
    assert (last["type"], last["data"]) == ("erased", {"what": ["file", "results"], "by": "local"})
    for kind in ("failures", "warnings"):
        for accepted in ("text/csv", "application/json"):
            answer = await stage.api.get(f"/v1/imports/{import_id}/{kind}", headers={"Accept": accepted})
            assert (answer.status_code, answer.json()["code"]) == (410, "results_erased")
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert (answer.status_code, answer.json()["code"]) == (409, "rows_erased")


async def test_marketos_words_go_with_the_results(stage: Stage):
    """They might quote a row; codes and counts tell what happened."""
    stage.simulator.order(Fault("job_failed", message="ann@example.com will not do"))
    import_id = await imported(stage)
    assert "ann@" in (await stage.parts(import_id))[0]["error"]["message"]
    assert (await stage.api.delete(f"/v1/imports/{import_id}")).status_code == 204
    told, (part,) = await stage.read(import_id), await stage.parts(import_id)
    assert part["message"] is None
    assert (told["error"]["code"], part["error"]["code"]) == ("marketo_failed", "marketo_failed")
    assert "ann@" not in str([told, part, await history(stage, import_id)])


async def test_an_import_under_way_is_not_erased(stage: Stage):
    """409, and it goes on to its end with every row."""
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    answer = await stage.api.delete(f"/v1/imports/{import_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_finished")
    assert (await stage.api.delete("/v1/imports/99")).status_code == 404
    await stage.run()
    assert (await stage.read(import_id))["rows"]["failed"] == 2
    assert await kept(stage) == {"file", "results", "history"}


async def test_a_corrected_file_is_taken_after_the_erasure(stage: Stage):
    """It needs nothing of what is gone."""
    import_id = await imported(stage)
    await stage.api.delete(f"/v1/imports/{import_id}")
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures", content=LEADS)
    assert (answer.status_code, answer.json()["retry_of"]) == (202, import_id)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("setting", "goes", "stays"),
    [
        ("file_retention_days", {"file"}, {"results", "history"}),
        ("result_retention_days", {"results"}, {"file", "history"}),
        ("history_retention_days", {"file", "results", "history"}, set()),
    ],
)
async def test_each_retention_takes_its_own_when_its_time_is_over(
    database_url: str, clock: SteppedClock, setting: str, goes: set[str], stays: set[str]
):
    """Not a second earlier, and of nothing that is younger or not finished."""
    days = {"file_retention_days": 100, "result_retention_days": 100, "history_retention_days": 100} | {setting: 3}
    async with staged(database_url, clock, **days) as stage:
        import_id = await imported(stage)
        finished_at = stage.clock()
        clock.step(3 * DAY - 1)
        await stage.maintenance.run_once()
        assert await kept(stage) == {"file", "results", "history"}
        clock.step(2)
        await stage.maintenance.run_once()
        assert await kept(stage) == stays
        if "history" in goes:
            assert (await stage.api.get(f"/v1/imports/{import_id}")).status_code == 404
            async with stage.container.db.read() as tx:
                told = [
                    (row.type, row.data) for row in await tx.execute(select(event).where(event.c.type == "forgotten"))
                ]
            assert told == [("forgotten", {"imports": 1, "by": "retention"})]
        else:
            assert (await history(stage, import_id))[-1]["data"] == {"what": sorted(goes), "by": "retention"}
            answer = await stage.api.get(f"/v1/imports/{import_id}/failures")
            assert answer.status_code == (410 if "results" in goes else 200)
        young, open_ = await imported(stage), await stage.created(LEADS)
        clock.step(2 * DAY)
        await stage.maintenance.run_once()
        assert (await stage.api.get(f"/v1/imports/{young}/failures")).status_code == 200
        assert (await stage.read(open_))["status"] == "queued"
        assert finished_at < stage.clock()


async def test_the_history_of_an_instance_is_forgotten_too(stage: Stage):
    """Events that are about no import have an age as well."""
    await stage.api.post("/v1/instances/default/pause", json={"reason": "Spring cleaning"})
    stage.clock.step(91 * DAY)
    await stage.api.post("/v1/instances/default/resume")
    await stage.maintenance.run_once()
    async with stage.container.db.read() as tx:
        assert list((await tx.execute(select(event.c.type))).scalars()) == ["resumed"]


@pytest.fixture
def deleted(stage: Stage) -> Iterator[list[int]]:
    """How many rows each DELETE took away."""
    found: list[int] = []

    def count(_connection: object, cursor: Any, statement: str, *_rest: object) -> None:
        if statement.lstrip().startswith("DELETE"):
            found.append(cursor.rowcount)

    engine = stage.container.db._writer.sync_engine
    sqlalchemy_event.listen(engine, "after_cursor_execute", count)
    yield found
    sqlalchemy_event.remove(engine, "after_cursor_execute", count)


@pytest.mark.one_database
async def test_much_goes_in_many_small_transactions(stage: Stage, deleted: list[int]):
    """An import with ten thousand rejected rows keeps nobody waiting."""
    import_id = await imported(stage)
    async with stage.container.db.write() as tx:
        row = {"import_id": import_id, "kind": "failures", "part_number": 1, "reason": "No", "cells": "[]"}
        await tx.execute(insert(result_row), [row | {"position": n, "source_row": n} for n in range(10, 10_010)])
    deleted.clear()
    assert (await stage.api.delete(f"/v1/imports/{import_id}")).status_code == 204
    assert sum(deleted) > 10_000
    assert max(deleted) <= 2_000
    assert await kept(stage) == {"history"}


async def test_an_erasure_that_was_cut_short_is_gone_on_with(stage: Stage):
    """The mark is on disk before the first row goes: from then on nobody reads it, and the next tidy ends it."""
    import_id = await imported(stage)
    async with stage.container.db.write() as tx:  # and here the process dies
        lock = await imports.lock_beside(tx, import_id)
        await erasures.mark(tx, lock, at=stage.clock(), by="local")
    assert (await stage.api.get(f"/v1/imports/{import_id}/failures")).status_code == 410
    assert await kept(stage) == {"file", "results", "history"}
    await stage.maintenance.run_once()
    assert await kept(stage) == {"history"}
    assert [each["type"] for each in await history(stage, import_id)].count("erased") == 1


@pytest.mark.one_database
async def test_several_workers_and_a_person_may_erase_at_once(stage: Stage):
    """Each row goes, each erasure is one event, and whoever asked is answered when all is gone."""
    ids = [await stage.created(leads(3, start=10 * n)) for n in range(12)]
    await stage.run()
    stage.clock.step(40 * DAY)
    tidies = [stage.maintenance.run_once() for _ in range(3)]
    *_, answer = await asyncio.gather(*tidies, stage.api.delete(f"/v1/imports/{ids[-1]}"))
    assert answer.status_code == 204
    assert await kept(stage) == {"history"}
    async with stage.container.db.read() as tx:
        marks = list(await tx.execute(select(event.c.import_id, event.c.data).where(event.c.type == "erased")))
        assert not (await tx.execute(select(import_.c.id).where(import_.c.erasing.is_(True)))).all()
    assert sorted((one, what) for one, data in marks for what in data["what"]) == [
        (one, what) for one in ids for what in ("file", "results")
    ]


@pytest.mark.one_database
@pytest.mark.endure
async def test_no_event_carries_a_cell(stage: Stage):
    """Whatever Marketo says, and whatever is done: rejected, remarked upon, refused, failed, sent again, erased."""
    orders = (
        "job_failed",
        "failed_in_answer",
        "json_error:1003:create",
        "json_error:611:create",
        "json_error:1016:create",
    )
    for order in orders:
        stage.simulator.order(parse_fault(f"{order}:message=ann@example.com Ash many"))
        import_id = await stage.created(LEADS_WITH_TROUBLE, preflight="rows", label="nightly")
        await stage.run(seconds=60)
        for what in ("retry", "retry-failures"):
            await stage.api.post(f"/v1/imports/{import_id}/{what}")
        await stage.run(seconds=60)
        await stage.api.delete(f"/v1/imports/{import_id}")
    async with stage.container.db.read() as tx:
        told = [(row.type, str(row.data)) for row in await tx.execute(select(event.c.type, event.c.data))]
    assert {"accepted", "preflight", "fail", "refuse", "lose", "turn_away", "collect", "retried", "erased"} <= {
        type_ for type_, _ in told
    }
    assert not [one for one in told for cell in CELLS if cell in one[1]]


@pytest.fixture
async def short_lived(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One in which an import is forgotten after a day."""
    days = dict.fromkeys(("file_retention_days", "result_retention_days", "history_retention_days"), 1)
    async with staged(database_url, clock, rules=Rules(rows_per_second=1e6), **days) as stage:
        yield stage


@pytest.mark.endure
async def test_a_steady_stream_does_not_grow_the_database_without_bound(short_lived: Stage, database_url: str):
    """Some megabytes a day that no compression helps with, each forgotten after a day."""
    sizes, chance = [], random.Random(7)
    for _ in range(5):
        rows = "".join(f"{chance.randbytes(600).hex()}@example.com,P,much\n" for _ in range(1_000))
        await imported(short_lived, b"email,firstName,leadScore\n" + rows.encode())
        short_lived.clock.step(1.5 * DAY)
        await short_lived.maintenance.run_once()
        sizes.append(size_bytes(database_url))
    assert await kept(short_lived) == set()
    assert max(sizes[2:]) <= 1.1 * max(sizes[:2])
    if database_url.startswith("sqlite"):
        assert sizes[-1] < 1_000_000, "what was freed is given back to the file system"


def size_bytes(url: str) -> int:
    if url.startswith("sqlite"):
        return Path(url.removeprefix("sqlite:///")).stat().st_size
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM")  # as autovacuum does when the table's share of dead rows is reached
        return connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]


def test_postgresql_is_told_to_vacuum_early(postgres_url: str):
    """What retention empties is to be had again when a fiftieth of a table is dead, not a fifth."""
    with psycopg.connect(postgres_url) as connection:
        told = dict(
            connection.execute(
                "SELECT relname, reloptions FROM pg_class WHERE relname = ANY(%s)",
                [["part_file", "result_file", "result_row", "result_reason", "event"]],
            ).fetchall()
        )
    assert set(map(tuple, told.values())) == {("autovacuum_vacuum_scale_factor=0.02",)}
    assert len(told) == 5
