"""Trouble that lasts: what everything waits for, what a caller is told meanwhile, and that it goes on by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.simulator import Fault, Rules
from app.simulator.faults import FAULTS
from app.store.tables import event
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.story.test_faults import CELLS, STEPS, fault, source_rows, tell
from tests.support.clock import SteppedClock
from tests.support.outcomes import Hang, check_the_simulators_report, follow
from tests.support.serving import serving
from tests.support.stage import Stage, stage_settings, staged
from tests.support.tiers import chosen, endured

MIDNIGHT = datetime(2026, 11, 5, 6, tzinfo=UTC)  # in Chicago; the stage's clock begins at noon UTC the day before


async def instance(stage: Stage) -> dict[str, Any]:
    return dict((await stage.api.get("/v1/instances/default")).json())


@pytest.mark.parametrize("whose", ["everybody's", "ours"])
async def test_a_used_up_daily_quota_lets_everything_wait_for_midnight_in_chicago(
    database_url: str, clock: SteppedClock, whose: str
):
    """607, or our own share of the calls: no attempt is counted, and not a call is made before."""
    rules = Rules(daily_calls=1 if whose == "everybody's" else 50_000)
    configured = stage_settings(database_url).instances["default"].model_dump()
    knobs = configured | ({"daily_calls": 1} if whose == "ours" else {})
    async with staged(database_url, clock, rules=rules, instances={"default": knobs}) as stage:
        there = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
        here = await stage.created(leads(3), preflight="off")
        stage.clock.step(1)
        while stage.clock() < MIDNIGHT - timedelta(hours=1):
            await stage.beat()
            assert (await stage.parts(there))[0]["state"] == "queued"
            stage.clock.step(3000)
        (part,) = await stage.parts(here)
        assert (part["state"], part["waiting_for"], part["attempts"]) == ("waiting", "daily_quota", 0)
        told = await instance(stage)
        assert (told["state"], told["until"]) == ("backing_off", "2026-11-05T06:00:00.000Z")
        calls = stage.simulator.report()["calls"]
        assert calls["create"] + calls.get("status", 0) <= 3, "one was taken, and each kind was refused once at most"
        if whose == "ours":
            assert calls["create"] == 1
            stage.clock.at = MIDNIGHT + timedelta(seconds=1)
            await stage.beat()
            calls = stage.simulator.report()["calls"]
            assert calls["create"] + calls.get("status", 0) == 2, "the next day's one call"
            return
        stage.simulator._limits.rules = replace(rules, daily_calls=100)  # as on the next day
        await follow(stage, there, here, for_seconds=7200)
        ended = [(await stage.read(import_id))["finished_at"] for import_id in (there, here)]
        assert all(datetime.fromisoformat(at) >= MIDNIGHT for at in ended)


async def test_wrong_credentials_block_the_instance_and_say_why_until_they_are_mended(
    database_url: str, clock: SteppedClock
):
    """What is at Marketo stays there, what waits here waits, nothing is counted; nobody has to press anything."""
    async with staged(database_url, clock, rules=Rules(job_seconds=4000)) as stage:
        there = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
        await stage.beat()
        tokens = stage.simulator._marketo.tokens
        right = tokens.rules
        tokens.rules = replace(right, client_secret="another one")
        stage.clock.step(3600)  # the token dies
        here = await stage.created(leads(3), preflight="off")
        for _ in range(8):
            await stage.beat()
            stage.clock.step(150)
        for import_id in (there, here):
            attention = (await stage.read(import_id))["attention"]
            assert attention["code"] == "instance_blocked"
            assert "Bad client credentials" in attention["message"]
        (part,) = await stage.parts(here)
        assert (part["state"], part["waiting_for"], part["attempts"]) == ("waiting", "instance_blocked", 0)
        assert (await instance(stage))["state"] == "blocked"
        assert "Bad client credentials" in (await instance(stage))["reason"]
        await stage.beat()
        assert (await stage.api.get("/v1/status")).json()["status"] == "degraded"
        assert len(stage.posted) == 1
        assert stage.simulator.report()["calls"]["identity"] <= 45, "now and then, not all the time"
        tokens.rules = right
        seen = await follow(stage, there, here, for_seconds=6000)
        assert all(each.seconds is not None for each in seen)
        assert (await instance(stage))["state"] == "running"
        assert [(await stage.read(import_id))["attention"] for import_id in (there, here)] == [None, None]
        assert len(stage.posted) == 2
        async with stage.container.db.read() as tx:
            history = (await tx.execute(select(event.c.type).where(event.c.import_id.is_(None)))).scalars().all()
        assert [type_ for type_ in history if "blocked" in type_] == ["blocked", "unblocked"]


@pytest.mark.parametrize(
    ("code", "step"),
    chosen(product(("600", "603"), ("status", "failures", "warnings")), ("600", "status"), ("603", "failures")),
)
async def test_a_block_that_a_question_met_is_over_with_the_next_answer(
    database_url: str, clock: SteppedClock, code: str, step: str
):
    """Though nothing is left to be submitted: the instance does not stay blocked for want of a proof."""
    async with staged(database_url, clock) as stage:
        stage.simulator.order(Fault(f"json_error:{code}", on=step, times=3))
        import_id = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
        (seen,) = await follow(stage, import_id, for_seconds=3600)
        assert seen.attention == {"instance_blocked"}
        assert (await stage.read(import_id))["status"] == "complete"
        assert (await instance(stage))["state"] == "running"


async def test_missing_rights_to_submit_are_not_there_because_a_question_was_answered(
    database_url: str, clock: SteppedClock
):
    """603 to a submission, while another import is asked about with success: blocked until a submission passes."""
    async with staged(database_url, clock, rules=Rules(job_seconds=200)) as stage:
        there = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
        await stage.beat()
        stage.simulator.order(Fault("json_error:603", on="create", once=False))
        here = await stage.created(leads(3), preflight="off")
        await follow(stage, there, for_seconds=1000)
        assert (await stage.read(there))["status"] == "complete"
        assert (await instance(stage))["state"] == "blocked"
        stage.simulator.call_off()
        await follow(stage, here, for_seconds=1000)
        assert (await stage.read(here))["status"] == "complete"
        assert (await instance(stage))["state"] == "running"


async def test_a_list_that_others_import_to_is_waited_for(database_url: str, clock: SteppedClock):
    """1019 five times: no attempt is counted, and an import into no list flows past."""
    async with staged(database_url, clock) as stage:
        stage.simulator.order(Fault("json_error:1019", on="create", times=5))
        listed = await stage.created(LEADS_WITH_TROUBLE, list_id=3, preflight="off")
        await stage.beat()
        free = await stage.created(leads(3), preflight="off")
        seen, past = await follow(stage, listed, free, for_seconds=3600)
        (part,) = await stage.parts(listed)
        assert (part["state"], part["attempts"]) == ("complete", 1)
        assert seen.waiting_for == {"retry"}
        assert seen.attention == set()
        assert past.seconds is not None
        assert len(stage.posted) == 7


@pytest.mark.parametrize(
    ("wrong", "state"),
    [
        ({"name": "stuck_importing"}, "importing"),
        *map(
            endured,
            (
                ({"name": "slow_queue", "seconds": 2000.0}, "queued"),
                ({"name": "html_200", "on": "status", "once": False}, "queued"),
                ({"name": "html_200", "on": "failures", "once": False}, "collecting"),
            ),
        ),
    ],
)
async def test_what_does_not_get_on_at_marketo_is_stuck_after_the_set_time(
    database_url: str, clock: SteppedClock, wrong: dict[str, Any], state: str
):
    """Working for ever, waiting for ever, or never a word of it: a person should look; not before the time."""
    async with staged(database_url, clock, stuck_seconds=600) as stage:
        stage.simulator.order(Fault(**wrong))
        import_id = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
        began = stage.clock()
        await follow(stage, import_id, for_seconds=540)
        stage.clock.at = began + timedelta(seconds=590)
        early = (await stage.read(import_id))["attention"]
        assert (early and early["code"]) == ("results_missing" if state == "collecting" else None)
        stage.clock.step(60)
        assert (await stage.parts(import_id))[0]["state"] == state
        assert (await stage.read(import_id))["attention"]["code"] == "stuck"
        listed = (await stage.api.get("/v1/imports", params={"attention": "true"})).json()["items"]
        assert [one["id"] for one in listed] == [import_id]
        if state != "importing":
            stage.simulator.call_off()
            await follow(stage, import_id, for_seconds=6000)
            told = await stage.read(import_id)
            assert (told["status"], told["attention"]) == ("complete", None)


LASTING_FILE_FAULTS = {  # kind: how long it is asked for, in seconds; and how many calls for the file at most
    "late_file": (3600, 40),
    "garbled_file": (3600, 40),
    "json_error_on_file": (7 * 86_400, 2100),
}


@pytest.mark.parametrize(
    ("kind", "step"), chosen(product(LASTING_FILE_FAULTS, ("failures", "warnings")), ("late_file", "failures"))
)
async def test_a_result_file_that_never_comes_well_is_said_to_be_missing(
    database_url: str, clock: SteppedClock, kind: str, step: str
):
    """Late or garbled for an hour, an error for a week; meanwhile it is asked for less and less often."""
    seconds, calls = LASTING_FILE_FAULTS[kind]
    async with staged(database_url, clock) as stage:
        stage.simulator.order(Fault(kind, on=step, once=False))
        import_id = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
        began = stage.clock()
        await follow(stage, import_id, for_seconds=10 * 86_400)
        told = await stage.read(import_id)
        assert (told["status"], told["attention"]["code"]) == ("complete", "results_missing")
        assert told["rows"] == {"total": 5, "imported": 3, "failed": 2, "warned": 1, "pending": 0}
        assert seconds <= (stage.clock() - began).total_seconds() <= 1.3 * seconds + 60
        assert stage.simulator.report()["calls"][step] <= calls
        can_be_read = (2,) if (kind, step) == ("garbled_file", "failures") else ()
        kept = {"failures": (2, 4), "warnings": (3,)} | {step: can_be_read}
        for name, rows in kept.items():
            if kind != "json_error_on_file" or name == step:  # after a week Marketo has forgotten the other one too
                assert await source_rows(stage, import_id, name) == rows


@pytest.mark.parametrize(
    ("recut", "rows"),
    [
        (lambda lines: lines[:-1], (2,)),
        (lambda lines: [*lines, b"eve@example.com,E,,,x"], (2, 4, 5)),
    ],
)
async def test_a_failures_file_that_disagrees_with_the_counts_is_kept_and_said(
    database_url: str, clock: SteppedClock, recut: Callable[[list[bytes]], list[bytes]], rows: tuple[int | None, ...]
):
    """A row too few, or one too many: Marketo's counts stay, what is known is shown, and a person should look."""

    async def spoil(request: httpx.Request, response: httpx.Response) -> None:
        if request.url.path.endswith("failures.json"):
            response._content = b"\n".join([*recut((await response.aread()).splitlines()), b""])
            response.headers["content-length"] = str(len(response._content))

    async with staged(database_url, clock) as stage:
        stage.transport.after_request = spoil
        import_id = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
        await follow(stage, import_id, for_seconds=600)
        told = await stage.read(import_id)
        assert (told["status"], told["attention"]["code"]) == ("complete", "results_missing")
        assert (told["rows"]["imported"], told["rows"]["failed"]) == (3, 2)
        assert sorted(await source_rows(stage, import_id, "failures"), key=str) == sorted(rows, key=str)


