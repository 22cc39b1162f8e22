"""One honest verdict, and its reasons: each check as ok, as degraded or as down."""

from datetime import datetime, timedelta

import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from app.simulator import Fault
from app.store import disk_usage
from tests.story.files import LEADS, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, stage_settings, staged


async def check(stage: Stage, name: str) -> tuple[str, str]:
    """(status, detail) of one check; the verdict is the worst of all."""
    body = (await stage.api.get("/v1/status")).json()
    found = {item["name"]: item for item in body["checks"]}
    order = ["ok", "degraded", "down"]
    assert body["status"] == max((item["status"] for item in found.values()), key=order.index)
    return found[name]["status"], found[name]["detail"]


async def test_all_is_well_at_rest_and_while_work_flows(stage: Stage):
    """Every check is there, and says ok."""
    for _ in range(2):
        body = (await stage.api.get("/v1/status")).json()
        assert {item["status"] for item in body["checks"]} == {"ok"}, body["checks"]
        each = ("worker", "ticks", "instance", "parts", "flow", "quota")
        names = {
            "database",
            "backlog",
            "attention",
            "webhooks",
            "temporary_files",
            "clock",
            "retention",
            *(f"{name}:default" for name in each),
        }
        assert {item["name"] for item in body["checks"]} == names | (
            {"disk"} if stage.container.db.on_sqlite else {"connections"}
        )
        assert body["status"] == "ok"
        await stage.created(LEADS)
        await stage.beat()


async def test_worker_down_when_it_is_gone_or_has_given_no_sign_for_one_and_a_half_leases(stage: Stage):
    """Late signs are none of a status page's business before; after one lease another worker may drive."""
    stage.clock.step(45)
    assert (await check(stage, "worker:default"))[0] == "ok"
    stage.clock.step(1)
    assert (await check(stage, "worker:default"))[0] == "down"
    await stage.take_lease()
    assert (await check(stage, "worker:default"))[0] == "ok"
    await stage.leases.give_up("default", stage.instance_worker)
    assert await check(stage, "worker:default") == ("down", "no worker drives this instance")


async def test_ticks_degraded_when_a_step_is_not_done_for_longer_than_it_can_take(stage: Stage):
    """The worker lives and says so, but its poll hangs; a submission may take its ten minutes."""
    for _ in range(22):
        stage.clock.step(10)
        stage.instance_worker.ticked.update(dict.fromkeys(("collect", "sweep"), stage.clock()))
        await stage.take_lease()
    assert await check(stage, "ticks:default") == ("degraded", "not done: poll for 220 s")
    stage.instance_worker.ticked["poll"] = stage.clock()
    await stage.take_lease()
    assert (await check(stage, "ticks:default"))[0] == "ok"
    assert (await check(stage, "worker:default"))[0] == "ok"


async def test_a_worker_that_takes_over_does_not_answer_for_the_time_before(stage: Stage):
    """The service was off for a night."""
    stage.clock.step(30_000)
    assert (await check(stage, "ticks:default"))[0] == "degraded"
    await stage.crash()
    await stage.take_lease()
    assert (await check(stage, "ticks:default"))[0] == "ok"


async def test_instance_degraded_while_it_is_paused_and_ok_when_resumed(stage: Stage):
    """With the reason that the person gave."""
    await stage.api.post("/v1/instances/default/pause", json={"reason": "a release"})
    assert await check(stage, "instance:default") == ("degraded", "paused: a release")
    await stage.api.post("/v1/instances/default/resume")
    assert (await check(stage, "instance:default"))[0] == "ok"


async def test_instance_degraded_while_marketo_refuses_our_credentials(stage: Stage):
    """And the import that waits for it is named."""
    await stage.created(LEADS)
    stage.simulator.order(Fault("json_error:603", on="create", times=50))
    await stage.beat()
    assert (await check(stage, "instance:default"))[0] == "degraded"
    status, detail = await check(stage, "attention")
    assert (status, "1 (instance_blocked)" in detail) == ("degraded", True)


async def test_flow_degraded_when_an_importer_idles_while_a_part_could_go(stage: Stage):
    """The worker shows signs of life, yet nothing is sent: its submit tick does not come round."""
    await stage.created(LEADS)
    for _ in range(5):
        await stage.take_lease()
        assert (await check(stage, "flow:default"))[0] == "ok"
        stage.clock.step(9.9)
    await stage.take_lease()
    status, detail = await check(stage, "flow:default")
    assert (status, detail) == ("degraded", "an importer has been idle for 50 s while a part could go")
    await stage.instance_worker.submit.run_once(stage.lease)
    assert (await check(stage, "flow:default"))[0] == "ok"


