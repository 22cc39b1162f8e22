"""Which parts there are: of an import, in a state, at Marketo, behind another."""

from datetime import timedelta
from typing import Any

from app.domain.imports import Request
from app.domain.lifecycle import State
from app.domain.objects import Leads
from app.store import imports, part_queries, parts
from app.store.database import Database
from app.store.part_queries import BlockedBy
from app.store.parts import NewPart
from app.store.tables import part
from tests.store.seed import AT, an_import, parts_of

MINUTE = timedelta(minutes=1)


async def put(db: Database, part_id: int, **columns: Any) -> None:
    async with db.write() as tx:
        await tx.execute(part.update().where(part.c.id == part_id).values(**columns))


async def ids(db: Database, parts_count: int, **request: object) -> list[int]:
    """The ids of the parts of a new import."""
    return [one.id for one in await parts_of(db, await an_import(db, parts_count=parts_count, **request))]


async def test_an_import_has_its_parts_in_their_order(db: Database):
    """Those of an upload that is not accepted yet have no state, and are not parts to anybody."""
    import_id = await an_import(db, parts_count=3)
    async with db.write() as tx:
        begun = await imports.begin(tx, Request(target=Leads()), at=AT)
        await parts.add(tx, begun, Request(target=Leads()), NewPart(1, 1, 3, 8, b"blob"))
        assert [one.number for one in await part_queries.of_import(tx, import_id)] == [1, 2, 3]
        assert await part_queries.of_import(tx, begun) == []


async def test_parts_in_a_state_come_in_the_order_in_which_marketo_got_them(db: Database):
    """With a time, only those whose turn it is by then; one without a time is always due."""
    first, second, third, other = await ids(db, 4)
    for slot, (part_id, submitted, due) in enumerate([(second, 0, 1), (first, 1, 9), (third, 2, None)], start=1):
        due_at = None if due is None else AT + due * MINUTE
        await put(db, part_id, state="queued", slot=slot, submitted_at=AT + submitted * MINUTE, due_at=due_at)
    await put(db, other, state="importing", slot=4)
    async with db.read() as tx:
        queued = await part_queries.in_states(tx, "default", {State.QUEUED})
        due_parts = await part_queries.in_states(tx, "default", {State.QUEUED}, due=AT + MINUTE)
        one = await part_queries.in_states(tx, "default", {State.QUEUED, State.IMPORTING}, limit=1)
        assert await part_queries.in_states(tx, "other", {State.QUEUED}) == []
    assert [part.id for part in queued] == [second, first, third]
    assert [part.id for part in due_parts] == [second, third]
    assert len(one) == 1


async def test_slots_are_counted_by_instance(db: Database):
    """A part that holds one is at Marketo, or may be."""
    first, second, _ = await ids(db, 3)
    (elsewhere,) = await ids(db, 1, instance="other")
    await put(db, first, state="unconfirmed", slot=7, submitted_at=AT + MINUTE)
    await put(db, second, state="queued", slot=3, submitted_at=AT)
    await put(db, elsewhere, state="queued", slot=1, submitted_at=AT)
    async with db.read() as tx:
        assert await part_queries.slots_in_use(tx, "default") == {3, 7}
        assert await part_queries.states_at_marketo(tx, "default") == {State.UNCONFIRMED: 1, State.QUEUED: 1}
        assert [one.id for one in await part_queries.at_marketo(tx, ["default"])] == [second, first]
        assert len(await part_queries.at_marketo(tx, ["default", "other"])) == 3


async def test_whoever_waits_for_a_part_is_found_however_long_the_chain_is(db: Database):
    """The imports behind it, and for each waiting part the one that goes first."""
    (head,), (middle,), (tail,), (free,) = [await ids(db, 1, client=name) for name in ("a", "b", "c", "d")]
    await put(db, middle, waits_for=head, waits_since=AT)
    await put(db, tail, waits_for=middle, waits_since=AT)
    async with db.read() as tx:
        by_id = {part_id: await part_queries.get(tx, part_id) for part_id in (head, middle, tail, free)}
        behind = await part_queries.imports_behind(tx, "default", [head])
        blockers = await part_queries.blockers(tx, list(by_id.values()))
        assert await part_queries.imports_behind(tx, "default", [tail, free]) == frozenset()
    assert behind == {by_id[middle].import_id, by_id[tail].import_id}
    assert blockers == {
        head: BlockedBy(by_id[head].import_id, 1, "a"),
        middle: BlockedBy(by_id[middle].import_id, 1, "b"),
    }


async def test_a_job_belongs_to_one_part(db: Database):
    """Another one that has its batch id, or had it, is found; in another instance the number means another job."""
    first, second = await ids(db, 2)
    (elsewhere,) = await ids(db, 1, instance="other")
    await put(db, first, batch_id=1001)
    await put(db, elsewhere, batch_id=1002)
    async with db.read() as tx:
        mine, other = await part_queries.get(tx, first), await part_queries.get(tx, second)
        assert await part_queries.other_with_batch(tx, mine, 1001) is None
        assert await part_queries.other_with_batch(tx, other, 1001) == mine
        assert await part_queries.other_with_batch(tx, other, 1002) is None


async def test_a_stuck_part_is_found_until_its_history_tells_of_it(db: Database):
    """In Marketo's queue, at work there, or with its results still to come; a waiting part is never stuck."""
    queued, collecting, told, waiting, young = await ids(db, 5)
    await put(db, queued, state="queued", slot=1, state_since=AT)
    await put(db, collecting, state="collecting", state_since=AT - MINUTE)
    await put(db, told, state="importing", slot=2, state_since=AT, stuck_at=AT)
    await put(db, waiting, state_since=AT - MINUTE)
    await put(db, young, state="importing", slot=3, state_since=AT + MINUTE)
    async with db.read() as tx:
        assert [one.id for one in await part_queries.stuck_untold(tx, "default", since=AT)] == [queued, collecting]


async def test_parts_whose_tries_fail_are_found_by_how_long_they_do(db: Database):
    """And those of an import that wait, in their order."""
    first, second, third = await ids(db, 3)
    await put(db, first, failing_since=AT)
    await put(db, second, failing_since=AT + MINUTE, state="failed")
    async with db.read() as tx:
        assert await part_queries.failing_since(tx, "default", before=AT) == []
        assert await part_queries.failing_since(tx, "default", before=AT + MINUTE) == [first]
        import_id = (await part_queries.get(tx, first)).import_id
        assert await part_queries.waiting_of(tx, import_id) == [first, third]
