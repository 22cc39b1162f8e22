"""NO_SILENCE: whatever keeps work from flowing is told within a minute, in the history, the log and the status."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

import migrations
from app.domain.answers import RejectionReason
from app.domain.events import WARNED
from app.domain.imports import AttentionCode
from app.domain.instances import InstanceState, WaitingFor
from app.domain.webhooks import SwitchedOff, WebhookEvent
from app.reporting.monitor import Monitor
from app.simulator import Fault
from app.store import disk_usage, webhooks
from app.worker.runner import Worker
from app.worker.timetable import timetable
from tests.story.files import LEADS, LEADS_WITH_TROUBLE, leads
from tests.story.test_standstill import change_secret
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.stage import MARKETO, Stage, stage_settings, staged
from tests.support.tiers import chosen

__all__ = ["log"]
STEP_SECONDS = 15.0
MINUTE, HOUR = 60, 3600
Stop = Callable[[Stage], Awaitable[object]]


@dataclass(frozen=True)
class Way:
    """A way in which work stops: how it comes about, and what is told of it.

    `stop` ends when the work has stopped. `told` is the event, in the history of an import or of the instance.
    """

    stop: Stop
    told: str
    check: str
    says: str
    covers: frozenset[str] = frozenset()  # words of the domain that mean this
    knobs: dict[str, Any] = field(default_factory=dict)
    goes_on: Callable[[Stage], Awaitable[object]] = Stage.beat
    only_on: str = ""


def ordering(fault: str, *, content: bytes = LEADS, wanted: dict[str, Any] | None = None, **how: Any) -> Stop:
    """From now on the fault strikes each time; and an import is there that meets it."""

    async def stop(stage: Stage) -> None:
        stage.simulator.order(Fault(fault, **({"once": False} | how)))
        await stage.created(content, preflight="off", **(wanted or {}))

    return stop


def after(stop: Stop, seconds: float) -> Stop:
    """It counts only once it has lasted for so long."""

    async def stopped(stage: Stage) -> None:
        await stop(stage)
        end = stage.clock() + timedelta(seconds=seconds)
        while stage.clock() < end:
            await stage.beat()
            stage.clock.step(max(20, min(await stage.seconds_until_due(), MINUTE)))

    return stopped


async def pause(stage: Stage) -> None:
    await stage.created(LEADS)
    await stage.api.post("/v1/instances/default/pause", json={"reason": "a release"})


async def refuse_credentials(stage: Stage) -> None:
    await stage.created(LEADS, preflight="off")
    change_secret(stage, "another")


def cutting(path: str) -> Stop:
    """Nobody can be reached any more below that path."""

    async def stop(stage: Stage) -> None:
        watch = stage.transport.before_request
        assert watch is not None

        def cut(request: httpx.Request) -> None:
            watch(request)
            if request.url.path.startswith(path):
                raise httpx.ConnectError("All connection attempts failed", request=request)

        stage.transport.before_request = cut
        await stage.created(LEADS, preflight="off")

    return stop


async def at_marketo_and_cut_off(stage: Stage) -> None:
    """Nothing is left to be sent; what is there cannot be asked about."""
    await stage.created(LEADS, preflight="off")
    await stage.instance_worker.submit.run_once(stage.lease)
    await cutting("/bulk/v1/leads/batch")(stage)
    for one in (await stage.api.get("/v1/imports", params={"status": "queued"})).json()["items"]:
        await stage.api.post(f"/v1/imports/{one['id']}/cancel")


async def fill_the_queue(stage: Stage) -> None:
    stage.simulator.occupy(10, HOUR)
    await stage.created(LEADS, preflight="off")


async def stand_behind_others(stage: Stage) -> None:
    stage.simulator.occupy(2, 3 * HOUR)
    await stage.created(LEADS, preflight="off")


async def only_create(stage: Stage) -> None:
    await stage.created(LEADS)


async def give_up(stage: Stage) -> None:
    await stage.leases.give_up("default", stage.instance_worker)


async def nobody_works(stage: Stage) -> None:
    """Nothing beats."""


async def beat_without_submit(stage: Stage) -> None:
    await stage.take_lease()
    for tick in list(timetable(stage.instance_worker, 1))[1:]:
        await tick.step(stage.lease)


def worker(stage: Stage) -> Worker:
    instance_workers = {"default": stage.instance_worker}
    return Worker(
        instance_workers,
        stage.maintenance,
        stage.leases,
        stage.container.wakeup,
        stage.clock,
        tick_seconds=1,
        shutdown_seconds=1,
    )


async def fail_to_collect(stage: Stage) -> None:
    """A fault of ours in one of the steps: it is called again and again, and ends in an exception."""
    collect = stage.instance_worker.collect.run_once

    async def run_once(lease: Any) -> bool:
        await collect(lease)
        raise KeyError("a fault of ours")

    object.__setattr__(stage.instance_worker, "collect", replace_step(run_once))
    await stage.created(LEADS)


def replace_step(run_once: Any) -> Any:
    class Step:
        async def __call__(self) -> None: ...

    step = Step()
    step.run_once = run_once  # type: ignore[attr-defined]
    return step


async def tick_as_a_worker(stage: Stage) -> None:
    found = worker(stage)
    await found.lease("default")
    stage.lease.in_order = True
    for tick in timetable(stage.instance_worker, 1):
        await found._safely(f"{tick.name}:default", partial(found.tick, "default", tick))


async def hang_in_poll(stage: Stage) -> None:
    """Its worker lives, and its poll has not come back for longer than its calls may take."""
    for _ in range(22):
        stage.clock.step(10)
        await live_without_poll(stage)


async def live_without_poll(stage: Stage) -> None:
    stage.instance_worker.ticked.update(dict.fromkeys(("submit", "collect", "sweep"), stage.clock()))
    await stage.take_lease()


async def wait_for_the_unknown(stage: Stage) -> None:
    """An instance that the settings no longer name has parts that wait."""
    answer = await stage.create(LEADS, instance="old")
    assert answer.status_code == 202, answer.text
    del stage.container.settings.instances["old"]


async def lose_an_endpoint(stage: Stage) -> None:
    """Its receiver has answered 410. All else goes on."""
    hook = {"url": "https://hooks.example.com/sluice", "events": {WebhookEvent.IMPORT_FINISHED}, "description": None}
    async with stage.container.db.write() as tx:
        at = stage.clock()
        webhook_id = await webhooks.add(tx, client="crm-sync", secret="whsec_" + 44 * "A", at=at, **hook)
        await webhooks.switch_off(tx, webhook_id, at=at, reason=SwitchedOff.GONE)


async def fill_the_backlog(stage: Stage) -> None:
    later = (stage.clock() + timedelta(days=1)).isoformat()
    await stage.created(LEADS, not_before=later)
    assert (await stage.create(leads(2))).status_code == 429


def running_out(of: str) -> Stop:
    async def stop(stage: Stage) -> None:
        known, folder = shutil.disk_usage, stage.container.db.path and stage.container.db.path.absolute().parent

        def usage(path: Any) -> Any:
            is_database = folder is not None and str(path) == str(folder)
            return known(path)._replace(free=999 if is_database == (of == "database") else 10**9)

        disk_usage.shutil.disk_usage = usage  # put back by the fixture

    return stop


@pytest.fixture
def disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes the disks in a test changes them for that test."""
    monkeypatch.setattr(disk_usage.shutil, "disk_usage", disk_usage.shutil.disk_usage)


