"""Imports under review: stored whole, and nothing of them is sent before a person releases them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.api_keys import Scope
from app.store.tables import webhook_delivery
from tests.store.seed import a_webhook
from tests.story.files import CARS, LEADS, LEADS_WITH_TROUBLE, MEMBERS, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

DAY = 86_400
ONE = b"email,firstName\none@example.com,One\n"
TWO = b"email,firstName\none@example.com,Two\n"  # the same record key
ALWAYS_BUNDLING = 20


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A service that bundles."""
    async with staged(database_url, clock, bundle_seconds=ALWAYS_BUNDLING) as stage:
        yield stage


async def reviewed(stage: Stage, content: bytes = LEADS, **parameters: Any) -> int:
    return await stage.created(content, review="true", **parameters)


async def release(stage: Stage, import_id: int) -> dict[str, Any]:
    answer = await stage.api.post(f"/v1/imports/{import_id}/release")
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/v1/imports/{import_id}"
    return dict(answer.json())


def at_marketo(stage: Stage) -> set[str]:
    """The e-mail addresses of all that Marketo ever got."""
    return {str(record["email"]) for record in stage.simulator.records("lead")}


async def finish(stage: Stage, *import_ids: int) -> None:
    async def is_done() -> bool:
        return all([(await stage.read(each))["finished_at"] for each in import_ids])

    await stage.run(until=is_done)


@pytest.mark.both_databases
async def test_nothing_of_it_is_sent_before_its_release_and_everything_after(stage: Stage):
    """Other imports that could share its job go meanwhile; it says what it waits for, and until when."""
    import_id = await reviewed(stage, leads(3))
    other = await stage.created(leads(3, start=100))
    await finish(stage, other)
    for _ in range(5):
        stage.clock.step(60)
        await stage.beat()
    import_ = await stage.read(import_id)
    assert (import_["status"], import_["parts"]["waiting"], import_["started_at"]) == ("queued", 1, None)
    assert import_["review_until"] == "2026-11-11T12:00:00.000Z"
    assert import_["estimated_finish_at"] is import_["attention"] is None
    (part,) = await stage.parts(import_id)
    assert (part["state"], part["waiting_for"], part["next_attempt_at"]) == ("waiting", "review", None)
    assert len(stage.posted) == 1
    assert "p0@example.com" not in at_marketo(stage)
    released = await release(stage, import_id)
    assert (released["status"], released["review_until"]) == ("queued", None)
    await finish(stage, import_id)
    assert (await stage.read(import_id))["rows"]["imported"] == 3
    assert [type_ for type_ in await stage.events(import_id) if type_ in ("accepted", "released", "finished")] == [
        *("accepted", "released", "finished")
    ]


@pytest.mark.both_databases
@pytest.mark.parametrize("into_list", [{}, {"list_id": 7}], ids=["keys", "list"])
async def test_ONE_KEY_AT_A_TIME_it_holds_back_nobody_and_its_place_is_that_of_its_release(
    stage: Stage, into_list: dict[str, Any]
):
    """Later imports with the same records pass it; after its release it goes behind those accepted before that."""
    first = await reviewed(stage, ONE, **into_list)
    second = await stage.created(TWO, **into_list)
    await finish(stage, second)
    third = await stage.created(TWO, not_before="2026-11-04T12:10:00Z", **into_list)
    await release(stage, first)
    fourth = await stage.created(TWO, **into_list)
    await finish(stage, first, third, fourth)
    claimed = {each: await time_of(stage, each, "claim") for each in (first, second, third, fourth)}
    assert claimed[second] < claimed[first] <= claimed[fourth] < claimed[third]
    assert len(stage.posted) == len({*claimed.values()})


async def time_of(stage: Stage, import_id: int, type_: str) -> str:
    events = (await stage.api.get(f"/v1/imports/{import_id}/events", params={"page_size": 200})).json()["items"]
    return str(next(event["at"] for event in events if event["type"] == type_))


@pytest.mark.parametrize(
    ("content", "parameters"),
    [
        (LEADS, {}),
        (CARS, {"object_type": "custom_object", "object_name": "car_c", "format": "ssv"}),
        (
            MEMBERS,
            {
                "object_type": "program_member",
                "program_id": "1001",
                "program_member_status": "On List",
                "format": "tsv",
            },
        ),
    ],
    ids=["leads", "cars", "members"],
)
async def test_each_object_type_may_be_reviewed_raw_or_as_a_form(
    stage: Stage, content: bytes, parameters: dict[str, str]
):
    """In a form the word may be written as some clients write it."""
    raw = await reviewed(stage, content, **parameters)
    form = await stage.api.post(
        "/v1/imports", data={**parameters, "review": "True"}, files={"file": ("a.csv", content)}
    )
    assert form.status_code == 202
    for import_id in (raw, form.json()["id"]):
        assert [part["waiting_for"] for part in await stage.parts(import_id)] == ["review"]


