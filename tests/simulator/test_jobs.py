from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator import Fault, Rules
from app.simulator.jobs import Job, Queue
from tests.simulator.conftest import Bench, error

ROWS = b"email\na@example.com\n"


async def test_two_are_imported_ten_are_in_the_queue_and_the_eleventh_gets_1016(bench: Bench) -> None:
    batches = [await bench.leads(ROWS) for _ in range(10)]
    states = [(await bench.status(batch))["status"] for batch in batches]
    assert states == ["Importing"] * 2 + ["Queued"] * 8
    assert error(await bench.post("/bulk/v1/leads.json", ROWS)) == ("1016", "Too many imports")
    bench.clock.step(2.1)
    assert await bench.leads(ROWS) == batches[-1] + 1


async def test_jobs_are_imported_in_the_order_they_came(bench: Bench) -> None:
    for _ in range(6):
        await bench.leads(ROWS)
    bench.clock.step(100)
    jobs = bench.sim.report()["jobs"]
    starts = [job["started_at"] - jobs[0]["queued_at"] for job in jobs]
    assert starts == pytest.approx([0, 0, 2.0002, 2.0002, 4.0004, 4.0004], abs=1e-5)
    assert bench.sim.report()["most_importing"] == 2
    assert bench.sim.report()["most_outstanding"] == 6


async def test_a_queued_job_tells_its_status_and_no_counts(bench: Bench) -> None:
    for _ in range(3):
        batch = await bench.leads(ROWS)
    assert await bench.status(batch) == {"batchId": batch, "importId": str(batch), "status": "Queued"}


async def test_counts_grow_while_a_job_is_imported(make) -> None:
    bench = await make(rows_per_second=10, job_seconds=0)
    rows = b"email\n" + b"".join(b"p%d@example.com\n" % n for n in range(100))
    batch = await bench.leads(rows)
    seen = []
    for _ in range(11):
        seen.append((await bench.status(batch))["numOfLeadsProcessed"])
        bench.clock.step(1)
    assert seen[0] == 0
    assert seen == sorted(seen)
    assert 40 <= seen[5] <= 50
    assert seen[-1] == 100


async def test_all_types_share_the_queue_unless_told_otherwise(make) -> None:
    for queue, expected in (("shared", "1016"), ("per_type", None)):
        bench = await make(queue=queue)
        for _ in range(10):
            await bench.leads(ROWS)
        response = await bench.post("/bulk/v1/customobjects/car_c/import.json", b"vin\nA\n")
        assert (error(response)[0] if expected else None) == expected


async def test_progress_by_polls(make) -> None:
    bench = await make(progress="polls", polls_per_job=3)
    batch = await bench.leads(ROWS)
    bench.clock.step(9999)
    await bench.login()
    states = [(await bench.status(batch))["status"] for _ in range(4)]
    assert states == ["Importing", "Importing", "Complete", "Complete"]


async def test_foreign_jobs_take_places_and_leave_them(bench: Bench) -> None:
    assert bench.sim.occupy(slots=9, seconds=60) == 9
    batch = await bench.leads(ROWS)
    assert error(await bench.post("/bulk/v1/leads.json", ROWS))[0] == "1016"
    bench.clock.step(59)
    assert (await bench.status(batch))["status"] == "Queued"
    bench.clock.step(1)
    assert (await bench.status(batch))["status"] == "Importing"
    assert bench.sim.report()["most_own_outstanding"] == 1
    assert len(bench.sim.report()["jobs"]) == 1


async def test_a_list_that_is_being_imported_to_gets_1019(bench: Bench) -> None:
    await bench.leads(ROWS, listId="1")
    assert error(await bench.post("/bulk/v1/leads.json", ROWS, listId="1")) == ("1019", "Import in progress")
    await bench.leads(ROWS, listId="2")
    bench.clock.step(5)
    await bench.leads(ROWS, listId="1")
    assert [lead["email"] for lead in bench.sim.list_members(1)] == ["a@example.com"]


