"""Many small files are few jobs at Marketo, and each import gets what is its own."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select

from app.domain.throughput import ThroughputModel
from app.simulator import Fault
from app.store.tables import result_file
from tests.story.test_result_rows import send_instead
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


def people(*numbers: int, name: str = "Ann") -> bytes:
    return b"email,firstName\n" + b"".join(f"p{n}@example.com,{name}\n".encode() for n in numbers)


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """A service that bundles."""
    async with staged(database_url, clock, bundle_seconds=20) as stage:
        yield stage


def teach(stage: Stage) -> None:
    """A job takes two seconds and a fifth of a millisecond for each row, as the simulated Marketo has it."""
    stage.instance_worker.queue_model.throughput = ThroughputModel().observe(1_000, 2.2).observe(9_000, 3.8)


def jobs_of(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.simulator.report()["jobs"])


async def statuses(stage: Stage) -> set[str]:
    return {item["status"] for item in (await stage.api.get("/v1/imports", params={"page_size": 200})).json()["items"]}


async def test_many_small_files_are_few_jobs(stage: Stage):
    """Two importers are free: half of them each, and every record arrives."""
    for n in range(60):
        await stage.created(people(n))
    await stage.run()
    assert await statuses(stage) == {"complete"}
    assert len(jobs_of(stage)) == 2
    assert {record["email"] for record in stage.simulator.records("lead")} == {f"p{n}@example.com" for n in range(60)}


async def parts_of(stage: Stage, *import_ids: int) -> list[dict[str, Any]]:
    return [part for import_id in import_ids for part in await stage.parts(import_id)]


async def told(stage: Stage, import_id: int) -> list[str]:
    return await stage.events(import_id)


async def test_an_idle_system_sends_a_single_small_file_at_once(stage: Stage):
    """Nothing waits for company: what comes while it is away goes next, together."""
    first = await stage.created(people(1))
    await stage.beat()
    assert len(jobs_of(stage)) == 1
    others = [await stage.created(people(n)) for n in range(2, 12)]
    await stage.run()
    assert await statuses(stage) == {"complete"}
    assert {part["batch_id"] for part in await parts_of(stage, first)} == {jobs_of(stage)[0]["batch_id"]}
    assert len({part["batch_id"] for part in await parts_of(stage, *others)}) <= 2


async def test_EACH_ITS_OWN_every_import_gets_its_own_failures_and_warnings(stage: Stage):
    """By source row; the sums are Marketo's."""
    bad = {3: "nonsense", 7: "nothing"}
    made = {}
    for n in range(12):
        score = bad.get(n, "5").encode()
        rows = f"p{n}@example.com,".encode() + b"1\n" + f"q{n}@example.com,".encode() + score + b"\n"
        made[n] = await stage.created(b"email,leadScore\n" + rows)
    await stage.run()
    assert await statuses(stage) == {"complete"}
    for n, import_id in made.items():
        found = await stage.read(import_id)
        failed = 1 if n in bad else 0
        assert (found["rows"]["imported"], found["rows"]["failed"], found["rows"]["pending"]) == (2 - failed, failed, 0)
        items = (
            await stage.api.get(f"/v1/imports/{import_id}/failures", headers={"Accept": "application/json"})
        ).json()
        assert [item["source_row"] for item in items["items"]] == [2] * failed
        assert all(item["values"]["email"] == f"q{n}@example.com" for item in items["items"])
    (batches,) = {tuple(sorted({part["batch_id"] for part in await parts_of(stage, *made.values())}))}
    assert len(batches) == 2


async def test_ONE_KEY_AT_A_TIME_no_two_parts_of_a_bundle_share_a_record(stage: Stage):
    """The later one goes in a job of its own, behind the first, and its value stands."""
    first, other, second = [
        await stage.created(people(1, name="old")),
        await stage.created(people(2)),
        await stage.created(people(1, name="new")),
    ]
    await stage.run()
    parts = {import_id: (await stage.parts(import_id))[0] for import_id in (first, other, second)}
    assert parts[first]["batch_id"] != parts[second]["batch_id"]
    assert {record["email"]: record["firstName"] for record in stage.simulator.records("lead")}[
        "p1@example.com"
    ] == "new"


