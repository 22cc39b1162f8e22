"""What is read beside a part that is to go, and which parts of it ride along. The rule itself: test_bundling."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from app.domain.parts import Part
from app.scheduling.bundler import Bundler
from app.store import part_queries
from tests.story.test_bundling import people
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged
from tests.support.statements import statements


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(database_url, clock, bundle_seconds=20) as stage:
        yield stage


def bundler_of(stage: Stage) -> Bundler:
    """One importer is thought to be there: so nothing is left to another."""
    bundler = stage.instance_worker.submit.schedule.bundler
    return replace(bundler, queue_model=replace(bundler.queue_model, importers=1))


async def waiting(stage: Stage, *contents: bytes, **parameters: object) -> list[Part]:
    """The parts of these files, one each."""
    made = [await stage.created(content, **parameters) for content in contents]
    async with stage.container.db.read() as tx:
        return [(await part_queries.of_import(tx, import_id))[0] for import_id in made]


def ids(parts: Sequence[Part]) -> list[int]:
    return [part.id for part in parts]


async def test_what_is_alike_rides_along_behind_the_leader(stage: Stage):
    """In the order of acceptance, whoever leads: the order of the file is that of acceptance (store/jobs.py)."""
    first, leader, last = await waiting(stage, people(1), people(2), people(3))
    assert await bundler_of(stage).bundle(leader) == ids([leader, first, last])


async def test_a_part_goes_alone_where_nothing_may_ride_along(stage: Stage):
    """Where bundling is off, where it is to go alone, and where nothing is alike."""
    (leader, _) = await waiting(stage, people(1), people(2))
    bundler = bundler_of(stage)
    assert await replace(bundler, bundle_seconds=0).bundle(leader) == [leader.id]
    assert await bundler.bundle(replace(leader, alike=None)) == [leader.id]
    assert await bundler.bundle(replace(leader, alike="0" * 32)) == [leader.id]


async def test_what_is_to_go_later_does_not_ride_along(stage: Stage):
    """Nor does it go before anybody until then."""
    leader, other = await waiting(stage, people(1), people(2))
    (later,) = await waiting(stage, people(2, 3), not_before="2026-11-05T00:00:00Z")
    (behind,) = await waiting(stage, people(3))
    assert later.id not in await bundler_of(stage).bundle(leader)
    assert await bundler_of(stage).bundle(leader) == ids([leader, other, behind])


async def test_only_so_many_waiting_parts_are_looked_at(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """Those behind them go in another job: nobody is overtaken unseen."""
    leader, *others = await waiting(stage, *(people(n) for n in range(6)))
    monkeypatch.setattr("app.scheduling.bundler.MOST_LOOKED", 2)
    assert await bundler_of(stage).bundle(leader) == ids([leader, *others[:2]])


async def test_no_more_keys_are_read_than_there_is_room_for(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """A part whose keys are not read does not ride, and nor does one behind it."""
    leader, *others = await waiting(stage, *(people(n) for n in range(4)))
    monkeypatch.setattr("app.scheduling.bundler.LOOK_BYTES", 8)
    assert await bundler_of(stage).bundle(leader) == ids([leader, others[0]])


async def test_what_touches_a_record_of_a_job_at_marketo_stays(stage: Stage):
    """And so does what touches a record of a part that stays."""
    await stage.created(people(9))
    await stage.beat()
    leader, same, behind, free = await waiting(stage, people(1), people(9, 8), people(8), people(7))
    assert await bundler_of(stage).bundle(leader) == ids([leader, free])
    assert same
    assert behind


async def test_a_list_is_not_shared_out_among_importers(stage: Stage):
    """It takes one job at a time: what does not ride along would have to wait for that one."""
    leader, *others = await waiting(stage, *(people(n) for n in range(8)), list_id=1)
    bundler = stage.instance_worker.submit.schedule.bundler
    assert await bundler.bundle(leader) == ids([leader, *others])


async def test_two_idle_importers_get_half_each(stage: Stage):
    """Of the rows."""
    leader, *others = await waiting(stage, *(people(n) for n in range(8)))
    bundler = stage.instance_worker.submit.schedule.bundler
    assert await bundler.bundle(leader) == ids([leader, *others[:3]])


async def test_it_costs_one_statement_where_nothing_is_alike(stage: Stage):
    """However much waits."""
    (leader, *_) = await waiting(stage, *(people(n) for n in range(5)), bundle="never")
    with statements(stage.container.db) as asked:
        assert await bundler_of(stage).bundle(replace(leader, alike="0" * 32)) == [leader.id]
    assert len([one for one in asked if one.startswith("SELECT")]) == 1


async def test_nothing_is_looked_at_beside_a_part_that_fills_its_job(stage: Stage):
    """A large file's parts cost what they cost before."""
    leader, *others = await waiting(stage, *(people(n) for n in range(4)))
    bundler = replace(bundler_of(stage), body_bytes=leader.size_bytes + 10)
    with statements(stage.container.db) as asked:
        assert await bundler.bundle(leader) == [leader.id]
    assert not [one for one in asked if "part_keys" in one]
    assert await bundler_of(stage).bundle(leader) == ids([leader, *others])