async def use_up_the_calls(stage: Stage) -> None:
    while stage.instance_worker.rate_limiter.today < 9:
        async with stage.instance_worker.rate_limiter.call():
            pass


async def set_the_clock(stage: Stage) -> None:
    stage.clock.jump(HOUR)
    await stage.container.timekeeper.look()


async def be_set_forward_while_nothing_runs(stage: Stage) -> None:
    """All that there is would be too old, if that is right."""
    await stage.created(LEADS)
    await stage.run()
    stage.clock.jump(100 * 24 * HOUR)
    await stage.container.timekeeper.begin()


async def lose_the_schema(stage: Stage) -> None:
    async with stage.container.db.write() as tx:
        await tx.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")


async def use_up_the_connections(stage: Stage) -> None:
    url = stage.container.db.url
    with psycopg.connect(url, autocommit=True) as line:
        name = sql.Identifier(str(make_url(url).database))
        line.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 1").format(name))


def instances(stage_knobs: dict[str, Any], *names: str) -> dict[str, Any]:
    ours = stage_settings("sqlite:///x.db").instances["default"].model_dump() | stage_knobs
    return {"instances": dict.fromkeys(("default", *names), ours)}


INSTANCE = "instance:default"
WAYS = {
    "paused by a person": Way(
        pause, "paused", INSTANCE, "a release", frozenset({"condition paused", "waits instance_paused"})
    ),
    "credentials refused": Way(
        refuse_credentials,
        "blocked",
        INSTANCE,
        "Bad client credentials",
        frozenset({"because blocked", "condition blocked", "waits instance_blocked", "attention instance_blocked"}),
    ),
    "rights denied": Way(
        ordering("json_error:603", on="create"), "blocked", INSTANCE, "Access denied", frozenset({"because denied"})
    ),
    "rights denied to questions": Way(
        ordering("json_error:603", on="status"), "blocked", INSTANCE, "Access denied", frozenset()
    ),
    "unreachable": Way(
        cutting("/bulk"),
        "unreachable",
        INSTANCE,
        f"{MARKETO} cannot be reached: ConnectError",
        frozenset({"because unavailable", "condition backing_off", "waits retry"}),
    ),
    "unreachable, with nothing left to send": Way(
        at_marketo_and_cut_off, "unreachable", INSTANCE, f"{MARKETO} cannot be reached: ConnectError"
    ),
    "identity unreachable": Way(
        cutting("/identity"), "unreachable", INSTANCE, f"{MARKETO}/identity cannot be reached: ConnectError"
    ),
    "not available": Way(
        ordering("json_error:608", on="create"), "unreachable", INSTANCE, "API Temporarily Unavailable"
    ),
    "answers lost": Way(ordering("lost_response", on="create"), "lose", "attention", "(unconfirmed)"),
    "unconfirmed, until a person decides": Way(
        ordering("lost_response", once=True, on="create", wanted={"on_unconfirmed": "hold"}),
        "lose",
        "attention",
        "(unconfirmed)",
        frozenset({"attention unconfirmed"}),
    ),
    "window used up": Way(
        ordering("json_error:606", on="create"),
        "rate_limited",
        INSTANCE,
        "rate_limit",
        frozenset({"because rate_limit", "waits rate_limit"}),
    ),
    "too many calls at once": Way(
        ordering("json_error:615", on="create"),
        "rate_limited",
        INSTANCE,
        "rate_limit",
        frozenset({"because concurrency"}),
    ),
    "quota used up": Way(
        ordering("json_error:607", on="create"),
        "quota_used_up",
        INSTANCE,
        "daily_quota",
        frozenset({"because daily_quota", "waits daily_quota"}),
    ),
    "our share of the quota used up": Way(
        ordering("json_error:1019", on="create"),
        "quota_used_up",
        INSTANCE,
        "all 2 calls",
        knobs=instances({"daily_calls": 2}),
    ),
    "queue full of others' jobs": Way(
        fill_the_queue, "queue_full", INSTANCE, "queue_full", frozenset({"because queue_full", "waits slot"})
    ),
    "list busy": Way(
        ordering("json_error:1019", on="create", wanted={"list_id": 3}),
        "turn_away",
        "parts:default",
        "part 1 of import 1 (1019)",
        frozenset({"because list_busy"}),
    ),
    "a part turned away": Way(
        ordering("json_error:713", on="create"),
        "turn_away",
        "parts:default",
        "part 1 of import 1 (713)",
        frozenset({"because transient"}),
    ),
    "unknown at Marketo": Way(
        ordering("forget_batch", on="status"),
        "unknown_at_marketo",
        "attention",
        "1 (unknown_at_marketo)",
        frozenset({"attention unknown_at_marketo"}),
    ),
    "forgotten by Marketo": Way(
        after(ordering("forget_batch", on="status", wanted={"on_unconfirmed": "hold"}), HOUR),
        "forget",
        "attention",
        "1 (unconfirmed)",
        knobs={"poll_min_seconds": 60, "poll_max_seconds": 60},
    ),
    "questions without an answer": Way(
        ordering("html_200", on="status"), "unanswered", "parts:default", "part 1 of import 1 (no_answer)"
    ),
    "questions that hang": Way(
        ordering("lost_response", on="status"), "unanswered", "parts:default", "part 1 of import 1 (no_answer)"
    ),
    "stuck while importing": Way(
        after(ordering("stuck_importing"), 600),
        "stuck",
        "attention",
        "1 (stuck)",
        frozenset({"attention stuck"}),
        knobs={"stuck_seconds": 600},
    ),
    "stuck in the queue": Way(
        after(stand_behind_others, 600), "stuck", "attention", "1 (stuck)", knobs={"stuck_seconds": 600}
    ),
    "results late": Way(
        ordering("late_file", content=LEADS_WITH_TROUBLE, on="failures"),
        "results_late",
        "parts:default",
        "part 1 of import 1 (late_file)",
    ),
    "results refused": Way(
        ordering("json_error_on_file:1013", content=LEADS_WITH_TROUBLE, on="warnings"),
        "results_late",
        "parts:default",
        "part 1 of import 1 (1013)",
    ),
    "results missing": Way(
        after(ordering("late_file", content=LEADS_WITH_TROUBLE, on="failures"), 1.3 * HOUR),
        "collect",
        "attention",
        "1 (results_missing)",
        frozenset({"attention results_missing"}),
    ),
    "no worker": Way(give_up, "degraded", "worker:default", "no worker drives", goes_on=nobody_works),
    "a worker that died": Way(only_create, "degraded", "worker:default", "no sign of life", goes_on=nobody_works),
    "a step that fails": Way(
        fail_to_collect, "degraded", "ticks:default", "collect fails since", goes_on=tick_as_a_worker
    ),
    "a step that hangs": Way(
        hang_in_poll, "degraded", "ticks:default", "not done: poll", goes_on=live_without_poll
    ),
    "an importer without work": Way(
        only_create, "degraded", "flow:default", "an importer has been idle", goes_on=beat_without_submit
    ),
    "an instance that is not configured": Way(
        wait_for_the_unknown, "degraded", "instance:old", "not configured", knobs=instances({}, "old")
    ),
    "an endpoint of webhooks gone": Way(
        lose_an_endpoint, "degraded", "webhooks", "switched off: 1 of crm-sync (gone)"
    ),
    "backlog full": Way(fill_the_backlog, "degraded", "backlog", "1 of 1 parts waiting", knobs={"backlog_parts": 1}),
    "database's disk full": Way(
        running_out("database"),
        "degraded",
        "disk",
        " bytes free, 1,000 are the floor",
        knobs={"disk_floor_bytes": 1000},
        only_on="sqlite",
    ),
    "disk for forms full": Way(
        running_out("forms"), "degraded", "temporary_files", "999 bytes free", knobs={"disk_floor_bytes": 1000}
    ),
    "quota nearly used up": Way(
        use_up_the_calls, "degraded", "quota:default", "9 of 10 calls", knobs=instances({"daily_calls": 10})
    ),
    "the clock was set": Way(set_the_clock, "degraded", "clock", "was set forward by 3,600 s"),
    "retention in doubt": Way(be_set_forward_while_nothing_runs, "degraded", "retention", "erases nothing: 1 of 1"),
    "database connections used up": Way(
        use_up_the_connections, "degraded", "connections", "of 1 connections used", only_on="postgres"
    ),
}  # fmt: skip
IN_A_MOMENT = (
    "paused by a person",
    "unreachable, with nothing left to send",
    "answers lost",
    "queue full of others' jobs",
    "unknown at Marketo",
    "a worker that died",
    "a step that hangs",
    "an importer without work",
    "backlog full",
    "disk for forms full",
    "the clock was set",
)
"""For `make test`: some of what the worker, the monitor and the steps each tell of. `make endure` has the others."""
LAST_RESORTS = {"refuse", "fail", "separate"}
"""A part has come to its end, and nothing is kept from flowing; the log tells of it all the same."""


