"""The database is taken away in the middle of a request, upgraded under a running process, by three at once."""

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import text

import migrations
from app.domain.failpoints import Failpoint
from app.store.database import WrongSchema
from tests.attacks.test_full_disk import at
from tests.story.files import LEADS, leads
from tests.story.test_processes import MARKETO, QUICK
from tests.support import forks
from tests.support.databases import own_server
from tests.support.processes import service, simulator, wait_until
from tests.support.stage import Stage

pytestmark = pytest.mark.both_databases

KEY = {"Idempotency-Key": "nightly", "Content-Type": "text/csv"}


async def test_a_key_whose_request_the_database_left_is_free_when_it_is_back(stage: Stage):
    """Its release could not be written either. The same request again makes the import, and need not wait."""
    object.__setattr__(stage.container.intake.limits, "part_bytes", 1_000)
    at(stage, Failpoint.PART_STORED, lambda: setattr(stage.container.db, "refused", "it is away"))
    content = leads(100)
    assert (await stage.api.post("/v1/imports", content=content, headers=KEY)).status_code == 503
    stage.container.db.refused = None
    answer = await stage.api.post("/v1/imports", content=content, headers=KEY)
    assert (answer.status_code, "idempotency-replayed" in answer.headers) == (202, False), answer.text
    assert len((await stage.api.get("/v1/imports")).json()["items"]) == 1


def test_postgresql_is_killed_in_mid_upload_and_the_same_key_goes_on_within_seconds(tmp_path: Path):
    """Not after minutes of 409."""
    with (
        own_server() as own,
        simulator(MARKETO) as (marketo, _),
        service(tmp_path, own.url, marketo, **QUICK) as running,
    ):
        killed = threading.Event()
        content = leads(20)

        def halting() -> Iterator[bytes]:
            yield content[:100]
            wait_until(lambda: claims(own.url) == 1, "the key to be claimed")
            own.stop()
            killed.set()
            yield content[100:]

        answer = httpx.post(f"{running.url}/v1/imports", content=halting(), headers=KEY, timeout=60)
        assert (killed.is_set(), answer.status_code) == (True, 503)
        own.start()
        wait_until(lambda: httpx.get(f"{running.url}/readyz").status_code == 200, "it to be ready again")
        answer = httpx.post(f"{running.url}/v1/imports", content=content, headers=KEY, timeout=60)
        assert answer.status_code == 202, answer.text


def claims(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM idempotency_key").fetchone()
    assert found is not None
    return int(found[0])


def test_three_who_migrate_at_once_take_turns(empty_database_url: str, tmp_path: Path):
    """All of them succeed, and none shows a traceback."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    environment = bare | {"SLUICE_DATABASE_URL": empty_database_url}
    with ThreadPoolExecutor(3) as threads:
        three = list(threads.map(lambda _: forks.run(["migrate"], environment, tmp_path), range(3)))
    assert [child.returncode for child in three] == [0, 0, 0], three
    assert {child.stdout for child in three} == {f"The schema is at revision {migrations.head()}.\n"}
    assert not any("Traceback" in child.stderr for child in three)
    assert migrations.revision(empty_database_url) == migrations.head()


async def upgrade(stage: Stage, revision: str, oldest: str | None = None) -> None:
    """As the migrations of another version leave it; with it no version before `oldest` can work."""
    values = {"found": revision, "oldest": oldest or revision}
    async with stage.container.db._writer.begin() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = :found, oldest_revision = :oldest"), values)
    stage.clock.step(1)  # a probe's answer is kept for a second


@pytest.mark.parametrize("revision", ["9999", "0001"])
async def test_nothing_is_taken_in_by_a_process_that_is_not_of_the_schemas_version(stage: Stage, revision: str):
    """Not even in the moment before it looks at it anew; /readyz says the same."""
    await upgrade(stage, revision)
    ready = await stage.api.get("/readyz")
    assert (ready.status_code, revision in ready.json()["checks"][0]["detail"]) == (503, True)
    for content in (LEADS, leads(400)):
        answer = await stage.create(content)
        assert (answer.status_code, answer.json()["code"]) == (503, "schema_changed"), answer.text
        assert int(answer.headers["Retry-After"]) > 0
    assert await stage.holds_nothing()
    await upgrade(stage, migrations.head())
    assert (await stage.create(LEADS)).status_code == 202


async def test_work_goes_on_where_the_newer_schema_only_has_more(stage: Stage):
    """Files are taken in, whole and in parts, imports go to their end, and /readyz says which schema it is."""
    await upgrade(stage, "9999", oldest=migrations.head())
    await stage.container.schema_watch.look()
    made = [await stage.created(content) for content in (LEADS, leads(400))]
    await stage.run()
    assert [(await stage.read(import_id))["status"] for import_id in made] == ["complete"] * 2
    ready = await stage.api.get("/readyz")
    detail = f"schema 9999, newer than this version's {migrations.head()}"
    assert (ready.status_code, detail in ready.json()["checks"][0]["detail"]) == (200, True), ready.text


async def test_it_writes_nothing_else_either_once_it_has_seen_that(stage: Stage):
    """What people ask for is refused; a worker's steps wait, as for a database that is away."""
    made = await stage.created(LEADS)
    await upgrade(stage, "9999")
    await stage.container.schema_watch.look()
    answers = [
        await stage.api.post(f"/v1/imports/{made}/cancel"),
        await stage.api.post("/v1/instances/default/pause", json={}),
    ]
    assert [answer.json()["code"] for answer in answers] == ["schema_changed"] * 2
    with pytest.raises(WrongSchema, match="run the newer version"):
        await stage.instance_worker.submit.run_once(stage.lease)
    assert stage.posted == []
    assert (await stage.read(made))["status"] == "queued"
    await upgrade(stage, migrations.head())
    await stage.container.schema_watch.look()
    await stage.run()
    assert (await stage.read(made))["status"] == "complete"


async def test_an_upload_under_way_when_the_schema_changes_is_not_accepted(stage: Stage):
    """Its first parts are stored by the old version: its last transaction looks again."""
    object.__setattr__(stage.container.intake.limits, "part_bytes", 1_000)
    loop = asyncio.get_running_loop()
    upgraded: list[asyncio.Task[None]] = []
    at(stage, Failpoint.PART_STORED, lambda: upgraded.append(loop.create_task(upgrade(stage, "9999"))))
    answer = await stage.create(leads(300))
    await asyncio.gather(*upgraded)
    assert (answer.status_code, answer.json()["code"]) == (503, "schema_changed"), answer.text
    assert (await stage.api.get("/v1/imports")).json()["items"] == []
