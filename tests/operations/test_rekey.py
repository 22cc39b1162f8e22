"""Rekey: everything that is stored, brought to what the keys say now, step by step, while others read."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.operations.integrity import Condition, Integrity
from app.operations.rekey import Place, Slice
from app.store import erasures, imports, rekeying
from app.store.tables import data_key, part_file, result_row, webhook
from tests.store.seed import a_webhook
from tests.story.files import leads
from tests.story.test_data_at_rest import FILE, MARKER, told
from tests.support.clock import SteppedClock
from tests.support.keys import FIRST, SECOND, give_keys, stored_bytes, vault
from tests.support.stage import Stage, staged
from tests.support.tiers import chosen

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(database_url, clock) as found:
        yield found


async def filled(stage: Stage) -> int:
    """A finished import with results and remarks, a waiting one, an endpoint with two secrets; the first one's id."""
    import_id = await stage.created(FILE, preflight="rows")
    await stage.run()
    await stage.created(FILE.replace(b"@example.com", b"@example.org"))
    async with stage.container.db.write() as tx:
        webhook_id = await a_webhook(tx)
        await tx.execute(update(webhook).values(previous_secret="whsec_" + MARKER.decode()))
    assert webhook_id
    return import_id


async def rekeyed(stage: Stage, *keys: str, steps: int = 10_000) -> dict[str, int]:
    """What was changed by a process that has these keys. After so many steps it is stopped."""
    give_keys(stage.container.db, *keys)
    rekey, changed = stage.container.rekey, {}
    place: Place | None = Place()
    while place and steps:
        done = await rekey.work(place)
        assert not done.damaged_first
        for name, rows in done.changed.items():
            changed[name] = changed.get(name, 0) + rows
        place, steps = done.following, steps - 1
    return {name: rows for name, rows in changed.items() if rows}


async def sealed_rows(stage: Stage) -> dict[str, list[bool]]:
    async with stage.container.db.read() as tx:
        return {
            name: sorted((await tx.execute(select(each.table.c.sealed))).scalars())
            for name, each in rekeying.STAGES.items()
            if each.by_seal
        }


async def integrity(stage: Stage) -> set[Condition]:
    return {finding.condition async for finding in Integrity(stage.container.db).look()}


async def test_what_was_stored_in_the_clear_is_sealed_and_back_again(stage: Stage):
    """Nothing readable is left in any row, and the same is told; with `clear` it is as before, and the key may go."""
    import_id = await filled(stage)
    before = await told(stage, import_id)
    changed = await rekeyed(stage, FIRST)
    assert {name: changed[name] for name in ("part_file", "part_keys", "result_file", "webhook")} == {
        "part_file": 2,
        "part_keys": 1,
        "result_file": 2,
        "webhook": 1,
    }
    assert all(all(rows) for rows in (await sealed_rows(stage)).values())
    assert MARKER not in await stored_bytes(stage.container.db, files=False)
    assert await told(stage, import_id) == before
    assert await integrity(stage) == {Condition.WHOLE}
    keys = await stage.container.rekey.keys()
    assert (keys.needed, keys.may_go) == ([keys.first], [])
    assert await rekeyed(stage, FIRST) == {}
    await rekeyed(stage, "clear", FIRST)
    assert not any(any(rows) for rows in (await sealed_rows(stage)).values())
    keys = await stage.container.rekey.keys()
    assert (keys.needed, keys.may_go) == ([], [vault(FIRST).keyring.first.fingerprint])
    give_keys(stage.container.db)
    assert await told(stage, import_id) == before
    assert await integrity(stage) == {Condition.WHOLE}
    await stage.run()