@dataclass
class Witness:
    """Sees what anybody could see from outside."""

    stage: Stage
    log: Log
    monitor: Monitor

    async def told(self, type_: str) -> bool:
        """Whether a history tells of it, whosever that is."""
        paths = [f"/v1/instances/{name}/events" for name in ("default", "old")]
        listed = (await self.stage.api.get("/v1/imports")).json()["items"]
        paths += [one["links"]["events"] for one in listed]
        histories = [(await self.stage.api.get(path, params={"page_size": 200})).json() for path in paths]
        events = [event for history in histories for event in history.get("items", ())]
        return any(event["type"] == type_ and self._counts(event) for event in events)

    def _counts(self, event: dict[str, Any]) -> bool:
        return event["type"] != "collect" or event["data"].get("results_missing") is True

    def is_logged(self, type_: str) -> bool:
        return any(line["level"] == "warning" for line in self.log.lines(type_))

    async def status(self) -> dict[str, Any]:
        return dict((await self.stage.api.get("/v1/status")).json())


@asynccontextmanager
async def witnessed(way: Way, database_url: str, clock: SteppedClock, log: Log) -> AsyncIterator[Witness]:
    async with staged(database_url, clock, **way.knobs) as stage:
        yield Witness(stage, log, stage.container.reports.monitor)