async def test_flow_ok_while_what_waits_may_not_go(stage: Stage):
    """Paused, of the same records, or not before a later time: no importer is kept waiting by us."""
    later = (stage.clock() + timedelta(days=1)).isoformat()
    await stage.created(leads(3), not_before=later)
    await stage.created(leads(3, start=100))
    await stage.created(leads(3, start=100))
    await stage.instance_worker.submit.run_once(stage.lease)
    await stage.instance_worker.submit.run_once(stage.lease)
    assert [part["waiting_for"] for item in (1, 3) for part in await stage.parts(item)] == [
        "not_before",
        "same_records",
    ]
    for _ in range(20):
        await stage.take_lease()
        stage.clock.step(10)
    assert (await check(stage, "flow:default"))[0] == "ok"
    await stage.created(leads(3, start=200))
    await stage.api.post("/v1/instances/default/pause")
    for _ in range(20):
        await stage.take_lease()
        stage.clock.step(10)
    assert (await check(stage, "flow:default"))[0] == "ok"


async def test_flow_degraded_where_the_worker_is_gone_since_its_last_sign(stage: Stage):
    """Nobody looks any more; the importer idles all the same."""
    await stage.created(LEADS)
    stage.clock.step(300)
    status, detail = await check(stage, "flow:default")
    assert (status, detail) == ("degraded", "an importer has been idle for 300 s while a part could go")


async def test_quota_degraded_near_the_day_s_end_of_calls(database_url: str, clock: SteppedClock):
    """Nine of ten calls are used; at midnight US Central it is well again."""
    async with staged(database_url, clock) as stage:
        settings = stage.container.settings.instances["default"].model_copy(update={"daily_calls": 10})
        stage.container.settings.instances["default"] = settings
        for calls, expected in ((8, "ok"), (9, "degraded"), (10, "degraded")):
            while stage.instance_worker.rate_limiter.today < calls:
                async with stage.instance_worker.rate_limiter.call():
                    pass
            await stage.take_lease()
            status, detail = await check(stage, "quota:default")
            assert (status, detail) == (expected, f"{calls} of 10 calls of the day used; it ends at 2026-11-05T06:00Z")
        clock.at = datetime.fromisoformat("2026-11-05T06:00:00+00:00")
        assert (await check(stage, "quota:default"))[0] == "ok"


async def test_an_instance_that_is_no_longer_configured_is_told_while_parts_wait_for_it(
    database_url: str, clock: SteppedClock
):
    """Nobody would drive it, and its parts fill the backlog."""
    ours = stage_settings(database_url).instances["default"]
    async with staged(database_url, clock, instances={"default": ours, "old": ours}) as stage:
        for _ in range(2):
            assert (await stage.create(LEADS, instance="old")).status_code == 202
    async with staged(database_url, clock, backlog_parts=2) as stage:
        told = "not configured, and 2 parts of it have not ended: configure it again, or cancel their imports"
        assert await check(stage, "instance:old") == ("degraded", told)
        assert await check(stage, "backlog") == ("down", "2 of 2 parts waiting")
        for import_id in (1, 2):
            assert (await stage.api.post(f"/v1/imports/{import_id}/cancel")).status_code == 202
        assert (await check(stage, "backlog"))[0] == "ok"
        assert "instance:old" not in (await stage.api.get("/v1/status")).text


async def test_backlog_degraded_near_its_limit_and_down_at_it(database_url: str, clock: SteppedClock):
    """At the limit new uploads get 429."""
    async with staged(database_url, clock, backlog_parts=10) as stage:
        for waiting in range(11):
            expected = "ok" if waiting < 9 else "degraded" if waiting < 10 else "down"
            assert await check(stage, "backlog") == (expected, f"{waiting} of 10 parts waiting")
            answer = await stage.create(LEADS)
            assert answer.status_code == (429 if waiting == 10 else 202)


@pytest.mark.parametrize(
    ("free_bytes", "expected"), [(3000, "ok"), (2000, "ok"), (1999, "degraded"), (1000, "degraded"), (999, "down")]
)
async def test_disk_degraded_near_the_floor_and_down_below_it(
    sqlite_url: str, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch, free_bytes: int, expected: str
):
    """Below the floor new uploads get 507. PostgreSQL's disk is its server's business."""
    async with staged(sqlite_url, clock, disk_floor_bytes=1000) as stage:
        file = stage.container.db.file  # what its log has yet to put there is not free
        known = lambda _: disk_usage.shutil._ntuple_diskusage(10**9, 0, free_bytes + file.log_bytes)  # noqa: E731
        monkeypatch.setattr(disk_usage.shutil, "disk_usage", known)
        assert (await check(stage, "disk"))[0] == expected
        assert (await stage.create(LEADS)).status_code == (507 if expected == "down" else 202)