async def test_another_first_key_wraps_the_data_keys_anew_and_touches_no_content(stage: Stage):
    """Then the old one may go: with the new one alone everything is read."""
    give_keys(stage.container.db, FIRST)
    import_id = await filled(stage)
    before = await told(stage, import_id)
    async with stage.container.db.read() as tx:
        blobs = (await tx.execute(select(part_file.c.blob).order_by(part_file.c.part_id))).scalars().all()
        keys_count = (await tx.execute(select(func.count()).select_from(data_key))).scalar_one()
    old = vault(FIRST).keyring.first.fingerprint
    give_keys(stage.container.db, SECOND, FIRST)
    assert old in (await stage.container.rekey.keys()).needed
    assert await rekeyed(stage, SECOND, FIRST) == {"data_key": keys_count, "webhook": 1}
    keys = await stage.container.rekey.keys()
    assert (keys.needed, keys.may_go) == ([keys.first], [old])
    give_keys(stage.container.db, SECOND)
    assert await told(stage, import_id) == before
    async with stage.container.db.read() as tx:
        assert (await tx.execute(select(part_file.c.blob).order_by(part_file.c.part_id))).scalars().all() == blobs
    await stage.run()


@pytest.mark.parametrize("steps", chosen([1, 3, 5, 6, 7], 3, 6))
async def test_stopped_at_any_place_it_goes_on_from_the_beginning(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, steps: int
):
    """Half of it is sealed by then; everything is told as before, and goes its way."""
    monkeypatch.setattr(rekeying, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(type(stage.container.rekey), "work", _one_step)
    import_id = await filled(stage)
    before = await told(stage, import_id)
    some = await rekeyed(stage, FIRST, steps=2 * steps)
    assert await told(stage, import_id) == before
    rest = await rekeyed(stage, FIRST)
    assert all(all(rows) for rows in (await sealed_rows(stage)).values())
    assert sum(some.values()) + sum(rest.values()) == sum((await rows_of(stage)).values())
    assert await told(stage, import_id) == before
    await stage.run()


async def _one_step(rekey: Any, place: Place) -> Any:
    done = Slice()
    done.following = await rekey._step(place, done)
    return done


async def rows_of(stage: Stage) -> dict[str, int]:
    """Rows of each table that had to be changed, by an import that began in the clear."""
    async with stage.container.db.read() as tx:
        return {
            name: (await tx.execute(select(func.count()).select_from(each.table))).scalar_one()
            for name, each in rekeying.STAGES.items()
            if name != "data_key"
        }


async def test_what_is_damaged_gets_no_new_checksum(stage: Stage):
    """It is counted and left, and the rows beside it are sealed."""
    await filled(stage)
    async with stage.container.db.write() as tx:
        first = (await tx.execute(select(func.min(part_file.c.part_id)))).scalar_one()
        await tx.execute(update(part_file).where(part_file.c.part_id == first).values(blob=b"changed"))
    give_keys(stage.container.db, FIRST)
    place: Place | None = Place()
    damaged = 0
    while place:
        done = await stage.container.rekey.work(place)
        damaged, place = damaged + done.damaged, done.following
    assert damaged == 1
    assert (await sealed_rows(stage))["part_file"] == [False, True]
    assert await integrity(stage) == {Condition.WHOLE, Condition.CORRUPT}


async def test_what_is_erased_meanwhile_gets_no_data_key(stage: Stage):
    """An erasure that was marked and has not got far: nothing is sealed that nobody may read."""
    import_id = await filled(stage)
    async with stage.container.db.write() as tx:
        lock = await imports.lock(tx, import_id)
        await erasures.mark(tx, lock, at=stage.clock(), by="somebody")
    await rekeyed(stage, FIRST)
    async with stage.container.db.read() as tx:
        owners = (await tx.execute(select(data_key.c.import_id).where(data_key.c.import_id.is_not(None)))).scalars()
        assert import_id not in set(owners)
    await stage.maintenance.run_once()
    async with stage.container.db.read() as tx:
        assert (await tx.execute(select(result_row))).all() == []
        assert (await tx.execute(select(data_key.c.job_id).where(data_key.c.job_id.is_not(None)))).all() == []


async def test_what_comes_while_it_works_is_sealed_by_itself(stage: Stage):
    """By the process that has the key; one that has another is told of at the end."""
    await filled(stage)
    await rekeyed(stage, FIRST)
    give_keys(stage.container.db, SECOND, FIRST)
    await stage.created(leads(2, start=70))
    give_keys(stage.container.db, FIRST, SECOND)
    keys = await stage.container.rekey.keys()
    assert len(keys.needed) == 2
    await rekeyed(stage, FIRST, SECOND)
    assert (await stage.container.rekey.keys()).needed == [keys.first]
