"""The rules that must hold, each with one plain example in a test of its name."""

import hashlib
import logging

import httpx
import pytest
from sqlalchemy import func, select

from app.domain.objects import Leads
from app.simulator import Fault, Rules
from app.store.database import Database
from app.store.tables import import_, part, part_file
from tests.story.files import LEADS, LEADS_WITH_TROUBLE, leads
from tests.support.clock import SteppedClock
from tests.support.stage import CallInTransaction, Killed, Stage, staged
from tests.support.tiers import chosen


@pytest.mark.both_databases
async def test_SAFE_ACK_what_was_answered_with_202_is_there_after_a_crash(stage: Stage):
    """A second, separate look at the database right after the 202 finds the import and its bytes."""
    import_id = await stage.created(LEADS)
    other = Database(stage.container.settings.database_url)
    async with other.read() as tx:
        found = await tx.execute(
            select(import_.c.status, part.c.state, func.length(part_file.c.blob))
            .join(part, part.c.import_id == import_.c.id)
            .join(part_file, part_file.c.part_id == part.c.id)
            .where(import_.c.id == import_id)
        )
        status, state, size = found.one()
    assert (status, state) == ("queued", "waiting")
    assert size > 0
    await other.close()


@pytest.mark.both_databases
async def test_SAFE_ACK_an_upload_that_breaks_off_leaves_nothing(stage: Stage):
    """No 202, no import, no part, no bytes."""

    async def breaks():
        yield LEADS[:40]
        raise httpx.ReadError("the caller is gone")

    with pytest.raises(httpx.ReadError):
        await stage.api.post("/v1/imports", content=breaks(), headers={"Content-Type": "text/csv"})
    async with stage.container.db.read() as tx:
        for table in (import_, part, part_file):
            assert (await tx.execute(select(func.count()).select_from(table))).scalar_one() == 0


@pytest.mark.both_databases
async def test_SLOTS_NOT_OVERSOLD_with_more_work_than_slots(database_url: str, clock: SteppedClock):
    """Thirty small imports, and nobody to look for so long that ten are not enough: ten are there, twenty wait here."""
    async with staged(database_url, clock, poll_min_seconds=60, poll_max_seconds=60) as stage:
        await more_work_than_slots(stage)


async def more_work_than_slots(stage: Stage) -> None:
    for n in range(30):
        await stage.created(leads(2, start=10 * n))
    while await stage.instance_worker.submit.run_once(stage.lease):
        pass
    assert stage.simulator.report()["most_outstanding"] == 10
    assert len(stage.posted) == 10
    assert "1016" not in stage.simulator.report()["errors"]


async def test_NEVER_TWICE_BY_ACCIDENT_a_lost_answer_is_not_sent_again_before_it_has_settled(stage: Stage):
    """Marketo has the job and we do not know: 900 seconds go by before the same rows go again."""
    stage.simulator.order(Fault("lost_response", on="create", once=True))
    import_id = await stage.created(LEADS)
    await stage.run(until=lambda: _state_is(stage, import_id, "unconfirmed"))
    lost_at = stage.clock()
    assert (await stage.read(import_id))["attention"]["code"] == "unconfirmed"
    while (stage.clock() - lost_at).total_seconds() < 890:
        await stage.beat()
        assert len(stage.posted) == 1
        stage.clock.step(30)
    await stage.run()
    assert len(stage.posted) == 2
    assert (await stage.read(import_id))["status"] == "complete"
    jobs = stage.simulator.report()["jobs"]
    assert [job["sha256"] for job in jobs] == [hashlib.sha256(LEADS).hexdigest()] * 2
    assert jobs[0]["finished_at"] <= jobs[1]["started_at"], "never side by side"
    assert len(stage.simulator.records("lead")) == 2, "an upsert one after the other makes no duplicates"


