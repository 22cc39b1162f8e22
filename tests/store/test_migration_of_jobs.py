"""0014, the job as a noun: what Marketo had before it goes on as jobs, and comes back where a deployment is undone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, select, text

import migrations
from app.domain.lifecycle import Move
from app.pipeline.finish import finish
from app.store import job_queries, jobs, part_queries, parts
from app.store.database import Database, driver_url
from app.store.results import Kind, keep_file
from app.store.tables import metadata, part, result_file
from tests.store.seed import AT, an_import, parts_of
from tests.store.test_migrations import AT_MARKETO, IMPORT_BEFORE, INSTANCE_BEFORE

MOMENT = "'2026-11-04T12:00:{:02}.000000Z'"
STATES = [*AT_MARKETO, "collecting", "complete", "failed", "failed", "waiting", "cancelled", None]
WITH_JOB = range(1, 8)  # the second of the failed ones never had a batch: Marketo refused it
TOLD = (  # of a part at 0013, what its job takes over
    *("instance", "state", "state_since", "stuck_at", "slot", "rows", "bytes", "batch_id", "attempts", "due_at"),
    *("message", "imported", "failed", "warned", "counted", "error_code", "error_message", "error_marketo_code"),
    *("silent_since", "denials", "last_error_at", "last_error_code", "last_error_message", "failing_since"),
    *("results_missing", "results_late", "unplaced", "submitted_at", "started_at", "finished_at"),
)


def part_before(number: int, state: str | None) -> dict[str, str]:
    """The row of a part at 0013, as SQL: every column says something of its own."""
    has_batch = number in WITH_JOB and state not in {"submitting", "unconfirmed"}
    moments = ("state_since", "stuck_at", "due_at", "silent_since", "last_error_at", "failing_since", "submitted_at")
    told = {name: MOMENT.format(number + at) for at, name in enumerate((*moments, "started_at", "finished_at"))}
    return told | {
        "id": str(10 * number),
        "import_id": "8" if state is None else "7",  # still being received
        "number": str(number),
        "instance": "'default'",
        "priority": "5",
        "state": "NULL" if state is None else f"'{state}'",
        "state_since": "NULL" if state is None or state == "complete" else told["state_since"],
        "turn": "41",
        "client": "'crm'",
        "space": "'people'",
        "slot": str(number) if state in AT_MARKETO else "NULL",
        "first_row": str(10 * number - 9),
        "rows": "20",
        "bytes": str(80 + number),
        "imported": str(number),
        "failed": "1",
        "warned": "2",
        "counted": "true",
        "batch_id": str(1000 + number) if has_batch else "NULL",
        "attempts": str(number),
        "message": f"'message {number}'",
        "error_code": f"'code {number}'",
        "error_message": f"'error {number}'",
        "error_marketo_code": f"'{number}'",
        "denials": "1",
        "last_error_code": f"'try {number}'",
        "last_error_message": f"'last error {number}'",
        "results_missing": "true" if number % 2 else "false",
        "results_late": "'failures:html'",
        "unplaced": str(number % 3),
    }


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url, finish=finish)
    try:
        yield database
    finally:
        await database.close()


async def at_0013(url: str) -> None:
    """A database as the version before left it: parts in every state, and the result file of the complete one."""
    (migrations.downgrade if migrations.revision(url) else migrations.upgrade)(url, "0013")
    async with opened(url) as database, database.write() as tx:
        await tx.execute(text(INSTANCE_BEFORE))
        await tx.execute(text(IMPORT_BEFORE))
        await tx.execute(text(IMPORT_BEFORE.replace("7, 'default'", "8, 'default'")))
        for number, state in enumerate(STATES, start=1):
            row = part_before(number, state)
            await tx.exec_driver_sql(f"INSERT INTO part ({', '.join(row)}) VALUES ({', '.join(row.values())})")
        blob = "x'00'" if database.on_sqlite else r"'\x00'"
        await tx.exec_driver_sql(f"INSERT INTO result_file (part_id, kind, blob) VALUES (60, 'failures', {blob})")
        sequence = "SELECT setval(pg_get_serial_sequence('part', 'id'), 110)"
        if not database.on_sqlite:
            await tx.exec_driver_sql(sequence)


def rows(url: str, query: str) -> list[dict[str, Any]]:
    """As the database itself has them, by their names."""
    engine = create_engine(driver_url(url, asynchronous=False))
    try:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]
    finally:
        engine.dispose()


def kept_tidy(url: str) -> list[dict[str, Any]]:
    """How early PostgreSQL is told to tidy up behind the result files that are erased."""
    options = "SELECT reloptions FROM pg_class WHERE relname = 'result_file'"
    return rows(url, options) if url.startswith("postgresql") else []


def indexes(url: str) -> dict[str, str]:
    """The indexes of parts and jobs, with the statements that make them."""
    queries = {
        "sqlite": "SELECT name, sql AS made FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('part', 'job')",
        "postgresql": "SELECT indexname AS name, indexdef AS made FROM pg_indexes WHERE tablename IN ('part', 'job')",
    }
    return {row["name"]: " ".join((row["made"] or "").split()) for row in rows(url, queries[url.partition(":")[0]])}


async def test_0014_each_part_that_marketo_has_or_had_gets_a_job_with_what_is_known_of_it(database_url: str):
    """The others have none: a part that waits, or was stopped here, or refused. Its result file is the job's."""
    await at_0013(database_url)
    before = {row["id"]: row for row in rows(database_url, "SELECT * FROM part ORDER BY id")}
    migrations.upgrade(database_url)
    after = {row["id"]: row for row in rows(database_url, "SELECT * FROM part ORDER BY id")}
    made = {row["id"]: row for row in rows(database_url, "SELECT * FROM job")}
    assert {number: row["job_id"] for number, row in after.items()} == {
        10 * number: 10 * number if number in WITH_JOB else None for number in range(1, len(STATES) + 1)
    }
    assert made.keys() == {10 * number for number in WITH_JOB}
    (created_at,) = (row["created_at"] for row in rows(database_url, "SELECT created_at FROM import WHERE id = 7"))
    for job_id, job in made.items():
        told = {name: before[job_id][name] for name in TOLD}
        told["state_since"] = told["state_since"] or created_at
        assert {name: job[name] for name in TOLD} == told
        assert (job["object_type"], job["parts"], job["imports"]) == ("lead", 1, 1)
    kept = [name for name in before[10] if name != "slot"]
    assert [[row[name] for name in kept] for row in after.values()] == [
        [row[name] for name in kept] for row in before.values()
    ]
    assert [(row["job_id"], row["kind"]) for row in rows(database_url, "SELECT * FROM result_file")] == [
        (60, "failures")
    ]