async def test_the_clock_never_goes_back(bench: Bench) -> None:
    batch = await bench.leads(ROWS)
    bench.clock.step(5)
    assert (await bench.status(batch))["status"] == "Complete"
    latest = bench.sim.report()["now"]
    bench.clock.step(-1000)
    assert bench.sim.report()["now"] == latest
    assert (await bench.status(batch))["status"] == "Complete"


async def test_the_machines_clock_can_run_faster(monkeypatch) -> None:
    from app.simulator.clock import machine_clock

    monotonic = iter([100.0, 101.0, 102.5])
    monkeypatch.setattr("app.simulator.clock.time.monotonic", lambda: next(monotonic))
    monkeypatch.setattr("app.simulator.clock.time.time", lambda: 1000.0)
    now = machine_clock(60)
    assert [now(), now()] == [1060.0, 1150.0]
    monkeypatch.undo()
    await asyncio.sleep(0)


arrivals = st.lists(
    st.tuples(st.floats(0, 30), st.integers(0, 50_000), st.sampled_from(["plain", "plain", "foreign", "stuck"])),
    max_size=25,
)


class Story:
    """Jobs put into a queue at given times, and all that came of it."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.finished: list[tuple[int, float]] = []
        rules = Rules(rows_per_second=5000, job_seconds=1)
        self.queue = Queue(
            rules,
            on_start=lambda job: self.started.append(job.batch_id),
            on_finish=lambda job: self.finished.append((job.batch_id, job.finished_at or 0)),
        )
        self.jobs: list[Job] = []

    def run(self, plan: list[tuple[float, int, str]], looks: list[float]) -> Story:
        moments = sorted([(at, rows, kind) for at, rows, kind in plan] + [(at, -1, "look") for at in looks])
        for number, (at, rows, kind) in enumerate(moments):
            self.queue.settle(at)
            if kind == "look" or self.queue.places_left("all") < 1:
                continue
            seconds = float("inf") if kind == "stuck" else 1 + rows / 5000
            job = Job(number, "all", rows, seconds, queued_at=at)
            if kind == "foreign":
                job.ends_at = at + seconds
            else:
                job.target = TARGET
            self.queue.add(job, at)
            self.jobs.append(job)
            assert len(self.queue.outstanding) <= 10
            assert sum(job.status == "Importing" for job in self.queue.outstanding) <= 2
        self.queue.settle(1000)
        return self

    def told(self) -> list[tuple[float, str, float | None, float | None]]:
        return [(job.queued_at, job.status, job.started_at, job.finished_at) for job in self.jobs]


@given(arrivals, st.lists(st.floats(0, 60), max_size=40))
def test_looking_often_or_once_tells_the_same_story(plan, looks) -> None:
    once, often = Story().run(plan, []), Story().run(plan, looks)
    assert once.told() == often.told()


@given(arrivals)
def test_never_more_than_two_of_ten_and_first_in_first_out(plan) -> None:
    story = Story().run(plan, [])
    own = [job for job in story.jobs if job.target is not None]
    starts = [job.started_at for job in own if job.started_at is not None]
    assert starts == sorted(starts)
    assert all(job.started_at >= job.queued_at for job in own if job.started_at is not None)
    for job in story.jobs:
        if job.started_at is None:
            continue
        side_by_side = [
            other
            for other in story.jobs
            if other.started_at is not None
            and other.started_at <= job.started_at
            and (other.finished_at is None or other.finished_at > job.started_at)
        ]
        assert len(side_by_side) <= 2
    assert story.queue.most_importing <= 2
    assert story.queue.most_outstanding <= 10
    assert [at for _, at in story.finished] == sorted(at for _, at in story.finished)


def _target():
    from app.simulator.targets import Target

    return Target("lead", "lead", ("email",), {}, "reject")


TARGET = _target()


async def test_a_slow_queue_starts_nothing_for_a_while(bench: Bench) -> None:
    bench.sim.order(Fault("slow_queue", seconds=30))
    batch = await bench.leads(ROWS)
    bench.clock.step(29)
    assert (await bench.status(batch))["status"] == "Queued"
    bench.clock.step(1)
    assert (await bench.status(batch))["status"] == "Importing"
    bench.clock.step(3)
    assert (await bench.status(batch))["status"] == "Complete"