@pytest.mark.both_databases
async def test_NEVER_TWICE_BY_ACCIDENT_a_crash_between_claim_and_answer_leaves_the_part_unconfirmed(stage: Stage):
    """The worker dies with the POST under way; the next one does not guess."""

    async def dies(_request: httpx.Request, _response: httpx.Response) -> None:
        if _request.method == "POST" and "/bulk/" in _request.url.path:
            raise Killed

    import_id = await stage.created(LEADS)
    stage.transport.after_request = dies
    with pytest.raises(Killed):
        await stage.instance_worker.submit.run_once(stage.lease)
    stage.transport.after_request = None
    (part_now,) = await stage.parts(import_id)
    assert part_now["state"] == "submitting"
    await stage.crash()
    await stage.take_lease()
    (part_now,) = await stage.parts(import_id)
    assert part_now["state"] == "unconfirmed"
    assert len(stage.posted) == 1


@pytest.mark.endure
async def test_NEVER_TWICE_BY_ACCIDENT_what_a_dead_worker_left_behind_a_long_queue_settles_longer(
    database_url: str, clock: SteppedClock
):
    """The settling time is 900 s, and Marketo takes 2000 s for a job: the next worker learnt that from the dead one."""

    async def dies(request: httpx.Request, _response: httpx.Response) -> None:
        if request.method == "POST" and "/bulk/" in request.url.path:
            raise Killed

    async with staged(database_url, clock, rules=Rules(job_seconds=2000)) as stage:
        await stage.created(LEADS)
        await stage.run(seconds=400)
        await stage.take_lease()  # a sign of life carries what was learnt
        await stage.created(LEADS)
        stage.transport.after_request = dies
        with pytest.raises(Killed):
            await stage.instance_worker.submit.run_once(stage.lease)
        stage.transport.after_request = None
        await stage.crash()
        await stage.run(seconds=100)
        first, again = stage.simulator.report()["jobs"][1:]
        assert again["queued_at"] > first["finished_at"]


async def test_NEVER_TWICE_BY_ACCIDENT_a_held_import_waits_for_a_person(stage: Stage):
    """on_unconfirmed=hold: time alone sends nothing again."""
    stage.simulator.order(Fault("lost_response", on="create", once=True))
    import_id = await stage.created(LEADS, on_unconfirmed="hold")
    for _ in range(50):
        await stage.beat()
        stage.clock.step(100)
    assert (await stage.parts(import_id))[0]["state"] == "unconfirmed"
    assert len(stage.posted) == 1


@pytest.mark.both_databases
@pytest.mark.parametrize("outcome", ["resubmit", "accepted"])
async def test_NEVER_TWICE_BY_ACCIDENT_a_person_may_decide_an_unconfirmed_part(stage: Stage, outcome: str):
    """Marketo has it under this number; or it is to go again, at once."""
    stage.simulator.order(Fault("lost_response" if outcome == "accepted" else "lost_request", on="create", once=True))
    import_id = await stage.created(LEADS, on_unconfirmed="hold")
    await stage.run(until=lambda: _state_is(stage, import_id, "unconfirmed"))
    path = f"/v1/imports/{import_id}/parts/1/resolve"
    assert (await stage.api.post(path, json={"outcome": "accepted"})).status_code == 422
    assert (
        await stage.api.post(f"/v1/imports/{import_id}/parts/2/resolve", json={"outcome": outcome})
    ).status_code in {
        404,
        422,
    }
    jobs = stage.simulator.report()["jobs"]
    decision = {"outcome": outcome} | ({"batch_id": jobs[0]["batch_id"]} if outcome == "accepted" else {})
    assert (await stage.api.post(path, json=decision)).status_code == 200
    assert (await stage.api.post(path, json=decision)).status_code == 409
    await stage.run()
    assert (await stage.read(import_id))["status"] == "complete"
    assert len(stage.simulator.report()["jobs"]) == 1


@pytest.mark.both_databases
async def test_RESULTS_BEFORE_DONE_an_import_is_not_complete_before_its_failures_are_stored(stage: Stage):
    """Marketo's file is late: the import waits for it in `collecting`."""
    stage.simulator.order(Fault("late_file", on="failures", times=2))
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run(until=lambda: _state_is(stage, import_id, "collecting"))
    assert (await stage.read(import_id))["status"] == "importing"
    await stage.run()
    assert (await stage.read(import_id))["status"] == "complete"
    items = (await stage.api.get(f"/v1/imports/{import_id}/failures", headers={"Accept": "application/json"})).json()[
        "items"
    ]
    assert [item["source_row"] for item in items] == [2, 4]