async def test_review_is_true_or_false(stage: Stage):
    """Another word is a mistake: a file that was to be looked at must not go by a slip of the pen."""
    answer = await stage.create(LEADS, review="yes")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "review", "message": "'yes' is neither true nor false"}]
    (part,) = await stage.parts(await stage.created(LEADS, review="false"))
    assert part["waiting_for"] == "slot"


async def test_the_same_request_is_answered_again_and_one_without_review_is_another(stage: Stage):
    """By the Idempotency-Key, also after the release."""

    async def send(**parameters: str) -> Any:
        return await stage.api.post(
            "/v1/imports",
            content=LEADS,
            params=parameters,
            headers={"Idempotency-Key": "a", "Content-Type": "text/csv"},
        )

    first = await send(review="true")
    await release(stage, first.json()["id"])
    again = await send(review="true")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert again.json()["id"] == first.json()["id"]
    assert (await send()).json()["code"] == "idempotency_key_reused"


async def test_what_is_not_under_review_is_not_released(stage: Stage):
    """Neither what never was, nor a second time, nor once it was cancelled."""
    plain, twice, cancelled = await stage.created(LEADS), await reviewed(stage), await reviewed(stage)
    await release(stage, twice)
    assert (await stage.api.post(f"/v1/imports/{cancelled}/cancel")).json()["review_until"] is None
    for import_id in (plain, twice, cancelled):
        answer = await stage.api.post(f"/v1/imports/{import_id}/release")
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_release")
    assert (await stage.api.post("/v1/imports/999/release")).status_code == 404


async def test_what_is_under_review_can_be_changed_discarded_and_then_erased(stage: Stage):
    """Its new priority and time hold once it is released; what is discarded was never sent."""
    changed, discarded = await reviewed(stage, leads(2)), await reviewed(stage, leads(2, start=50))
    later = {"priority": 9, "not_before": "2026-11-04T12:02:00Z", "label": "seen"}
    answer = await stage.api.patch(f"/v1/imports/{changed}", json=later)
    assert answer.status_code == 200, answer.text
    stage.clock.step(300)
    await stage.beat()
    assert [part["waiting_for"] for part in await stage.parts(changed)] == ["review"]
    await stage.api.patch(f"/v1/imports/{changed}", json={"not_before": "2026-11-04T12:20:00Z"})
    await release(stage, changed)
    await stage.beat()
    assert [part["waiting_for"] for part in await stage.parts(changed)] == ["not_before"]
    assert (await stage.api.delete(f"/v1/imports/{discarded}")).json()["code"] == "not_finished"
    assert (await stage.api.post(f"/v1/imports/{discarded}/cancel")).json()["status"] == "cancelled"
    assert (await stage.api.delete(f"/v1/imports/{discarded}")).status_code == 204
    await finish(stage, changed)
    assert "p50@example.com" not in at_marketo(stage)
    assert await time_of(stage, changed, "claim") >= "2026-11-04T12:20"


async def test_a_retry_of_what_was_discarded_is_no_longer_under_review(stage: Stage):
    """Whoever asks for it wants it sent."""
    import_id = await reviewed(stage, leads(2))
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    again = (await stage.api.post(f"/v1/imports/{import_id}/retry")).json()
    assert again["review_until"] is None
    await finish(stage, again["id"])


@pytest.mark.both_databases
async def test_what_nobody_releases_is_cancelled_after_seven_days(stage: Stage):
    """By maintenance, with an event that says why; also where the service was restarted meanwhile."""
    import_id, released = await reviewed(stage, leads(2)), await reviewed(stage, leads(2, start=50))
    stage.clock.step(7 * DAY - 1)
    await stage.maintenance.run_once()
    assert (await stage.read(import_id))["status"] == "queued"
    await release(stage, released)
    await stage.crash()
    stage.clock.step(1)
    late = await stage.api.post(f"/v1/imports/{import_id}/release")
    assert (late.status_code, late.json()["code"]) == (409, "nothing_to_release")
    await stage.maintenance.run_once()
    await stage.maintenance.run_once()
    import_ = await stage.read(import_id)
    assert (import_["status"], import_["rows"]["pending"], import_["review_until"]) == ("cancelled", 2, None)
    assert await stage.events(import_id) == ["accepted", "review_expired", "cancel", "finished"]
    await finish(stage, released)
    assert "p0@example.com" not in at_marketo(stage)