async def test_files_for_one_list_go_in_one_job(stage: Stage):
    """In their order; before, they went one after the other."""
    made = [await stage.created(people(n), list_id=1) for n in range(60)]
    await stage.run()
    assert await statuses(stage) == {"complete"}
    assert len(jobs_of(stage)) <= 2
    assert len(made) == 60


@pytest.mark.parametrize(
    "parameters", [{"bundle": "never"}, {"priority": 7}, {"on_unconfirmed": "hold"}, {"list_id": 1}]
)
async def test_what_is_not_alike_goes_by_itself(stage: Stage, parameters: dict[str, Any]):
    """Another priority, policy or target; and who says so."""
    await stage.created(people(1))
    await stage.beat()
    alike = [await stage.created(people(n)) for n in (2, 3)]
    other = await stage.created(people(4), **parameters)
    await stage.run()
    assert await statuses(stage) == {"complete"}
    (mine,) = {part["batch_id"] for part in await parts_of(stage, *alike)}
    assert (await stage.parts(other))[0]["batch_id"] != mine


@pytest.mark.parametrize(
    "fault",
    [
        Fault("json_error:1003", on="create"),
        Fault("job_failed", on="create"),
        Fault("failed_in_answer", on="create"),
        Fault("all_failed", on="create"),
    ],
    ids=lambda fault: fault.name,
)
async def test_NO_SHARED_BLAME_what_fails_as_a_whole_goes_again_one_by_one(stage: Stage, fault: Fault):
    """And then each import's end is its own."""
    await stage.created(people(1))
    await stage.beat()
    made = [await stage.created(people(n)) for n in range(2, 6)]
    stage.simulator.order(fault)
    await stage.run()
    assert await statuses(stage) == {"complete"}
    for import_id in made:
        assert (await told(stage, import_id)).count("separate") == 1
        found = await stage.read(import_id)
        assert (found["rows"]["imported"], found["rows"]["failed"]) == (1, 0)
    assert len({part["batch_id"] for part in await parts_of(stage, *made)}) == 4


async def test_NO_SHARED_BLAME_a_header_that_marketo_refuses_is_learnt_from_once(stage: Stage):
    """The first that goes alone is told what all were told: the others need not ask."""
    await stage.created(people(1))
    await stage.beat()
    made = [await stage.created(people(n)) for n in range(2, 12)]
    before = len(stage.posted)
    stage.simulator.order(Fault("json_error:1006", on="create", once=False))
    await stage.run()
    assert [(await stage.read(import_id))["status"] for import_id in made] == ["failed"] * 10
    assert len(stage.posted) - before == 2
    assert {(await stage.read(import_id))["error"]["marketo_code"] for import_id in made} == {"1006"}


async def test_NEVER_TWICE_BY_ACCIDENT_a_lost_bundle_is_unconfirmed_as_a_whole_and_settles_as_one(stage: Stage):
    """Then all of it is sent again, and nobody is there twice."""
    await stage.created(people(1))
    await stage.beat()
    made = [await stage.created(people(n)) for n in range(2, 8)]
    stage.simulator.order(Fault("lost_response", on="create"))
    await stage.run(until=lambda: _all(stage, made, "unconfirmed"))
    since = stage.clock()
    await stage.run()
    assert await statuses(stage) == {"complete"}
    assert (stage.clock() - since).total_seconds() >= stage.container.settings.unconfirmed_settle_seconds
    emails = [record["email"] for record in stage.simulator.records("lead")]
    assert len(emails) == len(set(emails)) == 7


async def _all(stage: Stage, import_ids: list[int], state: str) -> bool:
    return {part["state"] for part in await parts_of(stage, *import_ids)} == {state}


async def test_a_cancelled_import_of_a_bundle_that_comes_back_stays_here(stage: Stage):
    """The others go again."""
    await stage.created(people(1))
    await stage.beat()
    made = [await stage.created(people(n)) for n in range(2, 5)]
    stage.simulator.order(Fault("lost_request", on="create"))
    await stage.run(until=lambda: _all(stage, made, "unconfirmed"))
    await stage.api.post(f"/v1/imports/{made[0]}/cancel")
    await stage.run()
    assert [(await stage.read(import_id))["status"] for import_id in made] == ["cancelled", "complete", "complete"]