def named(status: dict[str, Any], way: Way) -> bool:
    """Whether the status gives the reason."""
    found = {one["name"]: one for one in status["checks"]}.get(way.check, {"status": "ok"})
    return found["status"] != "ok" and way.says in found["detail"]


@pytest.mark.usefixtures("disks")
@pytest.mark.parametrize("name", chosen(WAYS, *IN_A_MOMENT))
async def test_NO_SILENCE_whatever_stops_the_work_is_told_within_a_minute(
    database_url: str, clock: SteppedClock, log: Log, name: str
):
    """An event, a line at `warning` and a reason in the status; and the verdict is never ok beside it."""
    way = WAYS[name]
    if not database_url.startswith(way.only_on):
        return
    async with witnessed(way, database_url, clock, log) as witness:
        await way.stop(witness.stage)
        began, told_at = clock(), None
        while clock() - began <= timedelta(seconds=1.5 * MINUTE):
            await way.goes_on(witness.stage)
            await witness.monitor.look()
            status = await witness.status()
            if told_at is None and named(status, way) and witness.is_logged(way.told) and await witness.told(way.told):
                told_at = clock()
            if told_at is not None or status["status"] != "ok":
                assert status["status"] != "ok", f"ok {(clock() - began).total_seconds()} s after it was told"
            clock.step(STEP_SECONDS)
        failing = [one for one in status["checks"] if one["status"] != "ok"]
        assert told_at is not None, f"{failing}\n{[line['event'] for line in log.lines() if line['level'] != 'info']}"
        assert told_at - began <= timedelta(seconds=MINUTE), told_at - began