async def test_0014_what_it_made_is_read_and_goes_on(database_url: str):
    """Every part and every job is read by today's code, and the next job has a number that no job has had."""
    await at_0013(database_url)
    migrations.upgrade(database_url)
    async with opened(database_url) as database, database.write() as tx:
        there = await job_queries.at_marketo(tx, ["default"])
        assert [(job.slot, job.state) for job in there] == list(enumerate(AT_MARKETO, start=1))
        for job in there:
            assert [part.id for part in await job_queries.parts_of(tx, job.id)] == [job.id]
        await jobs.move(tx, 40, Move.FINISH, at=AT)
        assert (await part_queries.get(tx, 40)).state == "collecting"
        await parts.make_due(tx, "default", now=AT + timedelta(days=365))
        assert (await jobs.claim(tx, [90], slot=4, due_at=AT, at=AT)).id > max(10 * number for number in WITH_JOB)


async def test_0014_and_back_again_everything_is_as_it_was(database_url: str):
    """The slots, the result files and the indexes too; and the jobs that there were in between are forgotten."""
    await at_0013(database_url)
    query = "SELECT * FROM part ORDER BY id"
    parts, files = rows(database_url, query), rows(database_url, "SELECT * FROM result_file")
    found = indexes(database_url), kept_tidy(database_url)
    migrations.upgrade(database_url)
    migrations.downgrade(database_url, "0013")
    assert [dict(sorted(row.items())) for row in rows(database_url, query)] == [
        dict(sorted(row.items())) for row in parts
    ]
    assert rows(database_url, "SELECT * FROM result_file") == files
    assert (indexes(database_url), kept_tidy(database_url)) == found
    with pytest.raises(Exception, match="slot"):  # the second wall stands again
        rows(database_url, "UPDATE part SET slot = 11 WHERE id = 10 RETURNING id")


