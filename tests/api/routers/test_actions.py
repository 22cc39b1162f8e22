"""What people ask for, over HTTP."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.domain.api_keys import Scope
from app.simulator import Fault
from tests.api.problem_answers import is_problem
from tests.api.test_api_keys import bearing, key
from tests.story.files import LEADS, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


@pytest.mark.parametrize("path", ["/v1/imports/1/cancel", "/v1/imports/1/parts/1/resolve"])
async def test_what_comes_too_late_is_a_wrong_state(stage: Stage, path: str):
    """A finished import is not cancelled, and a part that is confirmed is not decided."""
    await stage.created(LEADS)
    await stage.run()
    body = {"json": {"outcome": "resubmit"}} if path.endswith("resolve") else {}
    is_problem(await stage.api.post(path, **body), 409, "wrong_state")


async def test_a_retry_takes_no_corrected_file(stage: Stage):
    """It would be passed over; where it goes is said."""
    import_id = await stage.created(LEADS)
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry", content=LEADS)
    assert "retry-failures" in is_problem(answer, 422, "invalid_parameter")["detail"]
    assert (await stage.api.post(f"/v1/imports/{import_id}/retry")).status_code == 202


@pytest.mark.parametrize("resolution", [{"outcome": "give_up"}, {"outcome": "resubmit"}])
async def test_a_decision_says_for_which_other_imports_it_went(
    database_url: str, clock: SteppedClock, resolution: dict[str, object]
):
    """Whose rows are in the same job at Marketo, whichever client's they are; the histories say who decided."""
    async with staged(database_url, clock, bundle_seconds=20, auth="on") as stage:
        desk = bearing(await key(stage, Scope.OPERATE, client="desk"))
        made = []
        for n, client in enumerate(["ann", "bob", "ann", "bob"]):
            headers = bearing(await key(stage, Scope.SUBMIT, client=client))
            parameters = {"on_unconfirmed": "hold"}
            answer = await stage.api.post(
                "/v1/imports", content=leads(2, start=100 * n), params=parameters, headers=headers
            )
            made.append(answer.json()["id"])
            if n == 0:
                await stage.beat()
                stage.simulator.order(Fault("lost_request", on="create"))
        await stage.run(until=lambda: _are(stage, made[1:], "unconfirmed", desk))
        path = f"/v1/imports/{made[2]}/parts/1/resolve"
        answer = await stage.api.post(path, json=resolution, headers=desk)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["id"], told["bundled_imports"]) == (made[2], [made[1], made[3]])
        assert told["status"] == ("failed" if resolution["outcome"] == "give_up" else "queued")
        assert answer.headers["Location"] == f"/v1/imports/{made[2]}"
        for import_id in made[1:]:
            history = (await stage.api.get(f"/v1/imports/{import_id}/events", headers=desk)).json()["items"]
            (decision,) = [event for event in history if event["type"] == resolution["outcome"]]
            assert decision["data"] == {"by": "desk"}


async def _are(stage: Stage, import_ids: list[int], state: str, headers: dict[str, str]) -> bool:
    pages = [await stage.api.get(f"/v1/imports/{number}/parts", headers=headers) for number in import_ids]
    return {part["state"] for page in pages for part in page.json()["items"]} == {state}


@pytest.mark.parametrize("wrong", [{"outcome": "give_up", "batch_id": 3404}, {"outcome": "forget"}, {}])
async def test_a_resolution_that_says_no_such_thing_is_refused(stage: Stage, wrong: dict[str, object]):
    """Nothing is decided by it."""
    import_id = await stage.created(LEADS)
    await stage.beat()
    is_problem(await stage.api.post(f"/v1/imports/{import_id}/parts/1/resolve", json=wrong), 422, "invalid_parameter")
    assert (await stage.parts(import_id))[0]["state"] == "queued"


async def test_what_marketo_says_of_a_job_that_was_given_up_changes_nothing(stage: Stage):
    """Its rows arrive, and nobody here counts them; the slot went to the next, and a retry sends all of them again."""
    import_id = await stage.created(LEADS)
    await stage.beat()
    path = f"/v1/imports/{import_id}/parts/1/resolve"
    assert (await stage.api.post(path, json={"outcome": "give_up"})).json()["bundled_imports"] == []
    stage.clock.step(60)
    await stage.beat()
    told = await stage.read(import_id)
    assert (told["status"], told["error"]["code"]) == ("failed", "given_up")
    assert (told["rows"]["imported"], told["rows"]["pending"]) == (0, told["rows"]["total"])
    assert (await stage.api.get("/v1/instances/default")).json()["slots"]["used"] == 0
    again = (await stage.api.post(f"/v1/imports/{import_id}/retry")).json()
    assert again["rows"]["total"] == told["rows"]["total"]
    is_problem(await stage.api.post(path, json={"outcome": "give_up"}), 409, "wrong_state")


