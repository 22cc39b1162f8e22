"""Small files that come together are stored together, and each is its own caller's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event as engine_event
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from app.container import Container, build_container
from app.domain.errors import KeyInUse
from app.domain.imports import Import, OnUnconfirmed, Preflight, Request
from app.domain.objects import Leads
from app.pipeline.finish import finish
from app.store import events, import_queries, instances, part_queries
from app.store.attention import AttentionCriteria
from app.store.database import Database
from app.store.tables import idempotency_key
from app.uploads.arrival import Arrival, Receipt
from tests.support.clock import SteppedClock
from tests.support.stage import stage_settings

pytestmark = pytest.mark.both_databases

REQUEST = Request(target=Leads(), preflight=Preflight.OFF)


class CountedDatabase(Database):
    """Counts its commits, and can be told to fail before one."""

    commits = 0
    fails = False

    @asynccontextmanager
    async def write(self):
        async with super().write() as tx:
            yield tx
            if self.fails:
                raise OperationalError("COMMIT", {}, Exception("disk full"))
        self.commits += 1


@pytest.fixture
def db(database_url: str) -> CountedDatabase:
    return CountedDatabase(database_url, finish=finish)


@pytest.fixture
async def container(database_url: str, clock: SteppedClock, db: CountedDatabase) -> AsyncIterator[Container]:
    container = build_container(stage_settings(database_url), now=clock, sleep=clock.sleep, db=db)
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
    yield container
    await container.close()


async def body(number: int) -> AsyncIterator[bytes]:
    yield b"email\np%d@example.com\n" % number


async def receive(container: Container, number: int, request: Request = REQUEST, key: str | None = None) -> Receipt:
    return await container.intake.receive(request, Arrival(body(number), idempotency_key=key))


async def stored(container: Container, import_id: int) -> Import | None:
    async with container.db.read() as tx:
        return await import_queries.get(tx, import_id, by=AttentionCriteria(container.now(), 3600))


async def test_many_that_come_together_take_few_commits_and_each_is_whole(container: Container, db: CountedDatabase):
    """Each has its part, its history and its place, which is that of its acceptance."""
    statements: list[str] = []
    engine_event.listen(db._writer.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    before = db.commits
    receipts = await asyncio.gather(*(receive(container, number) for number in range(40)))
    commits = db.commits - before
    assert commits <= 20, "two and more of them in one, on average"
    assert len(statements) <= 7 * commits + 4, "the backlog is counted once"
    ids = [receipt.import_id for receipt in receipts]
    assert len(set(ids)) == 40
    async with db.read() as tx:
        for import_id in ids:
            (part,) = await part_queries.of_import(tx, import_id)
            (accepted,) = await events.page(tx, import_id, after=0, size=9)
            assert (part.state, part.rows.total, accepted.type) == ("waiting", 1, "accepted")
            assert part.accepted_seq == accepted.id


async def test_what_is_answered_is_what_a_read_finds(container: Container):
    """The answer is made of what was stored, without a read."""
    request = replace(
        REQUEST,
        label="nightly",
        metadata={"a": "b"},
        priority=7,
        not_before=container.now(),
        on_unconfirmed=OnUnconfirmed.HOLD,
        file_name="x.csv",
        column_map={"email": "email"},
    )
    for asked in (REQUEST, request, replace(request, review=True)):
        receipt = await receive(container, 1, asked)
        assert receipt.import_ == await stored(container, receipt.import_id)


async def test_one_that_cannot_be_stored_harms_no_other(container: Container):
    """Half a character is what no database takes."""
    bad = replace(REQUEST, label="\ud800")
    fine, wrong, also_fine = await asyncio.gather(
        receive(container, 1), receive(container, 2, bad), receive(container, 3), return_exceptions=True
    )
    assert isinstance(wrong, UnicodeEncodeError)
    for receipt in (fine, also_fine):
        assert isinstance(receipt, Receipt)
        assert await stored(container, receipt.import_id)


async def test_whose_key_was_taken_over_meanwhile_is_told_so_and_the_others_are_stored(container: Container):
    """The key's import is the other one's."""

    async def slow() -> AsyncIterator[bytes]:
        yield b"email\n"
        async with container.db.write() as tx:
            await tx.execute(update(idempotency_key).where(idempotency_key.c.key == "k").values(holder="another"))
        yield b"p@example.com\n"

    lost, kept = await asyncio.gather(
        container.intake.receive(REQUEST, Arrival(slow(), idempotency_key="k")),
        receive(container, 1, key="other"),
        return_exceptions=True,
    )
    assert isinstance(lost, KeyInUse)
    assert isinstance(kept, Receipt)
    again = await receive(container, 1, key="other")
    assert (again.import_id, again.replayed) == (kept.import_id, True)


async def test_SAFE_ACK_of_a_group_whose_commit_fails_nothing_is_there_and_each_hears_of_it(
    container: Container, db: CountedDatabase
):
    """They can be sent again, under the same keys, too."""
    db.fails = True
    answers = await asyncio.gather(*(receive(container, number) for number in range(5)), return_exceptions=True)
    assert all(isinstance(answer, OperationalError) for answer in answers)
    db.fails = False
    first = await receive(container, 1)
    assert await stored(container, first.import_id) is not None
    async with db.read() as tx:
        listed = await import_queries.page(
            tx, import_queries.Filters(), before=None, size=9, by=AttentionCriteria(container.now(), 3600)
        )
    assert [import_.id for import_ in listed] == [first.import_id]
