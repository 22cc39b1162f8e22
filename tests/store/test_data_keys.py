"""Data keys in the database: whose they are, and which keys they need."""

import pytest
from sqlalchemy import delete, insert, select, update

from app.domain.imports import Content
from app.encryption.errors import MissingKey
from app.store import data_keys, instances, jobs, webhook_secrets
from app.store.blobs import Corrupt
from app.store.database import Database
from app.store.tables import data_key, import_
from tests.store.seed import AT, a_webhook, an_import, parts_of
from tests.support.keys import FIRST, SECOND, give_keys, vault


async def test_in_the_clear_there_are_none(db: Database):
    """Nothing is read for it, either."""
    import_id = await an_import(db)
    async with db.write() as tx:
        assert await data_keys.get_or_add(tx, [import_id], Content.RESULTS) == {}
        assert await data_keys.get_or_add_for_job(tx, 1) is None
        assert await data_keys.add(tx, [import_id], Content.RESULTS) == {}
        assert await data_keys.needed(tx) == set()
        assert (await tx.execute(select(data_key))).all() == []


async def test_an_import_has_one_for_each_content_and_keeps_it(db: Database):
    """Also under another first key; the job has its own."""
    give_keys(db, FIRST)
    import_id = await an_import(db)
    (only,) = await parts_of(db, import_id)
    async with db.write() as tx:
        job = await jobs.claim(tx, [only.id], slot=1, due_at=AT, at=AT)
        file = (await data_keys.get_or_add(tx, [import_id], Content.FILE))[import_id]
        results = (await data_keys.get_or_add(tx, [import_id], Content.RESULTS))[import_id]
        of_job = await data_keys.get_or_add_for_job(tx, job.id)
        assert len({file.secret, results.secret, of_job.secret}) == 3
    give_keys(db, SECOND, FIRST)
    async with db.write() as tx:
        assert (await data_keys.get_or_add(tx, [import_id], Content.RESULTS))[import_id] == results
        assert await data_keys.get(tx, import_id, Content.FILE) == file
        assert await data_keys.get_or_add_for_job(tx, job.id) == of_job == await data_keys.of_job(tx, job.id)
        assert (await data_keys.of_parts(tx, [only.id]))[only.id] == (import_id, 1, file)


async def test_one_of_another_import_does_not_open(db: Database):
    """Whoever can write the database cannot move them about."""
    give_keys(db, FIRST)
    first, second = await an_import(db), await an_import(db)
    async with db.write() as tx:
        await tx.execute(update(data_key).where(data_key.c.import_id == first).values(content="results"))
        await tx.execute(update(data_key).where(data_key.c.import_id == second).values(import_id=first))
        with pytest.raises(Corrupt, match=f"data-key/import/{first}/file"):
            await data_keys.get(tx, first, Content.FILE)


async def test_a_lost_one_is_damage_and_an_erased_one_is_not(db: Database):
    """The mark of the erasure makes the difference."""
    give_keys(db, FIRST)
    import_id = await an_import(db)
    async with db.write() as tx:
        await tx.execute(delete(data_key))
        assert await data_keys.find(tx, import_id, Content.FILE) is None
        with pytest.raises(Corrupt, match="is not there any more"):
            await data_keys.get(tx, import_id, Content.FILE)
        await tx.execute(update(import_).values(file_erased_at=AT))
        assert await data_keys.get(tx, import_id, Content.FILE) is None


async def test_the_keys_that_are_needed_are_those_of_data_keys_and_of_secrets(db: Database):
    """However many of them there are; what is missing here is said in a sentence."""
    third = "".join(f"{number:02x}" for number in range(100, 132))
    for keys in ((FIRST,), (SECOND,)):
        give_keys(db, *keys)
        for _ in range(3):
            await an_import(db)
    async with db.write() as tx:
        tx.vault = vault(third)
        await instances.ensure(tx, ["default"])
        webhook_id = await a_webhook(tx)
        tx.vault = vault(third, FIRST)
        await webhook_secrets.replace(tx, webhook_id, "whsec_bmV3", previous_until=AT)
    names = {key: vault(key).keyring.first.fingerprint for key in (FIRST, SECOND, third)}
    async with db.read() as tx:
        assert await data_keys.needed(tx) == set(names.values())
        assert names[FIRST] in (await data_keys.what_is_missing_here(tx) or "")
        with pytest.raises(MissingKey):
            await webhook_secrets.get_each(tx, [webhook_id])
        tx.vault = vault(third)
        secrets = (await webhook_secrets.get_each(tx, [webhook_id]))[webhook_id]
        assert (secrets.current, secrets.previous) == ("whsec_bmV3", "whsec_Zmlyc3Q=")
    give_keys(db, FIRST, SECOND, third)
    async with db.read() as tx:
        assert await data_keys.what_is_missing_here(tx) is None


async def test_it_is_an_imports_or_a_jobs(db: Database):
    """By a constraint; and each import has one for each content at most."""
    give_keys(db, FIRST)
    import_id = await an_import(db)
    for wrong in ({}, {"import_id": import_id}):
        with pytest.raises(Exception, match=r"(?i)constraint"):
            async with db.write() as tx:
                await tx.execute(insert(data_key).values(content="file", master="a", wrapped=b"", **wrong))
