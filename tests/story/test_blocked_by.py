"""Which part a part waits for, who may know it, and that its end is not foretold where that one's is not in sight."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.api_keys import Scope
from app.simulator import Fault, Rules
from tests.api.test_api_keys import bearing, key, made
from tests.reporting.test_estimates import JOB_SECONDS, ROWS, taught
from tests.story.files import leads
from tests.story.test_conflicts import rows
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged
from tests.support.tiers import chosen

AT = "2026-11-04T12:00:00.000Z"


@pytest.fixture
async def keyed(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A stage that asks for keys."""
    async with staged(database_url, clock, auth="on") as found:
        yield found


async def submitted(stage: Stage) -> None:
    while await stage.instance_worker.submit.run_once(stage.lease):
        pass


async def test_a_part_that_waits_for_the_same_records_says_for_which_and_since_when(stage: Stage):
    """The nearest before it; nobody else says anything of the kind."""
    first, second, third = [await stage.created(rows(1, n + 2)) for n in range(3)]
    free = await stage.created(rows(9))
    stage.clock.step(1)
    await submitted(stage)
    blocked = [(await stage.parts(one))[0]["blocked_by"] for one in (first, second, third, free)]
    since = "2026-11-04T12:00:01.000Z"
    assert blocked == [
        None,
        {"import": first, "part": 1, "since": since},
        {"import": second, "part": 1, "since": since},
        None,
    ]
    await stage.run()
    assert [(await stage.parts(one))[0]["blocked_by"] for one in (first, second, third)] == [None] * 3


async def test_a_pause_hides_for_whom_a_part_would_wait(stage: Stage):
    """`blocked_by` goes with `same_records`; until then something else would have to change first."""
    await stage.created(rows(1))
    second = await stage.created(rows(1))
    await submitted(stage)
    await stage.api.post("/v1/instances/default/pause")
    (part,) = await stage.parts(second)
    assert (part["waiting_for"], part["blocked_by"]) == ("instance_paused", None)


async def test_whose_import_goes_first_is_shown_only_to_who_may_see_it(keyed: Stage):
    """Its own client's, and whoever may read; all others learn since when, and nothing else."""
    ours, theirs = await key(keyed, Scope.SUBMIT, client="ours"), await key(keyed, Scope.SUBMIT, client="theirs")
    reader = await key(keyed, Scope.READ, client="monitor")
    first = await made(keyed, ours, rows(1))
    of_theirs, of_ours = await made(keyed, theirs, rows(1, 2)), await made(keyed, ours, rows(1, 3))
    await submitted(keyed)

    async def blocked_by(import_id: int, written: str) -> Any:
        answer = await keyed.api.get(f"/v1/imports/{import_id}/parts", headers=bearing(written))
        return answer.json()["items"][0]["blocked_by"]

    assert await blocked_by(of_theirs, theirs) == {"import": None, "part": None, "since": AT}
    assert await blocked_by(of_theirs, reader) == {"import": first, "part": 1, "since": AT}
    assert await blocked_by(of_ours, ours) == {"import": None, "part": None, "since": AT}
    assert await blocked_by(of_ours, reader) == {"import": of_theirs, "part": 1, "since": AT}


async def test_parts_of_one_import_that_wait_for_each_other_say_so(stage: Stage):
    """Rows set aside for their keys: the later part waits for the earlier one of the same import."""
    object.__setattr__(stage.container.intake.limits, "part_bytes", 700)
    content = b"email,firstName\n" + b"".join(b"p%d@example.com,A\n" % n for n in range(40)) + b"p1@example.com,last\n"
    import_id = await stage.created(content)
    await submitted(stage)
    parts = await stage.parts(import_id)
    waiting = [part for part in parts if part["waiting_for"] == "same_records"]
    assert len(waiting) == 1
    assert waiting[0]["blocked_by"]["import"] == import_id
    assert waiting[0]["blocked_by"]["part"] < waiting[0]["number"]


@pytest.mark.parametrize(
    "trouble", chosen(["hangs", "is denied", "is unconfirmed", "is turned away"], "is unconfirmed")
)
async def test_behind_a_job_without_an_end_in_sight_no_end_is_foretold(
    database_url: str, clock: SteppedClock, trouble: str
):
    """It said "in 2 seconds" for ever: of what waits for it directly, or through another; not of what flows past."""
    async with staged(database_url, clock, rules=Rules(job_seconds=JOB_SECONDS)) as stage:
        await taught(stage)
        faults = {
            "hangs": Fault("stuck_importing", on="create"),
            "is denied": Fault("forget_batch", on="status"),
            "is unconfirmed": Fault("lost_request", on="create"),
            "is turned away": Fault("json_error:713", on="create", times=60),
        }
        first = await stage.created(leads(ROWS, start=1000), on_unconfirmed="hold")
        stage.simulator.order(faults[trouble])
        await stage.beat()
        behind = await stage.created(leads(ROWS, start=1000))
        further = await stage.created(leads(ROWS, start=1000), priority=9)
        for _ in range(40):
            stage.clock.step(5)
            await stage.beat()
        if trouble == "is turned away":
            stage.simulator.call_off()  # past it, others go
        past = await stage.created(leads(ROWS, start=50_000))
        await stage.beat()
        told = {one: (await stage.read(one))["estimated_finish_at"] for one in (first, behind, further, past)}
        assert (told[first], told[behind], told[further]) == (None, None, None)
        assert told[past] is not None
        listed = (await stage.api.get("/v1/imports", params={"status": "queued"})).json()["items"]
        assert {one["id"]: one["estimated_finish_at"] for one in listed} == {
            one["id"]: told[one["id"]] for one in listed
        }


async def test_what_others_keep_from_being_begun_is_not_foretold(database_url: str, clock: SteppedClock):
    """Others hold both importers: ours is in the queue, and nobody knows for how long."""
    async with staged(database_url, clock, rules=Rules(job_seconds=JOB_SECONDS)) as stage:
        await taught(stage)
        stage.simulator.occupy(2, 1000)
        queued = await stage.created(leads(ROWS, start=1000))
        await stage.beat()
        assert (await stage.read(queued))["estimated_finish_at"] is not None, "for all that is known"
        for _ in range(14):
            stage.clock.step(5)
            await stage.beat()
        assert (await stage.read(queued))["estimated_finish_at"] is None
        assert (await stage.read(await stage.created(leads(3))))["estimated_finish_at"] is None
