"""The schema's history runs up and down on both databases, with rows in it."""

from datetime import UTC, datetime, timedelta

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import migrations
from app.domain.events import Occurrence
from app.domain.imports import Request, SourceFile
from app.domain.objects import CustomObject, Leads
from app.domain.result_rows import ResultRow
from app.store import (
    api_keys,
    events,
    import_queries,
    imports,
    instances,
    job_queries,
    part_files,
    part_queries,
    parts,
    rekeying,
    results,
)
from app.store.database import Database
from app.store.parts import NewPart
from app.store.rekeying import STAGES
from app.store.results import Kind, Owner
from migrations.drift import drift
from tests.store.seed import a_webhook, an_import, parts_of
from tests.support.keys import FIRST, give_keys, vault

AT = datetime(2026, 11, 4, 12, tzinfo=UTC)
VALUES = ["é", None, 'a"b']


def test_the_tables_and_the_migrations_say_the_same(empty_database_url: str):
    """Autogenerate finds nothing left to do."""
    assert drift(empty_database_url) == []


def test_the_head_is_what_alembic_takes_for_it():
    """Found by the files' numbers, without Alembic."""
    assert migrations.head() == ScriptDirectory.from_config(migrations.config()).get_current_head()


def test_an_empty_database_is_at_no_revision_and_a_migrated_one_at_the_head(empty_database_url: str):
    """What `sluice serve` refuses to start by."""
    assert migrations.revision(empty_database_url) is None
    migrations.upgrade(empty_database_url)
    assert migrations.revision(empty_database_url) == migrations.head()


async def filled(url: str) -> list[int]:
    """Two imports with a part, keys and results each."""
    database, made = Database(url), []
    async with database.write() as tx:
        await instances.ensure(tx, ["default"])
        for target in (Leads(list_id=7), CustomObject("Car_c", ("vin",))):
            wanted = Request(target=target, client="crm")
            import_id = await imports.begin(tx, wanted, at=AT)
            await parts.add(
                tx,
                import_id,
                wanted,
                NewPart(1, first_row=1, rows=1, size_bytes=8, blob=b"blob", keys=b"12345678", row_numbers=b"x"),
            )
            accepted = await imports.accept(tx, import_id, file=SourceFile(None, 8, "00", 1), columns=["a"], at=AT)
            assert accepted is not None
            await parts.release(tx, accepted, at=AT)
            encoded = results.encode_rows([(Owner(import_id, 1), ResultRow(1, "bad", VALUES))])
            await results.keep_rows(tx, Kind.FAILURES, encoded)
            made.append(import_id)
    await database.close()
    return made


async def test_migrations_run_down_to_the_ground_and_up_again_with_rows_there(database_url: str):
    """A rollback of a deployment is not stopped by data."""
    await filled(database_url)
    migrations.downgrade(database_url)
    assert migrations.revision(database_url) is None
    migrations.upgrade(database_url)
    assert migrations.revision(database_url) == migrations.head()
    assert drift(database_url) == []


async def test_0019_it_does_not_go_down_while_an_import_is_under_review(database_url: str):
    """The version before would send it; once it is released nothing keeps it here."""
    database = Database(database_url)
    import_id = await an_import(database, review_until=AT + timedelta(days=7))
    await database.close()
    with pytest.raises(RuntimeError, match="1 imports are under review"):
        migrations.downgrade(database_url, "0018")
    database = Database(database_url)
    async with database.write() as tx:
        lock = await imports.lock(tx, import_id)
        assert lock is not None
        assert await imports.end_review(tx, lock, released_at=AT)
        await parts.line_up(tx, lock, accepted_seq=9, due_at=None, at=AT)
    await database.close()
    migrations.downgrade(database_url, "0018")
    migrations.upgrade(database_url)
    assert drift(database_url) == []


async def test_0024_it_does_not_go_down_while_something_is_sealed(database_url: str):
    """The version before could not read it. Once all is in the clear, it goes, and comes again with the rows."""
    database = Database(database_url, vault=vault(FIRST))
    import_id = await an_import(database)
    async with database.write() as tx:
        await a_webhook(tx)
    with pytest.raises(RuntimeError, match="run `sluice rekey`, then downgrade"):
        migrations.downgrade(database_url, "0023")
    give_keys(database, "clear", FIRST)
    for stage in ("part_file", "data_key"):
        async with database.write() as tx:
            ids = await rekeying.next_ids(tx, STAGES[stage], after=0, seals=False)
            assert await STAGES[stage].work(tx, ids) == 1
    with pytest.raises(RuntimeError, match="something is encrypted"):  # the secret
        migrations.downgrade(database_url, "0023")
    async with database.write() as tx:
        assert await STAGES["webhook"].work(tx, [1]) == 1
    await database.close()
    migrations.downgrade(database_url, "0023")
    migrations.upgrade(database_url)
    assert drift(database_url) == []
    database = Database(database_url)
    (only,) = await parts_of(database, import_id)
    async with database.read() as tx:
        stored = await part_files.load_file(tx, only.id)
        assert stored is not None
        assert stored.blob == b"blob"
    await database.close()