async def patched(stage: Stage, import_id: int, **wanted: Any) -> httpx.Response:
    return await stage.api.patch(f"/v1/imports/{import_id}", json=wanted)


async def test_what_still_waits_is_changed_as_a_merge_patch_says(stage: Stage):
    """What is absent stays, null clears, and the answer is the import as it stands; its history tells of it."""
    import_id = await stage.created(LEADS, label="nightly", not_before="2027-01-01T00:00:00Z")
    answer = await patched(stage, import_id, priority=9)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["priority"], body["label"], body["not_before"]) == (9, "nightly", "2027-01-01T00:00:00.000Z")
    for label in (None, ""):
        body = (await patched(stage, import_id, label=label)).json()
        assert (body["priority"], body["label"]) == (9, None)
        await patched(stage, import_id, label="again")
    await stage.beat()
    (part,) = (await stage.api.get(f"/v1/imports/{import_id}/parts")).json()["items"]
    assert part["waiting_for"] == "not_before"
    body = (await patched(stage, import_id, not_before=None)).json()
    assert body["not_before"] is None
    assert (await patched(stage, import_id)).json()["priority"] == 9, "an empty change changes nothing"
    await stage.run()
    assert (await stage.read(import_id))["status"] == "complete"
    history = (await stage.api.get(f"/v1/imports/{import_id}/events")).json()["items"]
    changed = [event for event in history if event["type"] == "changed"]
    names = [name for event in changed for name in event["data"] if name != "by"]
    assert names == ["priority", "label", "label", "label", "label", "not_before"]


async def test_a_time_may_be_put_off_and_brought_forward(stage: Stage):
    """Nothing goes before it, and it goes as soon as it is over."""
    import_id = await stage.created(LEADS)
    at = (stage.clock() + timedelta(seconds=90)).isoformat()
    assert (await patched(stage, import_id, not_before=at)).status_code == 200
    await stage.beat()
    stage.clock.step(89)
    await stage.beat()
    assert stage.posted == []
    stage.clock.step(1)
    await stage.beat()
    assert len(stage.posted) == 1


async def test_once_nothing_waits_nothing_is_changed(stage: Stage):
    """Whether Marketo has it, or it is over."""
    import_id = await stage.created(LEADS)
    await stage.instance_worker.submit.run_once(stage.lease)
    is_problem(await patched(stage, import_id, priority=1), 409, "nothing_waits")
    await stage.run()
    is_problem(await patched(stage, import_id, label="x"), 409, "nothing_waits")
    is_problem(await patched(stage, import_id + 1, label="x"), 404, "not_found")


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        ({"priority": 10}, ["priority"]),
        ({"priority": None}, ["priority"]),
        ({"priority": "5"}, ["priority"]),
        ({"priority": True}, ["priority"]),
        ({"priority": 5.5, "not_before": "soon", "label": "x" * 201}, ["priority", "not_before", "label"]),
        ({"not_before": 5}, ["not_before"]),
        ({"not_before": "2026-11-04T12:00:00"}, ["not_before"]),
        ({"label": 5}, ["label"]),
        ({"label": "\0"}, ["label"]),
        ({"status": "complete"}, ["status"]),
    ],
)
async def test_every_mistake_of_a_change_is_told(stage: Stage, wanted: dict[str, Any], fields: list[str]):
    """And then nothing is changed, not even what is right."""
    import_id = await stage.created(LEADS)
    answer = await patched(stage, import_id, **({"priority": 7} | wanted))
    problem = is_problem(answer, 422, "invalid_parameter")
    assert [error["field"] for error in problem["errors"]] == fields
    assert (await stage.read(import_id))["priority"] == 5


async def test_a_key_with_a_highest_priority_gives_no_higher_one(database_url: str, clock: SteppedClock):
    """As at an upload."""
    async with staged(database_url, clock, auth="on") as stage:
        _, text = await stage.container.keys.create("crm", [Scope.SUBMIT], max_priority=6)
        headers = bearing(text)
        import_id = (await stage.api.post("/v1/imports", content=LEADS, headers=headers)).json()["id"]
        path = f"/v1/imports/{import_id}"
        is_problem(await stage.api.patch(path, json={"priority": 7}, headers=headers), 422, "priority_too_high")
        assert (await stage.api.patch(path, json={"priority": 6}, headers=headers)).status_code == 200
