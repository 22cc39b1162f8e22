"""The database goes away and comes back: the service waits, says so, and goes on."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from app.store.database import AWAY
from tests.story.files import leads
from tests.story.test_large_files import HEADER, a_file
from tests.story.test_processes import MARKETO, QUICK, create, statuses
from tests.support import patience
from tests.support.clock import SteppedClock
from tests.support.databases import own_server
from tests.support.processes import Service, service, simulator, wait_until
from tests.support.proxy import proxied
from tests.support.stage import Stage, staged


@pytest.fixture
async def sqlite_stage(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(sqlite_url, clock, part_bytes=2_000) as found:
        yield found


def ready(running: Service) -> tuple[int, str]:
    answer = patience.get(f"{running.url}/readyz")
    return answer.status_code, answer.json()["checks"][0]["detail"]


def each_once(running: Service, played: Any, made: list[int]) -> None:
    """Every import complete, every row there, and nothing sent twice but what was called lost."""
    wait_until(lambda: statuses(running)["complete"] >= len(made), "all of them to be complete")
    found = {n: patience.get(f"{running.url}/v1/imports/{n}").json() for n in made}
    assert {n: one["rows"]["imported"] for n, one in found.items()} == dict.fromkeys(made, 5)
    events = [e for n in made for e in patience.get(f"{running.url}/v1/imports/{n}/events").json()["items"]]
    lost = sum(event["type"] == "lose" for event in events)
    sent = Counter(job["sha256"] for job in played.report()["jobs"])
    assert sum(count - 1 for count in sent.values()) <= lost
    emails = [record["email"] for record in played.records("lead")]
    assert len(emails) == len(set(emails))
    assert played.report()["most_outstanding"] <= 10


@pytest.mark.endure
def test_postgresql_stops_and_comes_back(tmp_path: Path):
    """As by a power cut, while imports flow. Meanwhile the process lives, is not ready, and takes nothing in."""
    with (
        own_server() as own,
        simulator(MARKETO) as (marketo, played),
        service(tmp_path, own.url, marketo, **QUICK) as running,
    ):
        made = create(running, 12)
        wait_until(lambda: len(played.report()["jobs"]) >= 3, "Marketo to have some of them")
        own.stop()
        wait_until(lambda: ready(running)[0] == 503, "it to be called not ready")
        assert patience.get(f"{running.url}/livez").status_code == 200
        assert patience.get(f"{running.url}/v1/status").json()["status"] == "down"
        refused = patience.post(f"{running.url}/v1/imports", content=leads(5), headers={"Content-Type": "text/csv"})
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        own.start()
        wait_until(lambda: ready(running)[0] == 200, "it to be ready again")
        made += create(running, 3, start=12)
        each_once(running, played, made)


@pytest.mark.endure
def test_postgresql_connections_that_are_cut_are_opened_again(tmp_path: Path):
    """Twenty times, at any moment, with uploads and submissions under way; an upload that fails is sent again."""
    with (
        own_server() as own,
        simulator(MARKETO) as (marketo, played),
        service(tmp_path, own.url, marketo, **QUICK) as running,
    ):
        made: list[int] = []
        for n in range(20):
            own.cut()
            answer = patience.post(
                f"{running.url}/v1/imports", content=leads(5, start=10 * n), headers={"Content-Type": "text/csv"}
            )
            if answer.status_code == 202:
                made.append(answer.json()["id"])
            else:
                assert answer.status_code == 503, answer.text
        assert made
        each_once(running, played, made)


@pytest.mark.endure
def test_a_line_to_postgresql_that_goes_dead_is_noticed(tmp_path: Path):
    """Nobody closes anything, and nothing comes: not ready within seconds, and no request hangs for ever."""
    with own_server() as own, simulator(MARKETO) as (marketo, played):
        address = make_url(own.url)
        folder = str(address.query["host"])
        with proxied(f"{folder}/.s.PGSQL.5432") as proxy:
            url = f"postgresql://{address.username}@127.0.0.1:{proxy.port}/{address.database}"
            with service(tmp_path, url, marketo, **QUICK) as running:
                made = create(running, 3)
                proxy.silence()
                wait_until(lambda: ready(running) == (503, "no answer within 5 seconds"), "the silence to be noticed")
                assert patience.get(f"{running.url}/livez").status_code == 200
                proxy.speak()
                wait_until(lambda: ready(running)[0] == 200, "it to be ready again")
                each_once(running, played, made)


async def pragma(stage: Stage, setting: str) -> None:
    """Tell the one connection that writes."""
    async with stage.container.db._writer.connect() as tx:
        line = await tx.get_raw_connection()  # a transaction might not begin
        await line.driver_connection.execute_fetchall(f"PRAGMA {setting}")


async def test_sqlite_that_turns_read_only_is_waited_for(sqlite_stage: Stage):
    """An answer that Marketo gave meanwhile is not forgotten, however long it takes."""
    stage = sqlite_stage
    made = [await stage.created(leads(5, start=10 * n)) for n in range(3)]
    broken = asyncio.Event()

    def breaks_while_marketo_answers(hit: str) -> None:
        if hit == "answered":
            broken.set()

    object.__setattr__(stage.instance_worker.submit, "hit", breaks_while_marketo_answers)

    async def breaking() -> None:
        await broken.wait()
        await pragma(stage, "query_only = ON")
        stage.clock.step(1)
        answer = await stage.api.get("/readyz")
        assert answer.status_code == 503
        why = "it cannot be written to: attempt to write a readonly database"
        assert answer.json()["checks"][0]["detail"] == why
        assert (await stage.create(leads(5, start=90))).status_code == 503
        await pragma(stage, "query_only = OFF")

    outage = asyncio.create_task(breaking())
    assert await stage.instance_worker.submit.run_once(stage.lease)
    await outage
    await stage.run()
    assert [(await stage.read(n))["rows"]["imported"] for n in made] == [5, 5, 5]
    assert len(stage.posted) == 3


async def test_results_that_sqlite_has_no_room_for_are_fetched_again(sqlite_stage: Stage):
    """A part is not complete before what became of its rows is stored (RESULTS_BEFORE_DONE)."""
    stage = sqlite_stage
    rows = "".join(f"p{n}@example.com,{random.Random(n).randbytes(200).hex()},many\n" for n in range(60))
    made = await stage.created(f"{HEADER}\n{rows}".encode())
    async with stage.container.db.write() as tx:
        pages = (await tx.exec_driver_sql("PRAGMA page_count")).scalar_one()
    await pragma(stage, f"max_page_count = {pages + 1}")
    with pytest.raises(AWAY, match="database or disk is full"):
        await stage.run()
    assert (await stage.read(made))["status"] == "importing"
    await pragma(stage, "max_page_count = 1000000")
    await stage.run()
    assert (await stage.read(made))["rows"]["failed"] == 60
    assert len((await stage.api.get(f"/v1/imports/{made}/failures.csv")).text.splitlines()) == 61


async def test_a_disk_that_fills_up_in_the_middle_is_507_and_leaves_nothing(sqlite_stage: Stage):
    """The floor is looked at with every part."""
    looks = iter([10**12] * 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.store.disk_usage.free_bytes", lambda _: next(looks, 0))
        object.__setattr__(sqlite_stage.container.capacity, "disk_floor_bytes", 1)
        answer = await sqlite_stage.create(a_file(1_000)[0])
    assert answer.status_code == 507
    assert answer.json()["code"] == "disk_full"
    assert await sqlite_stage.holds_nothing()


async def test_a_database_whose_disk_is_full_is_507_and_leaves_nothing(sqlite_stage: Stage):
    """The database says so in its own words."""
    async with sqlite_stage.container.db.write() as tx:
        pages = (await tx.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await tx.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
    chance = random.Random(1)
    rows = "".join(f"p{n}@example.com,{chance.randbytes(400).hex()},1\n" for n in range(1_000))
    answer = await sqlite_stage.create(f"{HEADER}\n{rows}".encode())
    assert answer.status_code == 507, answer.text
    assert await sqlite_stage.holds_nothing()
    assert (await sqlite_stage.create(a_file(2)[0])).status_code == 202


async def test_postgresqls_full_disk_is_507_and_leaves_nothing(postgres_url: str, clock: SteppedClock):
    """The server's error for it."""
    async with staged(postgres_url, clock) as stage:
        async with stage.container.db.write() as tx:
            await tx.exec_driver_sql(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
            )
            await tx.exec_driver_sql(
                "CREATE TRIGGER full_disk BEFORE INSERT ON part_file FOR EACH ROW EXECUTE FUNCTION full_disk()"
            )
        answer = await stage.create(a_file(2)[0])
        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full"), answer.text
        assert await stage.holds_nothing()