async def test_connections_degraded_near_the_database_s_limit(postgres_url: str, clock: SteppedClock):
    """The database's own limit here; the server's is looked at in the same way."""
    async with staged(postgres_url, clock) as stage:
        assert (await check(stage, "connections"))[0] == "ok"
        name = sql.Identifier(str(make_url(postgres_url).database))
        with psycopg.connect(postgres_url, autocommit=True) as line:
            line.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 4").format(name))
            others = [psycopg.connect(postgres_url) for _ in range(2)]
            status, detail = await check(stage, "connections")
            for other in others:
                other.close()
    assert status == "degraded"
    assert detail.endswith(" of 4 connections used")


async def test_attention_degraded_while_a_part_is_unconfirmed(stage: Stage):
    """Marketo's answer got lost; ok once the policy has sent it again and it is done."""
    import_id = await stage.created(LEADS)
    stage.simulator.order(Fault("lost_response", on="create"))
    await stage.beat()
    assert await check(stage, "attention") == ("degraded", f"imports {import_id} (unconfirmed)")
    await stage.run(seconds=60)
    assert await check(stage, "attention") == ("ok", "nothing is stuck or unconfirmed")


async def test_attention_degraded_while_a_part_is_stuck(database_url: str, clock: SteppedClock):
    """Marketo has been importing it for longer than SLUICE_STUCK_SECONDS."""
    async with staged(database_url, clock, stuck_seconds=100) as stage:
        import_id = await stage.created(LEADS)
        stage.simulator.order(Fault("stuck_importing"))
        await stage.beat()
        for _ in range(12):
            clock.step(20)
            await stage.beat()
        assert await check(stage, "attention") == ("degraded", f"imports {import_id} (stuck)")


async def test_database_down_when_it_cannot_be_read(stage: Stage):
    """Then nothing else can be told."""
    async with stage.container.db.write() as tx:
        await tx.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    stage.clock.step(2)
    told: httpx.Response = await stage.api.get("/v1/status")
    assert told.json()["status"] == "down"
    assert [item["name"] for item in told.json()["checks"]] == ["database"]


async def test_an_instance_tells_how_long_the_oldest_part_has_waited(stage: Stage):
    """0 where none waits."""

    async def waiting() -> dict[str, int]:
        told: dict[str, int] = (await stage.api.get("/v1/instances/default")).json()["waiting"]
        return told

    assert await waiting() == {"parts": 0, "rows": 0, "oldest_seconds": 0}
    await stage.created(leads(3))
    stage.clock.step(86)
    await stage.created(leads(4, start=100))
    assert await waiting() == {"parts": 2, "rows": 7, "oldest_seconds": 86}
    await stage.run()
    assert await waiting() == {"parts": 0, "rows": 0, "oldest_seconds": 0}


async def test_what_is_not_to_go_before_a_time_waits_from_then_on(stage: Stage):
    """Else whoever plans ahead would be told that nothing moves."""

    async def oldest() -> int:
        told: int = (await stage.api.get("/v1/instances/default")).json()["waiting"]["oldest_seconds"]
        return told

    later = stage.clock() + timedelta(days=1)
    await stage.created(leads(3), not_before=later.isoformat())
    stage.clock.step(3600)
    assert await oldest() == 0
    other = await stage.created(leads(4, start=100))
    stage.clock.step(60)
    assert await oldest() == 60
    await stage.api.post(f"/v1/imports/{other}/cancel")
    assert await oldest() == 0
    stage.clock.step(86400)
    assert await oldest() == (stage.clock() - later).total_seconds()


async def test_an_instance_tells_how_fast_the_imports_of_the_last_hour_went(stage: Stage):
    """From the start of the first to the end of the last; nothing where none has ended."""

    async def rate() -> float | None:
        told: float | None = (await stage.api.get("/v1/instances/default")).json()["throughput"]["rows_per_second"]
        return told

    assert await rate() is None
    made = [await stage.created(leads(300, start=1000 * n)) for n in range(2)]
    await stage.run()
    told = [await stage.read(item) for item in made]
    begun = min(datetime.fromisoformat(item["started_at"]) for item in told)
    ended = max(datetime.fromisoformat(item["finished_at"]) for item in told)
    assert await rate() == round(600 / (ended - begun).total_seconds(), 1)
    stage.clock.step(3601)
    assert await rate() is None