async def test_0014_has_the_indexes_that_the_tables_say(empty_database_url: str):
    """With their conditions, which autogenerate does not compare."""
    engine = create_engine(driver_url(empty_database_url, asynchronous=False))
    metadata.create_all(engine)
    said = indexes(empty_database_url)
    metadata.drop_all(engine)
    engine.dispose()
    await at_0013(empty_database_url)
    migrations.upgrade(empty_database_url)
    assert indexes(empty_database_url) == said


@pytest.mark.parametrize("left", [True, False], ids=["some parts are left", "none is"])
@pytest.mark.parametrize("way", ["up", "down"])
async def test_0014_the_number_of_a_part_that_is_forgotten_is_not_given_again(database_url: str, way: str, left: bool):
    """What names a part by its number goes on meaning that one: SQLite copies the table, and begins to count anew."""
    await at_0013(database_url)
    if way == "down":
        migrations.upgrade(database_url)
    async with opened(database_url) as database, database.write() as tx:
        await tx.exec_driver_sql("DELETE FROM result_file")
        await tx.exec_driver_sql(f"DELETE FROM part WHERE id >= {100 if left else 0}")
    if way == "down":
        migrations.downgrade(database_url, "0013")
    migrations.upgrade(database_url)
    async with opened(database_url) as database, database.write() as tx:
        row = {"import_id": 7, "number": 99, "instance": "default", "priority": 5, "first_row": 1, "rows": 1}
        row |= {"bytes": 8, "results_missing": False}
        assert (await tx.execute(insert(part).values(row).returning(part.c.id))).scalar_one() > 110


@pytest.mark.parametrize("state", [*AT_MARKETO, "collecting"])
async def test_0014_is_not_undone_while_a_job_with_several_parts_is_under_way(database_url: str, state: str):
    """The version before could not take its parts apart. Nothing is changed then; once it has ended, it can."""
    async with opened(database_url) as database:
        first, second = [(await parts_of(database, await an_import(database)))[0] for _ in range(2)]
        moves = {"unconfirmed": [Move.LOSE], "queued": [Move.ACCEPT], "importing": [Move.ACCEPT, Move.START]}
        moves |= {"submitting": [], "collecting": [Move.ACCEPT, Move.FINISH]}
        async with database.write() as tx:
            job = await jobs.claim(tx, [first.id, second.id], slot=1, due_at=AT, at=AT)
            for move in moves[state]:
                await jobs.move(tx, job.id, move, at=AT)
        with pytest.raises(RuntimeError, match="Jobs with several parts are under way"):
            migrations.downgrade(database_url, "0013")
        assert migrations.revision(database_url) in {"0014", migrations.head()}, "later steps may have been undone"
        migrations.upgrade(database_url)
        async with database.write() as tx:
            assert len(await job_queries.parts_of(tx, job.id)) == 2
            await tx.exec_driver_sql("UPDATE job SET state = 'collecting', slot = NULL")
            await tx.exec_driver_sql("UPDATE part SET state = 'collecting'")
            await jobs.move(tx, job.id, Move.COLLECT, at=AT)
            await keep_file(tx, job.id, Kind.FAILURES, b"packed")
        migrations.downgrade(database_url, "0013")
        assert [row["part_id"] for row in rows(database_url, "SELECT part_id FROM result_file")] == [first.id]
        migrations.upgrade(database_url)
        async with database.read() as tx:
            assert (await tx.execute(select(result_file.c.job_id))).scalars().all() == [first.id]
            assert [(await part_queries.get(tx, one.id)).state for one in (first, second)] == ["complete", "complete"]