@pytest.mark.parametrize("kind", chosen(["lost_response", "html_502", "hang", "token_dies"], "hang"))
async def test_half_an_hour_in_which_every_call_goes_wrong_ends_well(database_url: str, clock: SteppedClock, kind: str):
    """One import is at Marketo when it begins, one is being collected, and one comes in its midst."""
    async with staged(database_url, clock, hang=Hang(clock)) as stage:
        contents = {}
        for n in range(2):
            content = LEADS_WITH_TROUBLE.replace(b"@", b"%d@" % n)
            contents[await stage.created(content, preflight="off")] = content
            await stage.instance_worker.submit.run_once(stage.lease)
            stage.clock.step(3)
        await stage.instance_worker.poll.run_once(stage.lease)
        stage.simulator.order(replace(fault(kind, "any"), once=False))
        contents[await stage.created(leads(3, start=50), preflight="off")] = leads(3, start=50)
        await follow(stage, *contents, for_seconds=1800)
        stage.simulator.call_off()
        seen = await follow(stage, *contents, for_seconds=10_000)
        assert all(each.seconds is not None for each in seen)
        for import_id in contents:
            told = await stage.read(import_id)
            assert (told["status"], told["rows"]["imported"], told["attention"]) == ("complete", 3, None)
        assert (await instance(stage))["state"] == "running"
        await check_the_simulators_report(stage, contents)


