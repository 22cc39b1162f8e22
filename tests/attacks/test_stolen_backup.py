"""Somebody has a copy of the database, or an account on its machine."""

import hashlib
import hmac
import os
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from app.cli.database import opened
from app.domain.api_keys import Scope
from app.store.database import Database
from app.store.tables import access_token, api_key, metadata
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, stage_settings, staged

YEAR = 365 * 86_400


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(database_url, clock, auth="on") as found:
        yield found


async def asked(stage: Stage, token: str) -> str:
    """Marketo's code for what is asked with it."""
    answer = await stage.api.get("/bulk/v1/leads/batch/1.json", headers={"Authorization": f"Bearer {token}"})
    return answer.json()["errors"][0]["code"]


async def given(stage: Stage) -> tuple[str, str]:
    """(a key's id, a token that stands for it)."""
    key, written = await stage.container.keys.create("crm", [Scope.SUBMIT])
    token = await stage.container.keys.exchange(key.id, written.rpartition("_")[2])
    assert token is not None
    return key.id, token.text


async def dump(stage: Stage) -> str:
    """All that the database holds."""
    async with stage.container.db.read() as tx:
        return "\n".join(
            [str(tuple(row)) for table in metadata.sorted_tables for row in await tx.execute(select(table))]
        )


async def test_nothing_in_a_dump_opens_anything(stage: Stage):
    """Neither the key nor the token is in it, nor will what is there do instead."""
    _, token = await given(stage)
    assert await asked(stage, token) == "1013"
    held = await dump(stage)
    assert token not in held
    words = {word.strip("'(), ") for word in held.split()}
    kept = hashlib.sha256(token.encode()).hexdigest()
    assert kept in words
    for word in sorted(words):
        if word.isascii() and word.isprintable() and word:
            assert await asked(stage, word) in {"600", "601"}, word


async def test_a_token_signed_with_a_keys_digest_is_none(stage: Stage):
    """As it was done once: id, end and HMAC."""
    key_id, _ = await given(stage)
    async with stage.container.db.read() as tx:
        digest = (await tx.execute(select(api_key.c.secret_sha256))).scalar_one()
    said = f"{key_id}.{int(stage.clock().timestamp()) + YEAR}"
    forged = f"{said}.{hmac.digest(digest.encode(), said.encode(), 'sha256').hex()}"
    assert await asked(stage, forged) == "601"


async def test_a_token_lives_no_longer_than_an_hour_from_now_whatever_is_said_of_it(stage: Stage):
    """As a restored or a written row might say; or a clock that was set back."""
    key_id, _ = await given(stage)
    for text, seconds in (("long", YEAR), ("longer", 3601), ("good", 3600)):
        async with stage.container.db.write() as tx:
            until = stage.clock() + timedelta(seconds=seconds)
            digest = hashlib.sha256(text.encode()).hexdigest()
            await tx.execute(insert(access_token).values(token_sha256=digest, key_id=key_id, expires_at=until))
    assert [await asked(stage, text) for text in ("long", "longer", "good")] == ["602", "602", "1013"]


async def test_tokens_that_are_over_are_forgotten(stage: Stage):
    """A day later nobody needs to be told that it was one."""
    _, token = await given(stage)
    stage.clock.step(3601)
    await stage.maintenance.run_once()
    assert await asked(stage, token) == "602"
    stage.clock.step(86_400)
    await stage.maintenance.run_once()
    assert await asked(stage, token) == "601"


async def test_the_files_of_sqlite_are_for_their_owner_alone(tmp_path: Path):
    """Whatever the umask, and those of an older version too, while it runs and after."""
    path = tmp_path / "sluice.db"
    before = os.umask(0)
    try:
        for _ in range(2):
            settings = stage_settings(f"sqlite:///{path}")
            async with opened(settings):
                names = {file.name for file in tmp_path.iterdir()}
                assert names == {"sluice.db", "sluice.db-wal", "sluice.db-shm", "sluice.db.lock"}
                assert modes(tmp_path) == {0o600}
            path.chmod(0o644)
    finally:
        os.umask(before)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_what_lies_beside_an_older_versions_file_is_made_private_too(sqlite_url: str):
    """A log that was left by a crash."""
    db = Database(sqlite_url)
    assert db.path is not None
    left = db.path.with_name(db.path.name + "-wal")
    left.touch(0o644)
    try:
        db.claim_file()
        assert modes(db.path.parent) == {0o600}
    finally:
        await db.close()
