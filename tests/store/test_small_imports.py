"""Imports of one small part are stored by the many exactly as one by one."""

from dataclasses import replace

from sqlalchemy import select

from app.domain.imports import LeftOut, Preflight, Request, SourceFile
from app.domain.objects import Leads
from app.store import imports, instances, parts, small_imports
from app.store.database import Database
from app.store.imports import Origin
from app.store.parts import NewPart
from app.store.small_imports import SmallImport
from app.store.tables import data_key, event, import_, part, part_file, part_keys
from tests.store.seed import AT, an_import
from tests.support.keys import FIRST, give_keys
from tests.support.statements import statements

REQUEST = Request(target=Leads(list_id=7), label="x", metadata={"a": "b"}, preflight=Preflight.OFF, not_before=AT)
FILE = SourceFile("x.csv", 20, "ab", 2)
PART = NewPart(1, first_row=1, rows=2, size_bytes=20, blob=b"blob", keys=b"12345678", header=b"email\n")


def small(**changes: object) -> SmallImport:
    whole = SmallImport(REQUEST, Origin(None, "asked"), FILE, ["email"], LeftOut(), None, PART)
    return replace(whole, **changes)


async def rows_of(db: Database, import_id: int) -> list[dict[str, object]]:
    """All that is stored of an import, without its ids."""
    ids = {"id", "import_id", "part_id", "turn"}
    of_part = select(part.c.id).where(part.c.import_id == import_id)
    queries = [
        select(import_).where(import_.c.id == import_id),
        select(event).where(event.c.import_id == import_id),
        select(part).where(part.c.import_id == import_id),
        select(part_file).where(part_file.c.part_id.in_(of_part)),
        select(part_keys).where(part_keys.c.part_id.in_(of_part)),
    ]
    async with db.read() as tx:
        found = [(await tx.execute(query)).mappings().all() for query in queries]
    return [{name: value for name, value in row.items() if name not in ids} for rows in found for row in rows]


async def test_what_is_stored_is_the_same_as_step_by_step(db: Database):
    await an_import(db)
    async with db.write() as tx:
        slowly = await imports.begin(tx, REQUEST, at=AT, origin=Origin(None, "asked"))
        await parts.add(tx, slowly, REQUEST, PART)
        accepted = await imports.accept(tx, slowly, file=FILE, columns=["email"], at=AT, left_out=LeftOut())
        assert accepted
        await parts.release(tx, accepted, at=AT, due_at=AT)
    async with db.write() as tx:
        ((lock, _), (other, _)) = await small_imports.add_all(tx, [small(), small()], at=AT)
    assert slowly < lock.import_id < other.import_id
    expected = await rows_of(db, slowly)
    assert len(expected) == 5
    assert await rows_of(db, lock.import_id) == expected
    assert await rows_of(db, other.import_id) == expected


async def test_ids_go_on_where_they_were_and_none_is_given_twice(db: Database):
    """Also after the last one is gone, and beside the other way to store one."""
    first = await an_import(db)
    async with db.write() as tx:
        ((lock, _),) = await small_imports.add_all(tx, [small()], at=AT)
        await tx.execute(import_.delete().where(import_.c.id == lock.import_id))
    async with db.write() as tx:
        ((next_, _),) = await small_imports.add_all(tx, [small()], at=AT)
    assert first < lock.import_id < next_.import_id < await an_import(db)


async def test_with_keys_they_take_one_statement_more_and_read_nothing_more(db: Database):
    """However many they are; each has a data key of its own."""
    asked = []
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
    for keys in ((), (FIRST,)):
        give_keys(db, *keys)
        async with db.write() as tx:
            with statements(db) as sent:
                made = await small_imports.add_all(tx, [small() for _ in range(5)], at=AT)
            asked.append(sent)
    without, with_keys = ([sentence.split()[0] for sentence in sent] for sent in asked)
    assert len(with_keys) == len(without) + 1
    assert with_keys.count("SELECT") == without.count("SELECT")
    async with db.read() as tx:
        owners = (await tx.execute(select(data_key.c.import_id).order_by(data_key.c.id))).scalars().all()
    assert owners == [lock.import_id for lock, _ in made]


async def test_one_under_review_has_no_place(db: Database):
    await an_import(db)
    async with db.write() as tx:
        ((lock, made),) = await small_imports.add_all(tx, [small(review_until=AT)], at=AT)
        turn = (await tx.execute(select(part.c.turn).where(part.c.import_id == lock.import_id))).scalar_one()
    assert turn is None
    assert made.remaining.accepted_seq is None
