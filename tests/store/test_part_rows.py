"""A part as a row: what its columns say, and which columns a failed try fills."""

from datetime import timedelta

from sqlalchemy import select

from app.domain.parts import ConflictScope, Failure, Part, Rows, TryError
from app.store import part_rows
from app.store.database import Database
from app.store.tables import part
from tests.store.seed import AT, an_import, parts_of


async def changed(db: Database, **columns: object) -> Part:
    """The one part of a new import, with other values in some of its columns."""
    (only,) = await parts_of(db, await an_import(db, client="crm"))
    async with db.write() as tx:
        await tx.execute(part.update().where(part.c.id == only.id).values(columns))
    return (await parts_of(db, only.import_id))[0]


async def test_the_names_of_columns_are_the_domains_words(db: Database):
    """`turn`, `space`, `aside` and `waits_for` are called what they are."""
    values = {"turn": 77, "space": "lead", "key_fields": "email", "list_id": 3, "aside": True, "waits_for": 5}
    stored = await changed(db, **values, rows=9, imported=4, failed=2, warned=1)
    assert (stored.accepted_seq, stored.blocked_by, stored.client) == (77, 5, "crm")
    assert stored.conflict_scope == ConflictScope(stored.import_id, "lead", "email", 3, has_deferred_rows=True)
    assert stored.rows == Rows(total=9, imported=4, failed=2, warned=1)


async def test_an_error_is_there_when_it_has_a_code_and_a_failed_try_when_it_has_a_time(db: Database):
    """A part that was never tried, and has not failed, has neither."""
    (fresh,) = await parts_of(db, await an_import(db))
    assert (fresh.error, fresh.last_error) == (None, None)
    error = TryError("502", "Bad Gateway", AT)
    columns = part_rows.tried(error, failing_since=AT - timedelta(minutes=1))
    stored = await changed(db, **columns, error_code="marketo_refused", error_message="no", error_marketo_code="1003")
    assert (stored.last_error, stored.failing_since) == (error, AT - timedelta(minutes=1))
    assert stored.error == Failure("marketo_refused", "no", "1003")
    assert (await changed(db, **part_rows.tried(error, failing_since=None))).failing_since is None


async def test_a_waiting_part_is_due_once_its_time_has_come(db: Database):
    """Not one without a time: that one is in the queue already."""
    first, second, third, fourth = await parts_of(db, await an_import(db, parts_count=4))
    async with db.write() as tx:
        for one, values in (
            (first, {"due_at": AT}),
            (second, {"due_at": AT + timedelta(seconds=1)}),
            (fourth, {"due_at": AT, "state": "failed"}),
        ):
            await tx.execute(part.update().where(part.c.id == one.id).values(values))
        due = select(part.c.id).where(part_rows.due("default", AT))
        assert list((await tx.execute(due)).scalars()) == [first.id]
    assert third.due_at is None