async def test_each_step_down_and_up_again_keeps_the_rows(database_url: str):
    """One migration at a time: nothing is lost that the step before could hold."""
    made = await filled(database_url)
    script = ScriptDirectory.from_config(migrations.config())
    for step in list(script.walk_revisions())[1:]:
        migrations.downgrade(database_url, step.revision)
    migrations.upgrade(database_url)
    assert drift(database_url) == []
    database = Database(database_url)
    async with database.read() as tx:
        for import_id in made:
            assert len(await part_queries.of_import(tx, import_id)) == 1
            (row,) = (await results.page(tx, import_id, Kind.FAILURES, results.Cut(None, 9))).rows
            assert (row.reason, list(row.values)) == ("bad", VALUES)
    await database.close()


async def test_0009_an_instance_that_is_paused_learns_from_its_history_who_did_it(database_url: str):
    """The last pause counts; where the history is gone, nobody knows."""
    database = Database(database_url)
    async with database.write() as tx:
        await instances.ensure(tx, ["default", "forgotten", "running"])
        for who in ("ann", "bob"):
            await events.append(tx, Occurrence.PAUSED, at=AT, instance="default", by=who)
            await events.append(tx, Occurrence.PAUSED, at=AT, instance="running", by=who)
        for name in ("default", "forgotten"):
            await instances.pause(tx, name, at=AT, reason="a release", by="unknown yet")
    await database.close()
    migrations.downgrade(database_url, "0008")
    migrations.upgrade(database_url)
    database = Database(database_url)
    async with database.read() as tx:
        found = {one.name: one.paused_by for one in await instances.everyone(tx)}
    await database.close()
    assert found == {"default": "bob", "forgotten": None, "running": None}


async def test_0002_parts_from_before_it_meet_those_that_come_after(database_url: str):
    """Their keys are not known: they meet all of their kind, into their list too, in the order of acceptance."""
    lead, car = await filled(database_url)
    migrations.downgrade(database_url, "0001")
    migrations.upgrade(database_url)
    database = Database(database_url)
    async with database.read() as tx:
        (one,), (other,) = [await part_queries.of_import(tx, import_id) for import_id in (lead, car)]
    await database.close()
    assert (one.conflict_scope.record_kind, one.conflict_scope.list_id, one.conflict_scope.key_fields) == (
        "people",
        7,
        "",
    )
    assert (other.conflict_scope.record_kind, other.conflict_scope.list_id) == ("custom_object:car_c", None)
    assert one.accepted_seq < other.accepted_seq
    assert one.client == "crm"


async def test_0010_a_key_from_before_it_keeps_the_highest_priority(database_url: str):
    """Nobody loses what they had; and no key has one that there is not."""
    migrations.downgrade(database_url, "0009")
    database = Database(database_url)
    async with database.write() as tx:
        await tx.execute(
            text(
                "INSERT INTO api_key (id, client, scopes, secret_sha256, created_at) "
                "VALUES ('0a', 'crm', 'submit', '00', '2026-11-04T12:00:00.000000Z')"
            )
        )
    await database.close()
    migrations.upgrade(database_url)
    database = Database(database_url)
    async with database.read() as tx:
        assert [(key.id, key.max_priority) for key in await api_keys.everyone(tx)] == [("0a", 9)]
    with pytest.raises(IntegrityError, match="max_priority"):
        async with database.write() as tx:
            await tx.execute(text("UPDATE api_key SET max_priority = 10"))
    await database.close()


async def test_0011_what_was_stored_before_it_has_no_checksum(database_url: str):
    """To take one now would say that it is whole; and nobody knows. An instance has followed no jump."""
    made = await filled(database_url)
    migrations.downgrade(database_url, "0010")
    migrations.upgrade(database_url)
    database = Database(database_url)
    async with database.read() as tx:
        for table in ("part_file", "part_keys", "result_file"):
            assert (
                await tx.execute(text(f"SELECT count(*) FROM {table} WHERE checksum IS NOT NULL"))
            ).scalar_one() == 0
        assert set((await tx.execute(text("SELECT clock_jump FROM instance"))).scalars()) == {0}
        for import_id in made:
            (part,) = await part_queries.of_import(tx, import_id)
            assert await part_files.load_file(tx, part.id)
    await database.close()


async def test_0016_the_reasons_of_rows_from_before_it_are_counted(database_url: str):
    """As if they had been stored today."""
    made = await filled(database_url)
    migrations.downgrade(database_url, "0014")
    migrations.upgrade(database_url)
    database = Database(database_url)
    async with database.read() as tx:
        for import_id in made:
            counts, total = await results.reasons(tx, import_id, Kind.FAILURES, limit=9)
            assert [(count.reason, count.rows, count.first_source_row) for count in counts] == [("bad", 1, 1)]
            assert total == 1
    await database.close()


