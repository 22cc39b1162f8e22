"""Intake: one file in, one import out, or nothing at all."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from app.container import Container, build_container
from app.domain.errors import BadFile, BadParameter, BrokenUpload, KeyReused, TooSlow
from app.domain.failpoints import Failpoint
from app.domain.imports import Preflight, Request
from app.domain.objects import Leads
from app.pipeline.finish import finish
from app.store import instances, part_queries
from app.store.database import Database, WrongSchema
from app.store.tables import import_, part
from app.uploads.arrival import Arrival
from tests.support.clock import SteppedClock
from tests.support.stage import stage_settings

REQUEST = Request(target=Leads(), preflight=Preflight.OFF)
HEADER = b"email,firstName\n"
FILE = HEADER + b"".join(b"p%04d@example.com,%s\n" % (n, b"x" * 80) for n in range(60))


@pytest.fixture
async def container(database_url: str, clock: SteppedClock) -> AsyncIterator[Container]:
    """A service that nobody drives, whose parts are small."""
    db = Database(database_url, finish=finish)
    settings = stage_settings(database_url, part_bytes=3_000)
    container = build_container(settings, now=clock, sleep=clock.sleep, db=db)
    async with db.write() as tx:
        await instances.ensure(tx, ["default"])
    yield container
    await container.close()


async def chunks(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


async def receive(container: Container, *contents: bytes, request: Request = REQUEST, **arrival: Any) -> int:
    receipt = await container.intake.receive(request, Arrival(chunks(*contents), **arrival))
    return receipt.import_id


async def is_empty(container: Container) -> bool:
    async with container.db.read() as tx:
        rows = [(await tx.execute(table.select().limit(1))).one_or_none() for table in (import_, part)]
    return rows == [None, None]


@pytest.mark.parametrize(("content", "parts_count"), [(FILE[:400], 1), (FILE, 3)], ids=["one part", "some parts"])
async def test_NO_LOST_ROWS_every_row_of_a_file_is_in_one_part(container: Container, content: bytes, parts_count: int):
    """The worker is told that there is something to do."""
    import_id = await receive(container, content)
    async with container.db.read() as tx:
        parts = await part_queries.of_import(tx, import_id)
    assert len(parts) == parts_count
    assert sum(one.rows.total for one in parts) == content.count(b"\n") - 1 + (not content.endswith(b"\n"))
    assert {one.state for one in parts} == {"waiting"}
    assert await container.wakeup.wait(within_seconds=0)


MISTAKES = {
    "no row": (HEADER,),
    "no byte": (b"",),
    "a torn quote at its end": (FILE, b'"unclosed'),
    "bytes of another character set": (FILE, b"\xff\xff\n"),
}


@pytest.mark.parametrize("contents", MISTAKES.values(), ids=MISTAKES)
async def test_SAFE_ACK_of_a_file_that_is_refused_nothing_is_left(container: Container, contents: tuple[bytes, ...]):
    """However many parts of it were stored by then."""
    with pytest.raises(BadFile):
        await receive(container, *contents)
    assert await is_empty(container)
    assert not await container.wakeup.wait(within_seconds=0)


async def test_of_an_upload_that_breaks_off_nothing_is_left(container: Container):
    """Its caller went away in the middle."""

    async def broken() -> AsyncIterator[bytes]:
        yield FILE
        raise BrokenUpload("gone")

    with pytest.raises(BrokenUpload):
        await container.intake.receive(REQUEST, Arrival(broken()))
    assert await is_empty(container)


async def test_what_can_be_refused_is_refused_before_a_byte_is_read(container: Container):
    """An instance that is not configured, say."""

    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("read")
        yield b""

    with pytest.raises(BadParameter, match="Configured: default"):
        await container.intake.receive(replace(REQUEST, instance="unknown"), Arrival(unread()))


async def test_the_digest_that_the_sender_gave_is_checked_before_anything_is_kept(container: Container):
    """Of a small file and of a large one."""

    def check(_sha256: str) -> None:
        raise BrokenUpload("another file", code="digest_mismatch")

    for content in (FILE[:400], FILE):
        with pytest.raises(BrokenUpload, match="another file"):
            await receive(container, content, check_sent=check)
    assert await is_empty(container)


async def test_the_same_key_is_the_same_import(container: Container):
    """With the same file and parameters; with others it is refused, and the import stays as it is."""
    first = await container.intake.receive(REQUEST, Arrival(chunks(FILE), idempotency_key="k"))
    again = await container.intake.receive(REQUEST, Arrival(chunks(FILE), idempotency_key="k"))
    assert (again.import_id, first.replayed, again.replayed) == (first.import_id, False, True)
    with pytest.raises(KeyReused):
        await receive(container, FILE[:400], idempotency_key="k")
    with pytest.raises(KeyReused):
        await receive(container, FILE, request=replace(REQUEST, priority=9), idempotency_key="k")


async def test_an_upload_that_was_given_up_meanwhile_is_told_that_it_came_too_slowly(container: Container):
    """Maintenance took it for broken off; nothing of it is left."""

    stored = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield FILE * 90  # more than is worked on at once, so that parts are stored before the next chunk comes
        await stored.wait()
        async with container.db.write() as tx:
            await tx.execute(import_.update().values(file_erased_at=container.now()))
        yield b"last@example.com,x\n"

    def hit(point: Failpoint) -> None:
        if point is Failpoint.BEGUN:
            stored.set()

    with pytest.raises(TooSlow):
        await replace(container.intake, hit=hit).receive(REQUEST, Arrival(slow()))
    assert await is_empty(container)


async def test_nothing_is_written_into_a_schema_of_another_version(container: Container):
    """It may have been upgraded while the file came in."""
    async with container.db.write() as tx:
        revision = (await tx.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar_one()
        await tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999', oldest_revision = '9999'")
    try:
        with pytest.raises(WrongSchema, match="run the newer version"):
            await receive(container, FILE[:400])
    finally:
        async with container.db.write() as tx:
            await tx.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    assert await is_empty(container)
