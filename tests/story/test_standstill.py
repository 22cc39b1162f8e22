"""When nothing moves, and a person should look: a blocked instance, missing rights, a queue that stands still."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from app.simulator import Fault, Rules
from tests.story.files import CARS, LEADS, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

HOUR = 3600


def change_secret(stage: Stage, secret: str) -> None:
    """At Marketo; the token that was given out dies with it."""
    tokens = stage.simulator._marketo.tokens
    tokens.rules = replace(tokens.rules, client_secret=secret)
    tokens.expire(stage.clock.seconds())


async def test_an_instance_that_refuses_the_credentials_blocks_its_imports_and_says_why(stage: Stage):
    """Nothing fails, nothing is lost; once they are mended it goes on by itself."""
    change_secret(stage, "another")
    blocked = [await stage.created(leads(5, start=10 * n)) for n in range(3)]
    await stage.beat()
    since = stage.clock()
    told = await stage.read(blocked[0])
    assert told["status"] == "queued"
    assert told["attention"]["code"] == "instance_blocked"
    assert "Bad client credentials" in told["attention"]["message"]
    assert told["attention"]["since"] == since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert [part["waiting_for"] for part in await stage.parts(blocked[2])] == ["instance_blocked"]
    instance = (await stage.api.get("/v1/instances/default")).json()
    assert instance["state"] == "blocked"
    assert "Bad client credentials" in instance["reason"]
    status = (await stage.api.get("/v1/status")).json()
    assert status["status"] == "degraded"
    listed = (await stage.api.get("/v1/imports", params={"attention": "true"})).json()["items"]
    assert {one["id"] for one in listed} == set(blocked)

    for _ in range(10):  # it is tried again now and then, and the block is still the same one
        stage.clock.step(30)
        await stage.beat()
    assert (await stage.read(blocked[0]))["attention"] == told["attention"]
    assert stage.posted == []

    change_secret(stage, Rules().client_secret)
    await stage.run()
    for import_id in blocked:
        mended = await stage.read(import_id)
        assert (mended["status"], mended["attention"], mended["rows"]["imported"]) == ("complete", None, 5)
    assert (await stage.api.get("/v1/instances/default")).json()["state"] == "running"
    assert len(stage.posted) == 3


async def test_a_person_s_word_has_a_blocked_instance_tried_at_once(stage: Stage):
    """It need not wait for the next try."""
    change_secret(stage, "another")
    import_id = await stage.created(LEADS)
    await stage.beat()
    change_secret(stage, Rules().client_secret)
    await stage.beat()
    assert stage.posted == []
    await stage.api.post("/v1/instances/default/resume")
    await stage.beat()
    assert len(stage.posted) == 1
    assert (await stage.read(import_id))["attention"] is None


async def test_a_block_is_over_when_marketo_refuses_a_file_for_its_own_sake(stage: Stage):
    """The credentials are taken: what is wrong now is the file, and nothing else waits for a person."""
    change_secret(stage, "another")
    import_id = await stage.created(LEADS)
    await stage.beat()
    change_secret(stage, Rules().client_secret)
    stage.simulator.order(Fault("json_error:1003", on="create"))
    stage.clock.step(61)
    await stage.beat()
    assert (await stage.read(import_id))["status"] == "failed"
    assert (await stage.api.get("/v1/instances/default")).json()["state"] == "running"
    assert (await stage.api.get("/v1/status")).json()["status"] == "ok"


@pytest.fixture
def no_right_to_leads(stage: Stage) -> list[bool]:
    """Marketo denies every import of leads while the list has something in it."""
    denied = [True]
    watch = stage.transport.before_request
    assert watch is not None

    def deny(request: httpx.Request) -> None:
        watch(request)
        if denied and request.method == "POST" and request.url.path == "/bulk/v1/leads.json":
            stage.simulator.order(Fault("json_error:603", on="create"))

    stage.transport.before_request = deny
    return denied


async def test_a_right_that_is_missing_for_one_kind_of_record_stops_no_other(
    stage: Stage, no_right_to_leads: list[bool]
):
    """Custom objects go; leads wait, and go by themselves once the role has the right."""
    people = await stage.created(LEADS)
    await stage.beat()
    attention = (await stage.read(people))["attention"]
    assert attention["code"] == "instance_blocked"
    assert "Access denied" in attention["message"]

    cars = await stage.created(CARS, object_type="custom_object", object_name="car_c", format="ssv")

    async def cars_done() -> bool:
        return (await stage.read(cars))["status"] == "complete"

    await stage.run(until=cars_done)
    waiting = await stage.read(people)
    assert (waiting["status"], waiting["rows"]["pending"]) == ("queued", 2)

    no_right_to_leads.clear()
    await stage.run()
    told = await stage.read(people)
    assert (told["status"], told["attention"], told["rows"]["imported"]) == ("complete", None, 2)


async def test_a_person_s_word_has_a_part_that_met_603_tried_at_once(stage: Stage, no_right_to_leads: list[bool]):
    """It would wait for 300 seconds by itself, and the instance for 60."""
    people = await stage.created(LEADS)
    await stage.beat()
    (part,) = await stage.parts(people)
    assert (part["last_error"]["code"], part["next_attempt_at"]) == ("603", "2026-11-04T12:05:00.000Z")
    no_right_to_leads.clear()
    await stage.beat()
    assert len(stage.posted) == 1
    await stage.api.post("/v1/instances/default/resume")
    await stage.beat()
    assert len(stage.posted) == 2
    assert (await stage.parts(people))[0]["state"] == "queued"


@pytest.fixture
async def patient(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A stage where an hour is long."""
    async with staged(database_url, clock, stuck_seconds=HOUR) as found:
        yield found


