"""What has piled up in a database that has long been in use: put there with one statement for each table."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import text

from app.store.database import Database

NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})",
    "postgresql": "WITH n AS (SELECT i FROM generate_series({first}, {last}) AS i)",
}
IMPORT = (
    "id, instance, client, object_type, format, charset, lookup_field, priority, preflight, on_unconfirmed, columns, "
    "rows, file_sha256, status, imported, touched_at, created_at, started_at, finished_at"
)
PART = (
    "id, import_id, number, instance, priority, client, turn, state, space, key_fields, first_row, rows, bytes, "
    "imported, state_since, submitted_at, finished_at, job_id, alike"
)
JOB = (
    "id, instance, state, state_since, object_type, parts, imports, rows, bytes, batch_id, attempts, imported, "
    "submitted_at, finished_at"
)


async def fill(
    db: Database, first: int, last: int, *, finished: bool, clock: Callable[[], datetime], apart_seconds: int = 7
) -> None:
    """Imports of one part each, with these ids; the finished ones, each with its job, so far apart.

    They have finished within the last ninety days.
    """
    kind = "sqlite" if db.on_sqlite else "postgresql"
    numbers = NUMBERS[kind].format(first=first, last=last)
    now = f"{clock():%Y-%m-%dT%H:%M:%S.000000Z}"
    seconds = f"(60 + i * {apart_seconds} % 7775940)" if finished else "0"
    if db.on_sqlite:
        at = f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', '{now}', '-' || {seconds} || ' seconds')"
    else:
        at = f"'{now}'::timestamptz - make_interval(secs => {seconds})"
    ended = at if finished else "NULL"
    status, state = ("complete", "complete") if finished else ("queued", "waiting")
    columns = "'[\"email\"]'" + ("" if db.on_sqlite else "::jsonb")
    imported = 3 if finished else 0
    no = "0" if db.on_sqlite else "false"
    job_id = "i" if finished else "NULL"
    pair = "printf('%032d', i / 2)" if db.on_sqlite else "lpad((i / 2)::text, 32, '0')"
    alike = "NULL" if finished else pair  # two of them may be in one job
    async with db.write() as tx:
        if finished:
            await tx.execute(
                text(
                    f"INSERT INTO job ({JOB}, results_missing) {numbers} SELECT i, 'default', 'complete', {at}, "
                    f"'lead', 1, 1, 3, 8, i, 1, {imported}, {at}, {at}, {no} FROM n"
                )
            )
        if finished and not db.on_sqlite:
            await tx.execute(text("SELECT setval(pg_get_serial_sequence('job', 'id'), max(id)) FROM job"))
        await tx.execute(
            text(
                f"INSERT INTO import ({IMPORT}) {numbers} SELECT i, 'default', 'local', 'lead', 'csv', 'utf-8', "
                f"'email', 5, 'header', 'resubmit', {columns}, 3, '00', '{status}', {imported}, {at}, {at}, {ended}, "
                f"{ended} FROM n"
            )
        )
        await tx.execute(
            text(
                f"INSERT INTO part ({PART}, results_missing) {numbers} SELECT i, i, 1, 'default', 5, 'local', i, "
                f"'{state}', 'people', 'email', 1, 3, 8, {imported}, {at}, {ended}, {ended}, {job_id}, {alike}, {no} "
                "FROM n"
            )
        )
        await tx.execute(
            text(
                f"INSERT INTO event (at, instance, import_id, part_number, type, data) {numbers} "
                f"SELECT {at}, 'default', i, 1, 'finish', '{{}}' FROM n"
            )
        )
        digests = "CAST(printf('%024d', i) AS BLOB)" if db.on_sqlite else "convert_to(lpad(i::text, 24, '0'), 'UTF8')"
        if not finished:
            await tx.execute(text(f"INSERT INTO part_keys (part_id, digests) {numbers} SELECT i, {digests} FROM n"))
            blob = "zeroblob(8)" if db.on_sqlite else r"'\x00'"
            await tx.execute(text(f"INSERT INTO part_file (part_id, blob) {numbers} SELECT i, {blob} FROM n"))


async def settle(db: Database) -> None:
    """What PostgreSQL's own housekeeping would have done by then."""
    if db.on_sqlite:
        return
    async with db._writer.connect() as line:  # outside a transaction
        await (await line.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))
