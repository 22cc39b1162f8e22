"""Whether there is room for another file: parts that wait, and space on the disk."""

from collections.abc import Callable

import pytest

from app.domain.errors import Backlog, DiskFull
from app.store import idempotency
from app.store.database import Database
from app.store.idempotency import Claim
from app.uploads.backlog_count import BacklogCount
from app.uploads.capacity import Capacity
from app.uploads.cleanup import Cleanup
from app.uploads.idempotency import Idempotency
from tests.store.seed import AT, an_import
from tests.support.clock import SteppedClock

Make = Callable[..., Capacity]


@pytest.fixture
def capacity(db: Database, clock: SteppedClock) -> Make:
    def make(*, parts: int = 4, of_client: int = 2, floor: int = 0) -> Capacity:
        keys = Idempotency(db, clock, Cleanup(db, clock, floor))
        return Capacity(db, BacklogCount(db, clock), keys, parts, of_client, floor)

    return make


async def test_there_is_room_below_both_limits(db: Database, capacity: Make):
    """Only what waits counts, and the last place may be taken."""
    await an_import(db, client="crm")
    await an_import(db, client="web", parts_count=2)
    await capacity().check("crm")


async def test_a_client_that_has_too_much_waiting_is_refused_and_no_other_is(db: Database, capacity: Make):
    """It says whose limit it is, and when to come back."""
    await an_import(db, client="crm", parts_count=2)
    with pytest.raises(Backlog, match="2 of 2") as refused:
        await capacity().check("crm")
    assert (refused.value.code, refused.value.retry_after_seconds) == ("client_backlog_full", 60)
    await capacity().check("web")


async def test_where_too_much_waits_everybody_is_refused(db: Database, capacity: Make):
    """Whoever it belongs to."""
    await an_import(db, client="crm", parts_count=4)
    with pytest.raises(Backlog, match="4 of 4") as refused:
        await capacity().check("web")
    assert refused.value.code == "backlog_full"


async def test_a_request_that_was_answered_before_needs_no_room(db: Database, capacity: Make):
    """Its key stands for an import; another client's key of the same name does not help."""
    import_id = await an_import(db, client="crm", parts_count=4)
    claim = Claim("crm", "key", "holder")
    async with db.write() as tx:
        await idempotency.claim(tx, claim, parameters_sha256="aa", at=AT, dead_since=AT, old=AT)
        await idempotency.keep(tx, claim, import_id=import_id, file_sha256="ff")
    await capacity().check("crm", idempotency_key="key")
    await capacity().check("web", asking="crm", idempotency_key="key")
    for client, key in (("web", "key"), ("crm", "another")):
        with pytest.raises(Backlog):
            await capacity().check(client, idempotency_key=key)


async def test_a_disk_that_is_nearly_full_takes_nothing_in(sqlite_url: str, clock: SteppedClock):
    """Where it can be seen: PostgreSQL's disk is the server's business."""
    database = Database(sqlite_url)
    keys = Idempotency(database, clock, Cleanup(database, clock, 0))
    with pytest.raises(DiskFull):
        Capacity(database, BacklogCount(database, clock), keys, 9, 9, 1 << 60).check_disk()
    Capacity(database, BacklogCount(database, clock), keys, 9, 9, 0).check_disk()
    await database.close()


async def test_a_server_s_disk_is_not_looked_at(postgres_url: str, clock: SteppedClock):
    """It may be on another machine."""
    database = Database(postgres_url)
    keys = Idempotency(database, clock, Cleanup(database, clock, 0))
    Capacity(database, BacklogCount(database, clock), keys, 9, 9, 1 << 60).check_disk()
    await database.close()