async def needs_attention(stage: Stage) -> list[int]:
    listed = (await stage.api.get("/v1/imports", params={"attention": "true"})).json()["items"]
    return [one["id"] for one in listed]


async def test_a_part_that_stays_in_marketos_queue_while_nothing_moves_is_stuck(patient: Stage):
    """Others hold both importers, and do not get on."""
    patient.simulator.occupy(2, 3 * HOUR)
    queued = await patient.created(LEADS)
    await patient.beat()
    since = patient.clock()
    await patient.run(until=lambda: is_later(patient, since.timestamp() + HOUR - 60), seconds=236)
    assert [part["state"] for part in await patient.parts(queued)] == ["queued"]
    assert (await patient.read(queued))["attention"] is None
    assert await needs_attention(patient) == []
    patient.clock.step(60)
    told = (await patient.read(queued))["attention"]
    assert told["code"] == "stuck"
    assert "nothing moves there" in told["message"]
    assert told["since"] == since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert await needs_attention(patient) == [queued]
    await patient.take_lease()
    assert (await patient.api.get("/v1/status")).json()["status"] == "degraded"
    await patient.run(seconds=600)
    assert (await patient.read(queued))["attention"] is None


async def is_later(stage: Stage, moment: float) -> bool:
    return stage.clock().timestamp() >= moment


@pytest.mark.endure
async def test_a_part_that_queues_for_long_while_others_get_on_is_not_stuck(database_url: str, clock: SteppedClock):
    """Three jobs of forty minutes, one importer's worth of them ahead: long, and yet it moves."""
    rules = Rules(importers=1, job_seconds=40 * 60)
    async with staged(database_url, clock, rules=rules, stuck_seconds=HOUR) as stage:
        made = [await stage.created(leads(5, start=10 * n)) for n in range(3)]
        await stage.beat()
        begin = clock().timestamp()
        await stage.run(until=lambda: is_later(stage, begin + 75 * 60), seconds=60)
        states = [(await stage.parts(import_id))[0]["state"] for import_id in made]
        assert states == ["complete", "importing", "queued"]
        assert [(await stage.read(import_id))["attention"] for import_id in made] == [None] * 3
        assert await needs_attention(stage) == []


async def test_a_part_that_imports_for_too_long_is_stuck(patient: Stage):
    """As before: a job that never ends."""
    patient.simulator.order(Fault("stuck_importing"))
    import_id = await patient.created(LEADS)
    await patient.beat()
    begin = patient.clock().timestamp()
    await patient.run(until=lambda: is_later(patient, begin + HOUR + 60), seconds=300)
    assert (await patient.read(import_id))["attention"]["code"] == "stuck"
    assert await needs_attention(patient) == [import_id]