async def test_a_clock_that_is_set_takes_no_time_from_the_review(stage: Stage):
    """It has as much left as it had."""
    import_id = await reviewed(stage)
    stage.clock.step(DAY)
    await stage.container.timekeeper.look()
    stage.clock.jump(30 * DAY)
    await stage.container.timekeeper.look()
    stage.clock.step(61)
    await stage.container.timekeeper.look()
    assert stage.clock().month == 12
    await stage.maintenance.run_once()
    assert (await stage.read(import_id))["status"] == "queued"


async def test_it_is_counted_and_is_no_standstill(stage: Stage):
    """A metric of its own; it is not among what waits for Marketo, but it takes its room of the backlog."""
    await reviewed(stage)
    for _ in range(20):
        stage.clock.step(60)
        await stage.beat()
    status = (await stage.api.get("/v1/status")).json()
    assert {check["name"]: check["detail"] for check in status["checks"]}["backlog"] == "1 of 100000 parts waiting"
    assert [check for check in status["checks"] if check["name"].startswith("flow") and check["status"] != "ok"] == []
    assert status["instances"][0]["waiting"] == {"parts": 0, "rows": 0, "oldest_seconds": 0}
    metrics = (await stage.api.get("/metrics")).text
    assert 'sluice_review_parts{marketo_instance="default"} 1.0' in metrics
    assert 'sluice_parts{marketo_instance="default",state="waiting"} 0.0' in metrics


async def test_its_waiting_begins_with_its_release(stage: Stage):
    """It does not rise by the days for which nobody looked at it."""
    import_id = await reviewed(stage)
    stage.clock.step(DAY)
    await stage.api.post("/v1/instances/default/pause", json={"reason": "to look"})
    await release(stage, import_id)
    stage.clock.step(60)
    shown = (await stage.api.get("/v1/instances/default")).json()
    assert shown["waiting"] == {"parts": 1, "rows": 2, "oldest_seconds": 60}


async def test_what_the_preflight_found_is_read_before_the_release(stage: Stage):
    """Rows, parts, ragged rows and remarks of the stored file; what would have been a mistake was refused at once."""
    content = LEADS_WITH_TROUBLE + b"fay@example.com,Fay\n"
    import_id = await reviewed(stage, content, preflight="rows")
    import_ = await stage.read(import_id)
    assert (import_["file"]["rows"], import_["file"]["ragged_rows"], import_["parts"]["total"]) == (6, 1, 1)
    remarks = (await stage.api.get(f"/v1/imports/{import_id}/warnings")).json()["items"]
    assert [remark["source_row"] for remark in remarks] == [2, 3, 4, 6]
    reasons = (await stage.api.get(f"/v1/imports/{import_id}/warnings/reasons")).json()["items"]
    assert {reason["rows"] for reason in reasons} == {1}
    assert await stage.events(import_id) == ["accepted", "ragged", "preflight"]
    refused = await stage.create(b"email,Lead Score\na@example.com,1\n", review="true")
    assert refused.json()["code"] == "invalid_header"


async def test_on_marketo_s_own_paths_it_means_the_same(stage: Stage):
    """A word that says that nothing is to be sent is not passed over."""
    key_id, key = await stage.container.keys.create("old", [Scope.SUBMIT, Scope.OPERATE])
    headers = {"Authorization": f"Bearer {key}"}
    answer = await stage.api.post(
        "/bulk/v1/leads.json",
        params={"format": "csv", "review": "true"},
        files={"file": ("a.csv", LEADS)},
        headers=headers,
    )
    assert answer.json()["success"], (key_id, answer.text)
    import_id = answer.json()["result"][0]["batchId"]
    assert [part["waiting_for"] for part in await stage.parts(import_id)] == ["review"]


async def test_an_endpoint_hears_of_a_review_that_ended_by_itself(stage: Stage):
    """As of any import that is cancelled."""
    async with stage.container.db.write() as tx:
        await a_webhook(tx, events=("import.finished",))
    import_id = await reviewed(stage)
    stage.clock.step(7 * DAY)
    await stage.maintenance.run_once()
    async with stage.container.db.read() as tx:
        told = (await tx.execute(select(webhook_delivery.c.event, webhook_delivery.c.import_id))).all()
    assert [tuple(row) for row in told] == [("import.finished", import_id)]
