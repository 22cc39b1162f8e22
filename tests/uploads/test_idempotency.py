"""Idempotency: who gets a key, who is told to wait, and who is answered with the import that it stands for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.errors import KeyInUse, KeyReused
from app.domain.formats import Format
from app.domain.imports import Bundle, Request
from app.domain.objects import CustomObject, Leads
from app.store import idempotency
from app.store.database import Database
from app.store.idempotency import Claim, Earlier
from app.store.tables import idempotency_key
from app.uploads.cleanup import Cleanup
from app.uploads.idempotency import Idempotency, answered_again, fingerprint
from tests.store.seed import AT, an_import
from tests.support.clock import SteppedClock

LEADS = Request(target=Leads())


@pytest.fixture
def keys(db: Database, clock: SteppedClock) -> Idempotency:
    return Idempotency(db, clock, Cleanup(db, clock, disk_floor_bytes=0))


async def claimed(keys: Idempotency, parameters: str = "aa") -> Claim:
    claim = await keys.claim("crm", "key", parameters)
    assert isinstance(claim, Claim)
    return claim


async def kept(keys: Idempotency, claim: Claim) -> int:
    """The import that the key stands for from now on."""
    import_id = await an_import(keys.db)
    async with keys.db.write() as tx:
        await keys.keep(tx, claim, import_id=import_id, file_sha256="ff")
    return import_id


async def test_while_the_first_request_is_received_the_next_is_told_when_to_ask(keys: Idempotency, clock: SteppedClock):
    """In five seconds at most; in one at least, also when the first is about to be taken for dead."""
    await claimed(keys)
    waits = []
    for seconds in (0, 118, 1.9):
        clock.step(seconds)
        with pytest.raises(KeyInUse) as refused:
            await keys.claim("crm", "key", "aa")
        waits.append(refused.value.retry_after_seconds)
    assert waits == [5, 2, 1]
    clock.step(0.1)
    await claimed(keys)


async def test_a_finished_request_is_answered_again_if_it_is_the_same(keys: Idempotency):
    """The same parameters, and then the same file."""
    import_id = await kept(keys, await claimed(keys))
    first = await keys.claim("crm", "key", "aa")
    assert isinstance(first, Earlier)
    assert answered_again(first, "ff") == import_id
    with pytest.raises(KeyReused, match="its file is another"):
        answered_again(first, "ee")
    with pytest.raises(KeyReused, match="its parameters are others"):
        await keys.claim("crm", "key", "bb")


async def test_a_key_stands_for_an_import_once_it_is_there(keys: Idempotency):
    """Each client's keys are its own."""
    assert not await keys.stands("crm", "key")
    claim = await claimed(keys)
    assert not await keys.stands("crm", "key")
    await kept(keys, claim)
    assert await keys.stands("crm", "key")
    assert not await keys.stands("web", "key")


async def test_a_request_that_fails_gives_its_key_back(keys: Idempotency):
    """Whatever it fails by; one that goes well keeps it."""
    claim = await claimed(keys)
    with pytest.raises(ZeroDivisionError):
        async with keys.claim_guard(claim):
            raise ZeroDivisionError
    claim = await claimed(keys)
    async with keys.claim_guard(claim):
        pass
    with pytest.raises(KeyInUse):
        await keys.claim("crm", "key", "aa")


async def test_a_slow_upload_is_not_taken_for_dead_while_its_bytes_come(keys: Idempotency, clock: SteppedClock):
    """It shows a sign of life every twelve seconds; the bytes are passed on as they are."""
    claim = await claimed(keys)

    async def chunks() -> AsyncIterator[bytes]:
        for n in range(20):
            yield b"%d" % n
            clock.step(11)

    passed, touched = [], []
    async for chunk in keys.touch_while(claim, chunks()):
        passed.append(chunk)
        async with keys.db.read() as tx:
            first = await idempotency.earlier(tx, "crm", "key")
        assert first is not None
        touched.append((clock() - first.touched_at).total_seconds())
    assert passed == [b"%d" % n for n in range(20)]
    assert max(touched) <= 22
    assert (clock() - AT).total_seconds() == 220


async def test_an_upload_that_was_taken_for_dead_makes_no_second_import(keys: Idempotency, clock: SteppedClock):
    """Another request has the key by then."""
    claim = await claimed(keys)
    clock.step(120)
    await claimed(keys)
    with pytest.raises(KeyInUse, match="overtook"):
        await kept(keys, claim)


DIFFERENT: dict[str, dict[str, Any]] = {
    "target": {"target": Leads(list_id=3)},
    "object type": {"target": CustomObject("car_c")},
    "instance": {"instance": "other"},
    "format": {"format": Format.TSV},
    "charset": {"charset": "latin-1"},
    "priority": {"priority": 9},
    "not before": {"not_before": AT},
    "bundle": {"bundle": Bundle.NEVER},
    "label": {"label": "nightly"},
    "metadata": {"metadata": {"a": "b"}},
}


@pytest.mark.parametrize("changes", DIFFERENT.values(), ids=DIFFERENT)
def test_a_request_with_another_parameter_is_another_request(changes: dict[str, Any]):
    """Whichever it is."""
    same: dict[str, Any] = {"retry_of": None, "corrected": False}
    assert fingerprint(replace(LEADS, **changes), **same) != fingerprint(LEADS, **same)


def test_a_key_of_a_version_without_bundles_still_stands_for_its_request():
    """The digest is the one that the version before wrote: keys are kept for a month."""
    before = "596a4ebcd79ef17d10485d121ec5849a72dcdebd5515c7f71db322ec9296ce84"
    assert fingerprint(LEADS, retry_of=None, corrected=False) == before


def test_what_is_sent_again_counts_and_the_name_of_the_file_does_not():
    """A caller may make a new temporary file for each try."""
    named = replace(LEADS, file_name="tmp1.csv")
    plain = fingerprint(LEADS, retry_of=None, corrected=False)
    assert fingerprint(named, retry_of=None, corrected=False) == plain
    assert fingerprint(LEADS, retry_of=1, corrected=False) != plain
    assert fingerprint(LEADS, retry_of=1, corrected=True) != fingerprint(LEADS, retry_of=1, corrected=False)


async def test_of_those_that_come_together_with_one_key_one_gets_it(keys: Idempotency):
    """They may be in one transaction; each other key has its own holder."""
    answers = await asyncio.gather(
        *(keys.claim("crm", "key", "aa") for _ in range(5)),
        *(keys.claim("crm", f"key {n}", "aa") for n in range(5)),
        return_exceptions=True,
    )
    assert [isinstance(answer, Claim) for answer in answers[:5]].count(True) == 1
    assert sum(isinstance(answer, KeyInUse) for answer in answers[:5]) == 4
    assert all(isinstance(answer, Claim) for answer in answers[5:])


async def test_whoever_goes_away_while_the_key_is_taken_leaves_it_free(keys: Idempotency):
    """However far the claim had come."""
    for turns in range(12):
        asking = asyncio.create_task(keys.claim("crm", "key", "aa"))
        for _ in range(turns):
            await asyncio.sleep(0)
        if not asking.done():
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await claimed(keys, "bb")
            async with keys.db.write() as tx:
                await tx.execute(idempotency_key.delete())
