"""What each answer to a submission leads to."""

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from app.domain.failpoints import Failpoint
from app.scheduling.lease import Lease
from app.simulator import Fault
from app.store.tables import instance
from tests.story.files import LEADS, leads
from tests.support.logged import Log, log
from tests.support.stage import Stage
from tests.support.tiers import chosen

__all__ = ["log"]

TURNED_AWAY = {  # code: (what the instance does, attempts counted)
    "600": ("blocked", 0),
    "603": ("blocked", 0),
    "606": ("backing_off", 0),
    "607": ("backing_off", 0),
    "615": ("backing_off", 0),
    "608": ("backing_off", 1),
    "614": ("backing_off", 1),
    "713": ("running", 1),
    "719": ("running", 1),
    "1016": ("backing_off", 0),
    "1019": ("running", 0),
}
REFUSED = ("609", "610", "612", "613", "701", "1001", "1002", "1003", "1006", "1011", "1013", "1025", "8888")
LOST = (
    "lost_response",
    "lost_request",
    "html_502",
    "http_500",
    "html_200",
    "bad_json",
    "empty_body",
    "half_body",
    "json_error:604",
    "json_error:611",
    "executed_then:604",
    "executed_then:611",
    "executed_then:502",
)


async def only_part(stage: Stage, import_id: int) -> dict:
    (part,) = await stage.parts(import_id)
    return part


async def submitted_under(stage: Stage, fault: str) -> int:
    stage.simulator.order(Fault(fault, on="create", times=1))
    import_id = await stage.created(LEADS)
    assert await stage.instance_worker.submit.run_once(stage.lease) is True
    return import_id


@pytest.mark.parametrize("code", chosen(sorted(TURNED_AWAY), "600", "606", "608", "713", "1019"))
async def test_a_part_that_is_turned_away_waits_and_goes_later(stage: Stage, code: str):
    """Certainly not executed: back to waiting, back-pressure not counted, and in the end it is imported once."""
    import_id = await submitted_under(stage, f"json_error:{code}")
    state, attempts = TURNED_AWAY[code]
    part = await only_part(stage, import_id)
    assert (part["state"], part["attempts"]) == ("waiting", attempts)
    assert (await stage.api.get("/v1/instances/default")).json()["state"] == state
    await stage.run(seconds=600)
    assert (await stage.read(import_id))["status"] == "complete"
    assert len(stage.simulator.report()["jobs"]) == 1
    assert (await stage.api.get("/v1/instances/default")).json()["state"] == "running"


@pytest.mark.parametrize("code", REFUSED)
async def test_a_part_that_is_refused_fails_with_marketos_words(stage: Stage, code: str):
    """Never executed, and never will be; an unknown code too: stopping is cheaper than a loop."""
    import_id = await submitted_under(stage, f"json_error:{code}")
    told = await stage.read(import_id)
    assert told["status"] == "failed"
    assert told["error"]["marketo_code"] == code
    assert told["error"]["message"]
    assert told["rows"]["pending"] == 2
    assert (await stage.api.get("/v1/instances/default")).json()["slots"]["used"] == 0


@pytest.mark.parametrize("fault", chosen(LOST, *LOST[::4]))
async def test_a_part_whose_answer_is_lost_is_unconfirmed_and_keeps_its_slot(stage: Stage, fault: str):
    """Nobody knows; it is an event, and a person can see it."""
    import_id = await submitted_under(stage, fault)
    part = await only_part(stage, import_id)
    assert part["state"] == "unconfirmed"
    assert (await stage.api.get("/v1/instances/default")).json()["slots"]["unconfirmed"] == 1
    assert (await stage.read(import_id))["attention"]["code"] == "unconfirmed"
    assert (await stage.events(import_id))[-1] == "lose"


async def test_a_dead_token_is_renewed_once_and_the_part_goes_on(stage: Stage):
    """602 on a submission: renewed, sent again, accepted; nothing of it is seen outside."""
    import_id = await submitted_under(stage, "token_dies")
    assert (await only_part(stage, import_id))["state"] == "queued"


async def test_a_job_that_marketo_fails_fails_the_import_with_its_message(stage: Stage):
    """`Failed` is about the whole job."""
    stage.simulator.order(Fault("job_failed", times=1, message="Something went wrong over there"))
    import_id = await stage.created(LEADS)
    await stage.run()
    told = await stage.read(import_id)
    assert told["status"] == "failed"
    assert told["error"]["message"] == "Something went wrong over there"


async def test_an_answer_that_says_failed_at_once_is_a_failure_too(stage: Stage):
    """success: true, status: Failed, in one body."""
    import_id = await submitted_under(stage, "failed_in_answer")
    assert (await stage.read(import_id))["status"] == "failed"


async def test_slots_that_others_hold_are_learnt_from_one_1016(stage: Stage):
    """Eight places are taken: two of ours go, the third is turned away, and nobody hammers the queue."""
    stage.simulator.occupy(slots=8, seconds=600)
    for n in range(5):
        await stage.created(leads(2, start=10 * n))
    while await stage.instance_worker.submit.run_once(stage.lease):
        pass
    report = stage.simulator.report()
    assert report["errors"].get("1016", 0) == 1
    assert report["most_own_outstanding"] == 2
    await stage.run(seconds=100)
    assert len(stage.simulator.report()["jobs"]) >= 5


