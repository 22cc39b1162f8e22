"""`estimated_finish_at`: what callers are told of the end, and what asking costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import event

from app.simulator import Rules
from tests.story.files import leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

JOB_SECONDS, ROWS = 20, 200
RULES = Rules(job_seconds=JOB_SECONDS)


def moment(told: str) -> datetime:
    return datetime.fromisoformat(told)


async def taught(stage: Stage) -> None:
    """Let an import run, so that the pace is known, and written down."""
    for n in range(3):
        await stage.created(leads(ROWS, start=100_000 + 1000 * n))
        await stage.run(seconds=1)
    stage.clock.step(15)
    await stage.beat()


async def test_the_end_is_foretold_within_a_few_looks(database_url: str, clock: SteppedClock):
    """For eight imports at once: in their order, each within fifteen seconds of what came true."""
    async with staged(database_url, clock, rules=RULES) as stage:
        assert (await stage.read(await stage.created(leads(ROWS, start=90_000))))["estimated_finish_at"] is None
        await taught(stage)
        made = [await stage.created(leads(ROWS, start=1000 * n)) for n in range(1, 9)]
        await stage.beat()
        clock.step(5)
        told = [await stage.read(import_id) for import_id in made]
        foretold = [moment(item["estimated_finish_at"]) for item in told]
        assert foretold == sorted(foretold)
        while not await stage.quiet():  # in short steps: `run` makes longer ones while nothing is said to Marketo
            await stage.beat()
            stage.clock.step(5)
        came_true = [moment((await stage.read(import_id))["finished_at"]) for import_id in made]
        for was_told, was in zip(foretold, came_true, strict=True):
            assert abs(was - was_told) <= timedelta(seconds=15)
        assert (await stage.read(made[0]))["estimated_finish_at"] is None


async def test_a_caller_is_told_to_come_back_when_it_should_be_done(database_url: str, clock: SteppedClock):
    """Within reason: not before there can be news, and not in an hour's time."""
    async with staged(database_url, clock, rules=RULES) as stage:
        first = await stage.create(leads(ROWS, start=90_000))
        assert first.headers["Retry-After"] == "5"
        await stage.run()
        await taught(stage)
        assert 15 <= int((await stage.create(leads(ROWS, start=1000))).headers["Retry-After"]) <= 30
        tomorrow = (clock() + timedelta(days=1)).isoformat()
        assert (await stage.create(leads(ROWS, start=2000), not_before=tomorrow)).headers["Retry-After"] == "60"


async def test_a_pause_and_a_block_take_the_end_out_of_sight(database_url: str, clock: SteppedClock):
    """Of what waits here; it is in sight again once the pause is over."""
    async with staged(database_url, clock, rules=RULES) as stage:
        await taught(stage)
        waiting = await stage.created(leads(ROWS, start=1000))
        await stage.api.post("/v1/instances/default/pause")
        assert (await stage.read(waiting))["estimated_finish_at"] is None
        await stage.api.post("/v1/instances/default/resume")
        assert (await stage.read(waiting))["estimated_finish_at"] is not None
        clock.step(46)  # one and a half leases without a sign of life
        assert (await stage.read(waiting))["estimated_finish_at"] is None


@contextmanager
def statements(stage: Stage) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = stage.container.db._reader.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_a_list_of_many_costs_as_many_questions_as_a_list_of_few(database_url: str, clock: SteppedClock):
    """And tells of each import what its own page tells."""
    async with staged(database_url, clock, rules=RULES) as stage:
        await taught(stage)
        made = [await stage.created(leads(ROWS, start=1000 * n)) for n in range(1, 16)]
        clock.step(6)
        counts = []
        for size in (2, 15):
            with statements(stage) as asked:
                items = (await stage.api.get("/v1/imports", params={"page_size": size})).json()["items"]
            counts.append(len(asked))
            clock.step(6)
        assert counts[0] == counts[1]
        assert [item["id"] for item in items] == sorted(made, reverse=True)
        listed = (await stage.api.get("/v1/imports")).json()["items"]
        assert all(item["estimated_finish_at"] for item in listed if item["status"] == "queued")
        assert listed[3] == await stage.read(listed[3]["id"])


async def test_what_waits_is_summed_once_in_five_seconds(database_url: str, clock: SteppedClock):
    """However often somebody asks."""
    async with staged(database_url, clock, rules=RULES) as stage:
        await taught(stage)
        waiting = await stage.created(leads(ROWS, start=1000))
        clock.step(6)
        with statements(stage) as asked:
            for _ in range(3):
                await stage.read(waiting)
            assert len([item for item in asked if "GROUP BY (part.turn" in item]) == 1
            clock.step(5)
            await stage.read(waiting)
            assert len([item for item in asked if "GROUP BY (part.turn" in item]) == 2