async def test_NO_SILENCE_a_database_of_another_schema_is_told_in_the_log_and_the_status_and_then_in_the_history(
    database_url: str, clock: SteppedClock, log: Log
):
    """Nothing can be written into it meanwhile; once it can be worked with again, the history says since when not."""
    async with staged(database_url, clock) as stage:
        witness = Witness(stage, log, stage.container.reports.monitor)
        await witness.monitor.look()
        await lose_the_schema(stage)
        clock.step(10)
        await witness.monitor.look()
        assert (await witness.status())["status"] == "down"
        (line,) = log.lines("check failed")
        assert (line["level"], line["check"]) == ("warning", "database")
        assert "sluice migrate" in line["detail"]
        async with stage.container.db.write() as tx:
            await tx.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{migrations.head()}'")
        clock.step(10)
        await witness.monitor.look()
        history = (await stage.api.get("/v1/instances/default/events")).json()["items"]
        assert [(one["type"], one["data"]["what"]) for one in history] == [("recovered", "database")]
        assert history[0]["data"]["since"] == "2026-11-04T12:00:10.000Z"
        assert (await witness.status())["status"] == "ok"


def test_NO_SILENCE_every_way_that_the_service_knows_is_tried():
    """A new word for why work stops, a new check or a new warning without a row above is red."""
    covered = frozenset().union(*(way.covers for way in WAYS.values()))
    known = {f"because {word}" for word in RejectionReason}
    known |= {f"condition {word}" for word in InstanceState if word != "running"}
    known |= {f"attention {word}" for word in AttentionCode}
    known |= {f"waits {word}" for word in WaitingFor if word not in {"not_before", "same_records", "review"}}
    assert covered == known
    assert {str(word) for word in WARNED} - LAST_RESORTS == {way.told for way in WAYS.values()} - {"collect"}


async def test_NO_SILENCE_every_check_of_the_status_is_seen_to_fail(database_url: str, clock: SteppedClock):
    """One that never fails in any row tells nothing."""
    async with staged(database_url, clock) as stage:
        there = {one["name"] for one in (await stage.api.get("/v1/status")).json()["checks"]}
    assert there <= {way.check for way in WAYS.values()} | {"database"}


async def test_NO_SILENCE_the_history_of_what_the_checks_see_is_told_once_whoever_looks(
    database_url: str, clock: SteppedClock, log: Log
):
    """Two processes look again and again; it begins once, and it ends once."""
    async with staged(database_url, clock) as stage:
        monitors = [stage.container.reports.monitor, replace(stage.container.reports.monitor, _failing={})]

        async def look() -> None:
            for _ in range(3):
                clock.step(10)
                for monitor in monitors:
                    await monitor.look()

        await look()
        await stage.leases.give_up("default", stage.instance_worker)
        await look()
        await stage.take_lease()
        clock.step(-25)
        await look()
        history = (await stage.api.get("/v1/instances/default/events")).json()["items"]
        assert [one["type"] for one in history] == ["degraded", "recovered"]
        assert history[0]["data"] == {
            "check": "worker:default",
            "status": "down",
            "detail": "no worker drives this instance",
        }
        assert (history[1]["data"]["what"], history[1]["data"]["since"]) == ("worker:default", history[0]["at"])
        assert [line["check"] for line in log.lines("check failed")] == ["worker:default"] * 2
        assert [line["check"] for line in log.lines("check passed")] == ["worker:default"] * 2