async def test_nothing_is_submitted_without_the_lease(stage: Stage):
    """An old epoch claims nothing."""
    await stage.created(LEADS)
    stale = Lease("default", stage.lease.epoch - 1, stage.lease.until)
    assert await stage.instance_worker.submit.run_once(stale) is False
    assert stage.posted == []


async def test_forgotten_batches_and_statuses_that_go_backwards_do_not_move_a_part(stage: Stage):
    """What Marketo says of a job may be nonsense for a while."""
    stage.simulator.order(Fault("status_backwards", times=1))
    import_id = await stage.created(LEADS)
    await stage.run()
    assert (await stage.read(import_id))["status"] == "complete"


async def test_a_file_that_never_comes_is_said_not_hidden(stage: Stage):
    """Marketo counts failed rows and has no file of them: after an hour the import ends, with `results_missing`."""
    stage.simulator.order(Fault("missing_file", on="failures", times=100_000))
    import_id = await stage.created(b"email,leadScore\nann@example.com,many\n")
    await stage.run(seconds=60)
    told = await stage.read(import_id)
    assert told["status"] == "complete"
    assert told["rows"]["failed"] == 1
    assert told["attention"]["code"] == "results_missing"


@pytest.mark.both_databases
async def test_a_claim_whose_commit_got_no_answer_is_taken_back(stage: Stage):
    """The database went away right behind it: nothing was sent, and the part need not wait until the claim counts as
    lost."""
    import_id = await stage.created(LEADS)

    def goes_away(hit: Failpoint) -> None:
        if hit is Failpoint.CLAIMED:
            raise OperationalError("COMMIT", {}, Exception("the line broke"))

    schedule = stage.instance_worker.submit.schedule
    hit = schedule.hit
    object.__setattr__(schedule, "hit", goes_away)
    with pytest.raises(OperationalError):
        await stage.instance_worker.submit.run_once(stage.lease)
    assert (await only_part(stage, import_id))["state"] == "submitting"
    object.__setattr__(schedule, "hit", hit)
    assert await stage.instance_worker.submit.run_once(stage.lease)
    part = await only_part(stage, import_id)
    assert (part["state"], part["attempts"]) == ("queued", 1)
    assert len(stage.posted) == 1
    assert (await stage.events(import_id))[:4] == ["accepted", "claim", "turn_away", "claim"]


async def test_a_code_of_any_length_is_a_refusal(stage: Stage):
    """A gateway's own, say: what is kept of it fits its column, or the answer could never be written down."""

    async def spoil(request: httpx.Request, response: httpx.Response) -> None:
        if request.method == "POST":
            await response.aread()
            response._content = response.content.replace(b'"1003"', b'"INVALID_REQUEST"')
            response.headers["content-length"] = str(len(response._content))

    stage.transport.after_request = spoil
    part = await only_part(stage, await submitted_under(stage, "json_error:1003"))
    assert (part["state"], part["error"]["marketo_code"]) == ("failed", "INVALID_RE")
    assert len(stage.posted) == 1


async def test_NEVER_TWICE_BY_ACCIDENT_a_token_that_dies_in_a_long_upload_costs_no_second_job(stage: Stage):
    """Two uploads of nearly ten minutes each are one submission: no sweep calls it lost meanwhile."""

    async def slow(request: httpx.Request) -> None:
        for _ in range(59 if request.url.path.startswith("/bulk/") else 0):
            stage.clock.step(10)
            await stage.take_lease()
            await stage.instance_worker.recovery.run_once(stage.lease)

    watched = stage.transport.before_request
    stage.transport.before_request = lambda request: (watched(request), slow(request))[1]
    import_id = await submitted_under(stage, "token_dies")
    assert (await only_part(stage, import_id))["state"] == "queued"
    assert len(stage.posted) == 2
    assert (await stage.events(import_id))[:3] == ["accepted", "claim", "accept"]


async def test_a_submission_is_not_gone_on_with_once_it_may_be_called_lost(stage: Stage):
    """Whatever it waited for: Marketo never gets a whole request, and the part waits again."""
    marketo = stage.instance_worker.submit.marketo
    token = marketo._identity.token

    async def very_slow_token():
        for _ in range(75):
            stage.clock.step(20)
            await stage.take_lease()
        return await token()

    marketo._identity.token = very_slow_token
    import_id = await stage.created(LEADS)
    assert await stage.instance_worker.submit.run_once(stage.lease)
    assert stage.simulator.report()["jobs"] == []
    assert (await only_part(stage, import_id))["state"] == "waiting"


async def test_an_answer_that_comes_too_late_is_told_in_the_log(stage: Stage, log: Log):
    """Another worker drives by then. Whoever resolves the part needs Marketo's number for it."""

    async def taken_over(request: httpx.Request, _response: httpx.Response) -> None:
        if request.url.path.startswith("/bulk/"):
            async with stage.container.db.write() as tx:
                await tx.execute(instance.update().values(lease_epoch=instance.c.lease_epoch + 1))

    stage.transport.after_request = taken_over
    import_id = await stage.created(LEADS)
    assert await stage.instance_worker.submit.run_once(stage.lease)
    (line,) = log.lines("an answer came too late")
    assert (line["import_id"], line["part"], line["answer"], line["batch_id"]) == (import_id, 1, "Accepted", 1001)