STATUS_FAULTS = [
    "html_502",
    "html_200",
    "bad_json",
    "empty_body",
    "http_500",
    "half_body",
    "lost_response",
    "lost_request",
    "json_error:601",
    "json_error:602",
    "json_error:603",
    "json_error:604",
    "json_error:606",
    "json_error:607",
    "json_error:608",
    "json_error:610",
    "json_error:611",
    "json_error:615",
    "json_error:713",
    "json_error:1003",
    "json_error:1013",
    "json_error:9999",
]


@pytest.mark.parametrize(
    "fault",
    chosen(STATUS_FAULTS, "html_200", "lost_response", "json_error:603", "json_error:1013"),
)
async def test_POLL_IS_NOT_FATE_no_error_of_a_status_call_moves_the_part(stage: Stage, fault: str):
    """Whatever a question meets, the part stays where it is, and the next question is answered."""
    import_id = await stage.created(LEADS)
    await stage.instance_worker.submit.run_once(stage.lease)
    stage.simulator.order(Fault(fault, on="status", times=2))
    stage.clock.step(6)
    assert await stage.instance_worker.poll.run_once(stage.lease) is False
    (part_now,) = await stage.parts(import_id)
    assert part_now["state"] == "queued"
    assert part_now["error"] is None
    stage.clock.step(86_400)
    await stage.run(seconds=300)  # a day and more: a second 607 is one of the next day
    assert (await stage.read(import_id))["status"] == "complete"


@pytest.mark.both_databases
async def test_NO_CALL_IN_TX_a_call_inside_a_transaction_is_refused_and_none_is_made(stage: Stage):
    """The stage's transport refuses such calls in every story; here it is shown that it would."""
    with pytest.raises(CallInTransaction):
        async with stage.container.db.read():
            await stage.instance_worker.submit.marketo.status(Leads(), 1)
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()


async def test_SECRETS_STAY_IN_the_authorization_header(stage: Stage, caplog: pytest.LogCaptureFixture):
    """No token and no client secret in a URL, a log line, an event or an answer of the API."""
    seen: list[httpx.Request] = []
    watch = stage.transport.before_request

    def record(request: httpx.Request) -> None:
        seen.append(request)
        watch(request)

    stage.transport.before_request = record
    stage.simulator.order(Fault("json_error:603", on="create", once=True))
    stage.simulator.order(Fault("token_dies", on="status", once=True))
    with caplog.at_level(logging.DEBUG):
        import_id = await stage.created(LEADS)
        await stage.run()
    secrets = {"sluice-demo-secret"} | {
        request.headers["Authorization"].removeprefix("Bearer ")
        for request in seen
        if "Authorization" in request.headers
    }
    assert len(secrets) > 1
    told = [str(request.url) for request in seen] + [record.getMessage() for record in caplog.records]
    for path in ("", "/parts", "/events"):
        told.append((await stage.api.get(f"/v1/imports/{import_id}{path}")).text)
    told.append((await stage.api.get("/v1/instances")).text)
    for secret in secrets:
        assert not any(secret in text for text in told)


async def _state_is(stage: Stage, import_id: int, state: str) -> bool:
    return [part["state"] for part in await stage.parts(import_id)] == [state]


async def test_NEVER_TWICE_BY_ACCIDENT_marketo_itself_says_whether_a_lists_job_still_runs(
    database_url: str, clock: SteppedClock
):
    """The answer was lost, the settling time is over, and the job is still at it: 1019, and the part waits on."""
    async with staged(database_url, clock, rules=Rules(job_seconds=1500)) as stage:
        stage.simulator.order(Fault("lost_response", on="create", once=True))
        import_id = await stage.created(LEADS, list_id=1)
        await stage.run(seconds=150)
        assert (await stage.read(import_id))["status"] == "complete"
        report = stage.simulator.report()
        one, other = report["jobs"]
        assert report["errors"]["1019"] >= 1
        assert one["finished_at"] <= other["started_at"], "never side by side"
        assert len(stage.simulator.records("lead")) == 2