async def test_NOT_A_GUESS_a_row_that_could_be_anybodys_is_given_to_nobody(stage: Stage):
    """Every import of the job says that results are missing, and counts as imported what surely was."""
    await stage.created(people(1))
    await stage.beat()
    made = []
    for n in range(4):
        score = "bad" if n < 2 else "5"
        content = f"email,leadScore\na{n}@example.com,1\nb{n}@example.com,{score}\n"
        made.append(await stage.created(content.encode(), preflight="off"))
    spoilt = b"email,leadScore,Import Failure Reason\nb0@example.com,bad,no number\nwho@example.net,bad,no number\n"
    await send_instead(stage, spoilt)
    await stage.run()
    found = [await stage.read(import_id) for import_id in made]
    assert [one["rows"]["failed"] for one in found] == [1, 0, 0, 0]
    assert [one["rows"]["imported"] for one in found] == [0, 1, 1, 1]
    assert {one["attention"]["code"] for one in found} == {"results_missing"}
    assert [len(await failures_of(stage, import_id)) for import_id in made] == [1, 0, 0, 0]
    again = [await stage.created(f"email,leadScore\nc{n}@example.com,1\n".encode(), preflight="off") for n in range(3)]
    await stage.run()
    assert len({part["batch_id"] for part in await parts_of(stage, *again)}) == 3, "such parts go alone for a day"
    stage.clock.step(86_401)
    again = [await stage.created(f"email,leadScore\nd{n}@example.com,1\n".encode(), preflight="off") for n in range(5)]
    await stage.run()
    assert len({part["batch_id"] for part in await parts_of(stage, *again)}) < 5


async def failures_of(stage: Stage, import_id: int) -> list[dict[str, Any]]:
    answer = await stage.api.get(f"/v1/imports/{import_id}/failures", headers={"Accept": "application/json"})
    return list(answer.json()["items"])


async def test_erasing_one_import_leaves_nothing_of_it_in_what_marketo_sent_of_the_job(stage: Stage):
    """Its job's files go with it; the others' rows are stored with these."""
    await stage.created(people(1))
    await stage.beat()
    made = []
    for n in range(3):
        content = f"email,leadScore\na{n}@example.com,1\nb{n}@example.com,bad\n"
        made.append(await stage.created(content.encode(), preflight="off"))
    await stage.run()
    async with stage.container.db.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(result_file))).scalar_one() == 1
    assert (await stage.api.delete(f"/v1/imports/{made[0]}")).status_code == 204
    async with stage.container.db.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(result_file))).scalar_one() == 0
    assert [len(await failures_of(stage, import_id)) for import_id in made[1:]] == [1, 1]


async def test_nothing_is_bundled_where_it_is_switched_off(database_url: str, clock: SteppedClock):
    """SLUICE_BUNDLE_SECONDS=0: a job for each file."""
    async with staged(database_url, clock, bundle_seconds=0) as stage:
        for n in range(12):
            await stage.created(people(n))
        await stage.run()
        assert len(jobs_of(stage)) == 12


async def test_a_bundle_keeps_within_the_size_that_marketo_takes(database_url: str, clock: SteppedClock):
    """FITS: its whole body, the envelope included."""
    async with staged(database_url, clock, bundle_seconds=86_400, part_bytes=5_000) as stage:
        teach(stage)
        for n in range(60):
            await stage.created(people(*range(20 * n, 20 * n + 20)))
        await stage.run()
        assert await statuses(stage) == {"complete"}
        assert len(jobs_of(stage)) == 6
        assert max(int(request.headers["content-length"]) for request in stage.posted) <= 5_000
        assert len(stage.simulator.records("lead")) == 1200


async def test_a_job_takes_no_more_along_than_marketo_is_thought_to_work_on(database_url: str, clock: SteppedClock):
    """A row takes a fifth of a millisecond: no more than 5,000 in a second."""
    async with staged(database_url, clock, bundle_seconds=0.2) as stage:
        teach(stage)
        for n in range(20):
            await stage.created(people(*range(500 * n, 500 * n + 500)))
        await stage.run()
        assert max(job["rows"] for job in jobs_of(stage)) == 1000