AT_MARKETO = ("submitting", "unconfirmed", "queued", "importing")
STATES = ["waiting", *AT_MARKETO, "collecting", "complete", "failed", "cancelled"]
INSTANCE_BEFORE = "INSERT INTO instance (name, foreign_slots) VALUES ('default', 3)"
IMPORT_BEFORE = """
    INSERT INTO import (
        id, instance, client, object_type, format, charset, lookup_field, list_id, priority, preflight, on_unconfirmed,
        file_bytes, file_sha256, rows, ragged_rows, columns, status, touched_at, created_at
    ) VALUES (
        7, 'default', 'crm', 'lead', 'csv', 'utf-8', 'email', 12, 5, 'header', 'hold',
        8, '00', 9, 0, '["email"]', 'importing', '2026-11-04T12:00:00.000000Z', '2026-11-04T12:00:00.000000Z'
    )
"""
PART_BEFORE = """
    INSERT INTO part (
        id, import_id, number, instance, priority, state, turn, client, space, key_fields, aside, waits_for,
        slot, first_row, rows, bytes, results_missing
    ) VALUES (
        {number}, 7, {number}, 'default', 5, '{state}', 41, 'crm', 'people', 'email', {aside}, {waits_for},
        {slot}, {number}, 1, 8, false
    )
"""


async def test_rows_that_an_earlier_version_wrote_are_read_as_what_they_are(database_url: str):
    """In every state, by the names that the columns had when they were the words of the code, too."""
    migrations.downgrade(database_url, "0013")
    database = Database(database_url)
    async with database.write() as tx:
        await tx.execute(text(INSTANCE_BEFORE))
        await tx.execute(text(IMPORT_BEFORE))
        for number, state in enumerate(STATES, start=1):
            slot = number if state in AT_MARKETO else "NULL"
            aside, waits_for = state == "cancelled", 4 if state == "waiting" else "NULL"
            row = PART_BEFORE.format(number=number, state=state, slot=slot, aside=aside, waits_for=waits_for)
            await tx.execute(text(row))
    migrations.upgrade(database_url)
    async with database.read() as tx:
        there = await job_queries.at_marketo(tx, ["default"])
        summary = await import_queries.get_summary(tx, 7)
        parts_before = await part_queries.of_import(tx, 7)
        (instance,) = await instances.everyone(tx)
    await database.close()
    assert summary is not None
    assert summary.request.target == Leads("email", 12)
    assert [part.state for part in parts_before] == STATES
    assert {part.accepted_seq for part in parts_before} == {41}
    assert {part.conflict_scope.record_kind for part in parts_before} == {"people"}
    assert [part.state for part in parts_before if part.conflict_scope.has_deferred_rows] == ["cancelled"]
    assert [(part.state, part.blocked_by) for part in parts_before if part.blocked_by] == [("waiting", 4)]
    assert [(job.slot, job.state) for job in there] == list(enumerate(AT_MARKETO, start=2))
    assert instance.external_slots == 3


async def test_0015_endpoints_and_deliveries_go_with_it_and_the_rest_stays(database_url: str):
    """Down again with rows in it, also where an import has deliveries; and what is not allowed has a name."""
    made = await filled(database_url)
    database = Database(database_url)
    async with database.write() as tx:
        await a_webhook(tx)
        await events.append(tx, Occurrence.PAUSED, at=AT, instance="default", by="ann")
        lock = await imports.lock(tx, made[0])
        assert lock
        await events.append_of(tx, lock, Occurrence.STUCK, at=AT)
    async with database.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM webhook_delivery"))).scalar_one() == 2
    for wrong, name in (
        ("UPDATE webhook SET off_reason = 'mood'", "ck_webhook_off_reason"),
        ("UPDATE webhook SET enabled = false", "ck_webhook_off_since"),
        ("UPDATE webhook_delivery SET state = 'lost', next_attempt_at = NULL", "ck_webhook_delivery_state"),
        ("UPDATE webhook_delivery SET state = 'delivered'", "ck_webhook_delivery_next_attempt"),
        ("UPDATE webhook_delivery SET waiting_since = NULL", "ck_webhook_delivery_waiting_since"),
    ):
        with pytest.raises(IntegrityError, match=name):
            async with database.write() as tx:
                await tx.execute(text(wrong))
    await database.close()
    migrations.downgrade(database_url, "0014")
    migrations.upgrade(database_url)
    assert drift(database_url) == []
    database = Database(database_url)
    async with database.read() as tx:
        for import_id in made:
            assert len(await part_queries.of_import(tx, import_id)) == 1
    await database.close()
