"""/v1/instances: what is told of an instance, to whom, and its history."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.domain.api_keys import Scope
from app.simulator import Fault, Rules
from tests.api.problem_answers import is_problem
from tests.api.test_api_keys import bearing, key
from tests.story.files import LEADS, leads
from tests.story.test_standstill import change_secret
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.stage import MARKETO, Stage, staged

__all__ = ["log"]


@pytest.fixture
async def keyed(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A stage that asks for keys."""
    async with staged(database_url, clock, auth="on") as found:
        yield found


async def history(stage: Stage, name: str = "default", **query: Any) -> list[dict[str, Any]]:
    answer = await stage.api.get(f"/v1/instances/{name}/events", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_paused_instance_says_who_paused_it_since_when_and_why(keyed: Stage):
    """Whoever pauses it once more has the last word, and it has been paused since the first; resumed, nobody has."""
    ann, bob = await key(keyed, Scope.OPERATE, client="ann"), await key(keyed, Scope.OPERATE, client="bob")

    async def paused() -> Any:
        body = (await keyed.api.get("/v1/instances/default", headers=bearing(ann))).json()
        assert (body["state"] == "paused") == (body["paused"] is not None)
        return body["paused"]

    assert await paused() is None
    await keyed.api.post("/v1/instances/default/pause", headers=bearing(ann), json={"reason": "a release"})
    assert await paused() == {"by": "ann", "since": "2026-11-04T12:00:00.000Z", "reason": "a release"}
    keyed.clock.step(60)
    await keyed.api.post("/v1/instances/default/pause", headers=bearing(bob))
    assert await paused() == {"by": "bob", "since": "2026-11-04T12:00:00.000Z", "reason": None}
    await keyed.api.post("/v1/instances/default/resume", headers=bearing(bob))
    assert await paused() is None


async def test_the_history_of_an_instance_tells_who_did_what_and_when(stage: Stage):
    """Pauses with their reasons, and blocks; none of what came to pass with an import."""
    await stage.api.post("/v1/instances/default/pause", json={"reason": "a release"})
    stage.clock.step(60)
    await stage.api.post("/v1/instances/default/resume")
    stage.simulator.order(Fault("json_error:603", on="create"))
    await stage.created(LEADS)
    await stage.run(seconds=60)
    answer = await history(stage)
    assert [item["type"] for item in answer] == ["paused", "resumed", "blocked", "unblocked"]
    assert answer[0] == {
        "id": answer[0]["id"],
        "at": "2026-11-04T12:00:00.000Z",
        "type": "paused",
        "part": None,
        "data": {"by": "local", "reason": "a release"},
    }
    assert "Access denied" in answer[2]["data"]["reason"]


async def test_the_history_of_an_instance_comes_in_pages(stage: Stage):
    """As an import's: oldest first, each event once, and a token while there is more."""
    for _ in range(3):
        await stage.api.post("/v1/instances/default/pause")
        await stage.api.post("/v1/instances/default/resume")
    whole = await history(stage)
    assert [item["id"] for item in whole] == sorted(item["id"] for item in whole)
    paged, token = [], {}
    while True:
        answer = (await stage.api.get("/v1/instances/default/events", params={"page_size": 4} | token)).json()
        paged += answer["items"]
        if answer["next_page_token"] is None:
            break
        token = {"page_token": answer["next_page_token"]}
    assert paged == whole
    assert len(whole) == 6
    for wrong in ({"page_size": 0}, {"page_token": "x"}, {"type": "paused"}):
        assert (await stage.api.get("/v1/instances/default/events", params=wrong)).status_code == 422


async def test_an_instance_that_there_is_not_has_no_history(stage: Stage):
    """Its name may be written in either case."""
    answer = await stage.api.get("/v1/instances/nope/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await stage.api.get("/v1/instances/DEFAULT/events")).json() == {"items": [], "next_page_token": None}


def refuse_connections(stage: Stage) -> None:
    watch = stage.transport.before_request
    assert watch is not None

    def refuse(request: httpx.Request) -> None:
        watch(request)
        raise httpx.ConnectError("All connection attempts failed", request=request) from ConnectionRefusedError(
            111, "Connect call failed"
        )

    stage.transport.before_request = refuse


async def test_an_instance_that_cannot_be_reached_says_what_failed_and_so_do_its_parts_and_the_log(
    stage: Stage, log: Log
):
    """Which host, which call, which error: `turn_away because: unavailable` helped nobody."""
    refuse_connections(stage)
    import_id = await stage.created(LEADS, preflight="off")
    await stage.beat()
    said = (
        f"{MARKETO}/identity cannot be reached: ConnectError: All connection attempts failed: "
        "[Errno 111] Connect call failed"
    )
    body = (await stage.api.get("/v1/instances/default")).json()
    assert body["last_error"] == {
        "at": "2026-11-04T12:00:00.000Z",
        "call": "identity",
        "code": "unavailable",
        "message": said,
    }
    assert (body["state"], body["reason"]) == ("backing_off", f"retry: {said}")
    (part,) = await stage.parts(import_id)
    assert part["last_error"] == {"code": "unavailable", "message": said, "at": "2026-11-04T12:00:00.000Z"}
    assert part["next_attempt_at"] is not None
    for name in ("turn_away", "unreachable"):
        (line,) = log.lines(name)
        assert (line["level"], line["call"], line["error"]) == ("warning", "identity", said)
    (event,) = await history(stage)
    assert event["data"] == {"call": "identity", "code": "unavailable", "reason": said}


async def test_what_was_met_is_kept_when_it_is_over_and_erased_with_the_import(stage: Stage):
    """`at` tells that it was before; `DELETE` takes Marketo's words away, and leaves the code."""
    stage.simulator.order(Fault("json_error:713", on="create", message="Transient Error about canary@example.com"))
    import_id = await stage.created(LEADS, preflight="off")
    await stage.run()
    (part,) = await stage.parts(import_id)
    assert (part["state"], part["next_attempt_at"]) == ("complete", None)
    assert part["last_error"]["code"] == "713"
    assert "canary" in part["last_error"]["message"]
    assert (await stage.api.delete(f"/v1/imports/{import_id}")).status_code == 204
    answer = await stage.api.get(f"/v1/imports/{import_id}/parts")
    assert answer.json()["items"][0]["last_error"]["code"] == "713"
    assert "canary" not in answer.text
    told = (await stage.api.get("/v1/instances/default")).json()["last_error"]
    assert (told["code"], told["message"]) == ("713", "a part was turned away: transient")


async def test_refused_credentials_are_a_warning_with_their_reason_and_no_secret(stage: Stage, log: Log):
    """The log said `blocked`, and not why."""
    change_secret(stage, "another")
    await stage.created(LEADS, preflight="off")
    await stage.beat()
    (line,) = log.lines("blocked")
    assert (line["level"], line["call"], line["code"]) == ("warning", "identity", "401")
    assert "Bad client credentials" in line["error"]
    assert Rules().client_secret not in log.text
    body = (await stage.api.get("/v1/instances/default")).json()
    assert (body["last_error"]["call"], body["last_error"]["code"]) == ("identity", "401")


async def test_an_outage_is_told_once_when_it_begins_and_once_when_it_is_over(stage: Stage):
    """However many tries there are in between."""
    stage.simulator.order(Fault("json_error:608", on="create", times=5))
    await stage.created(LEADS, preflight="off")
    await stage.run(seconds=5)
    answer = await history(stage)
    assert [item["type"] for item in answer] == ["unreachable", "recovered"]
    assert answer[1]["data"] == {"what": "unreachable", "since": answer[0]["at"]}
    assert (await stage.api.get("/v1/instances/default")).json()["state"] == "running"


async def test_an_answer_to_a_question_does_not_end_what_submissions_meet(stage: Stage):
    """Marketo answers questions and takes no files: between two tries the instance is backing off all the same."""
    await stage.created(LEADS, preflight="off")
    await stage.beat()
    stage.simulator.order(Fault("json_error:608", on="create", once=False))
    await stage.created(leads(3), preflight="off")
    for _ in range(20):
        stage.clock.step(6)
        await stage.beat()
        assert (await stage.api.get("/v1/instances/default")).json()["state"] == "backing_off"
    assert [item["type"] for item in await history(stage)] == ["unreachable"]
    stage.simulator.call_off()
    await stage.run(seconds=60)
    assert [item["type"] for item in await history(stage)] == ["unreachable", "recovered"]


async def test_a_key_that_may_only_submit_is_shown_how_an_instance_is_and_nothing_else(keyed: Stage):
    """So that a caller learns why its imports wait: name, state, reason, until. Whoever may read sees all."""
    submit, read = await key(keyed, Scope.SUBMIT), await key(keyed, Scope.READ)
    operate = await key(keyed, Scope.OPERATE)
    await keyed.api.post("/v1/instances/default/pause", headers=bearing(operate), json={"reason": "a release"})
    brief = {"name": "default", "state": "paused", "reason": "a release", "until": None}
    assert (await keyed.api.get("/v1/instances/default", headers=bearing(submit))).json() == brief
    assert (await keyed.api.get("/v1/instances", headers=bearing(submit))).json() == {
        "items": [brief],
        "next_page_token": None,
    }
    assert (await keyed.api.get("/v1/instances/nope", headers=bearing(submit))).status_code == 404
    for written in (read, operate, await key(keyed, Scope.SUBMIT, Scope.READ)):
        whole = (await keyed.api.get("/v1/instances/default", headers=bearing(written))).json()
        assert whole.keys() > brief.keys()
        assert (await keyed.api.get("/v1/instances", headers=bearing(written))).json()["items"] == [whole]
    assert (await keyed.api.get("/v1/instances/default/events", headers=bearing(submit))).status_code == 403


async def test_a_pause_reason_is_one_that_can_be_kept(stage: Stage):
    """422, not a database's error."""
    answer = await stage.api.post("/v1/instances/default/pause", json={"reason": "a\0b"})
    is_problem(answer, 422, "invalid_parameter")


async def test_an_instance_is_found_by_its_name_in_either_case(stage: Stage):
    """As an upload finds it."""
    for method, path in (("GET", ""), ("POST", "/pause"), ("POST", "/resume")):
        answer = await stage.api.request(method, f"/v1/instances/Default{path}")
        assert (answer.status_code, answer.json()["name"]) == (200, "default")


async def test_an_instance_shows_its_slots_calls_and_worker(stage: Stage):
    """As the contract has it."""
    await stage.created(LEADS)
    await stage.instance_worker.submit.run_once(stage.lease)
    await stage.created(leads(3))
    body = (await stage.api.get("/v1/instances/default")).json()
    assert body["limits"] == {"importing": 2, "queued": 10}
    assert body["slots"] == {"used": 1, "importing": 0, "queued": 1, "unconfirmed": 0}
    assert body["waiting"]["parts"] == 1
    assert body["waiting"]["rows"] == 3
    assert body["calls"]["quota"] == 50000
    assert body["calls"]["window_limit"] == 50
    assert body["worker"]["id"] == "the worker"
    assert body["state"] == "running"


JOB_FIELDS = {
    "id", "batch_id", "state", "object_type", "rows", "bytes", "parts", "imports", "imported", "failed", "warned",
    "message", "attempts", "submitted_at", "started_at", "finished_at", "estimated_finish_at",
}  # fmt: skip


async def test_the_jobs_of_an_instance_are_what_marketo_has_of_ours_and_what_has_ended(
    database_url: str, clock: SteppedClock
):
    """Each once, however many imports have rows in it, with Marketo's counts for all of them together."""
    async with staged(database_url, clock, bundle_seconds=20) as stage:
        await stage.created(leads(3))
        await stage.beat()
        for n in range(1, 6):
            await stage.created(leads(2, start=100 * n))
        await stage.run()
        found = (await stage.api.get("/v1/instances/default/jobs")).json()
        assert found["next_page_token"] is None
        newest, oldest = found["items"]
        assert newest.keys() == JOB_FIELDS
        assert (newest["parts"], newest["imports"], newest["rows"]) == (5, 5, 10)
        assert (newest["imported"], newest["failed"], newest["warned"]) == (10, 0, 0)
        assert (newest["state"], newest["object_type"], newest["attempts"]) == ("complete", "lead", 1)
        assert (oldest["parts"], oldest["imports"], oldest["rows"]) == (1, 1, 3)
        assert [newest["batch_id"], oldest["batch_id"]] == [
            job["batch_id"] for job in reversed(stage.simulator.report()["jobs"])
        ]
        assert newest["submitted_at"] <= newest["started_at"] <= newest["finished_at"]
        assert "succeeded" in newest["message"]


async def test_jobs_come_in_pages_and_by_their_state(stage: Stage):
    """Newest first, each once; a state may be written in either case, and one that there is not is refused."""
    for n in range(5):
        await stage.created(leads(1, start=10 * n))
        await stage.run()
    stage.simulator.order(Fault("job_failed", on="create"))
    await stage.created(leads(1, start=90))
    await stage.run()
    path = "/v1/instances/Default/jobs"
    whole = (await stage.api.get(path)).json()["items"]
    assert [job["id"] for job in whole] == sorted((job["id"] for job in whole), reverse=True)
    assert len(whole) == 6
    paged, token = [], {}
    while True:
        answer = (await stage.api.get(path, params={"page_size": 4} | token)).json()
        paged += answer["items"]
        if answer["next_page_token"] is None:
            break
        token = {"page_token": answer["next_page_token"]}
    assert paged == whole
    assert (await stage.api.get(path, params={"state": "FAILED"})).json()["items"] == whole[:1]
    assert (await stage.api.get(path, params={"state": "complete"})).json()["items"] == whole[1:]
    assert (await stage.api.get(path, params={"state": "over"})).json()["items"] == []
    for wrong in ({"page_size": 0}, {"page_token": "x"}, {"state": "waiting"}, {"status": "failed"}):
        is_problem(await stage.api.get(path, params=wrong), 422, "invalid_parameter")
    is_problem(await stage.api.get("/v1/instances/nope/jobs"), 404, "not_found")