@pytest.mark.endure
async def test_a_storm_of_all_faults_with_more_work_than_slots(database_url: str, clock: SteppedClock):
    """Each fault strikes one call in twenty, by a seeded chance; twelve imports go through it, and it ends well."""
    async with staged(database_url, clock, rules=Rules(seed=4, job_seconds=20), hang=Hang(clock)) as stage:
        for kind, (_, places) in FAULTS.items():
            if kind not in {"stuck_importing", "job_failed", "all_failed", "failed_in_answer", "missing_file"}:
                for place in [place for place in places if place != "any"]:
                    stage.simulator.order(replace(fault(kind, place), once=False, probability=0.05))
        contents = {}
        for n in range(12):
            content = LEADS_WITH_TROUBLE.replace(b"@", b"%d@" % n).replace(b"not-an-address", b"not-an-address-%d" % n)
            contents[await stage.created(content, preflight="off")] = content
        await follow(stage, *contents, for_seconds=900)
        stage.simulator.call_off()
        seen = await follow(stage, *contents, for_seconds=30_000)
        assert all(each.seconds is not None for each in seen)
        struck = {note["fault"].partition(":")[0] for note in stage.simulator.report()["mischief"]}
        assert len(struck) >= 12, "or it was no storm"
        for import_id in contents:
            told = await stage.read(import_id)
            assert told["status"] == "complete"
            assert told["rows"]["failed"] == 2
        await check_the_simulators_report(stage, contents)


CUT = ("lost_response", "lost_request", "half_body")


@pytest.mark.parametrize("steps", [("create",), endured((STEPS,), both=True)], ids=str)
async def test_connections_that_really_break_end_as_the_table_says(
    database_url: str, clock: SteppedClock, steps: Sequence[str]
):
    """The same cells over a socket: the transport of these tests plays a broken connection as it is."""
    async with staged(database_url, clock) as stage:
        with serving(stage.simulator) as url:
            stage.transport.go_over(url)
            files: Mapping[int, bytes] = {}
            for kind in CUT:
                for step in steps:
                    stage.clock.step(3600)  # the token dies
                    files = await tell(stage, fault(kind, step), CELLS[kind, step], files)
