"""ONE_KEY_AT_A_TIME: what touches the same records goes one after the other, and everything else flows past."""

from itertools import pairwise
from typing import Any

import pytest

from app.domain.failpoints import Failpoint
from app.simulator import Fault
from tests.story.files import CARS, LEADS, MEMBERS, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

HEADER = b"email,firstName\n"
MEMBER = {"object_type": "program_member", "program_id": 1001, "program_member_status": "On List", "format": "tsv"}
CAR = {"object_type": "custom_object", "object_name": "car_c", "format": "ssv"}


def rows(*numbers: int, name: str = "A") -> bytes:
    return HEADER + b"".join(b"p%d@example.com,%s\n" % (number, name.encode()) for number in numbers)


async def there(stage: Stage) -> list[int]:
    """The imports that have a part at Marketo now, after all that may go has gone."""
    await stage.take_lease()
    while await stage.instance_worker.submit.run_once(stage.lease):
        pass
    found = (await stage.api.get("/v1/imports", params={"page_size": 200})).json()["items"]
    return sorted(one["id"] for one in found if one["parts"]["at_marketo"])


async def waits_for(stage: Stage, import_id: int) -> list[str | None]:
    return [part["waiting_for"] for part in await stage.parts(import_id)]


async def test_ONE_KEY_AT_A_TIME_a_shared_key_waits_and_everything_else_flows_past(stage: Stage):
    """The second waits for the first, the fourth for the third, and nobody for them."""
    made = [await stage.created(rows(*numbers)) for numbers in [(1, 2), (2, 3), (4, 5), (5, 6), (7,)]]
    assert await there(stage) == [made[0], made[2], made[4]]
    assert await waits_for(stage, made[1]) == ["same_records"]
    await stage.run()
    assert len(stage.simulator.records("lead")) == 7


async def test_ONE_KEY_AT_A_TIME_the_last_accepted_wins(stage: Stage):
    """Five times the same person, in five imports, whatever their priority."""
    for n in range(5):
        await stage.created(rows(1, name=f"N{n}"), priority=n + 2)
    await stage.run()
    (record,) = stage.simulator.records("lead")
    assert record["firstName"] == "N4"


async def test_ONE_KEY_AT_A_TIME_spelling_makes_no_difference(stage: Stage):
    """Marketo compares without case and blanks around."""
    await stage.created(b"email\nann@example.com\n")
    await stage.created(b'email\n" ANN@example.com "\n')
    assert len(await there(stage)) == 1
    await stage.run()
    assert len(stage.simulator.records("lead")) == 1


@pytest.mark.parametrize(
    ("first", "second", "side_by_side"),
    [
        ((LEADS, {}), (MEMBERS, MEMBER), False),
        ((leads(2), {}), (MEMBERS, MEMBER), True),
        ((LEADS, {}), (CARS, CAR), True),
        ((b"id,firstName\n7,Ann\n", {"lookup_field": "id"}), (leads(2, start=900), {}), False),
        ((leads(2), {"list_id": 1}), (leads(2, start=50), {"list_id": 1}), False),
        ((leads(2), {"list_id": 1}), (leads(2, start=50), {"list_id": 2}), True),
        ((CARS, CAR), (CARS.replace(b"VIN", b"XYZ"), CAR), True),
    ],
    ids=["lead and member", "two people", "person and car", "two lookups", "one list", "two lists", "two cars"],
)
async def test_what_touches_what(
    stage: Stage, first: tuple[bytes, dict[str, Any]], second: tuple[bytes, dict[str, Any]], side_by_side: bool
):
    """Leads and members are the same people; two lookup fields may find the same lead; a list takes one import."""
    made = [await stage.created(content, **said) for content, said in (first, second)]
    assert await there(stage) == (made if side_by_side else made[:1])
    await stage.run()
    assert "1019" not in stage.simulator.report()["errors"]


async def test_a_lost_answer_keeps_its_keys(stage: Stage):
    """Marketo may be importing it: what shares a key waits until it is settled."""
    stage.simulator.order(Fault("lost_response", on="create", once=True))
    first, second = await stage.created(rows(1, 2)), await stage.created(rows(2, name="B"))
    other = await stage.created(rows(9))
    assert await there(stage) == [first]
    stage.clock.step(10)  # a lost answer makes the whole instance wait a little
    assert await there(stage) == [first, other]
    assert (await stage.parts(first))[0]["state"] == "unconfirmed"
    assert await waits_for(stage, second) == ["same_records"]
    await stage.run(seconds=60)  # it has 900 to settle
    assert {r["email"]: r["firstName"] for r in stage.simulator.records("lead")}["p2@example.com"] == "B"
    assert len(stage.simulator.records("lead")) == 3


async def test_a_part_is_free_as_soon_as_the_one_before_it_has_ended(stage: Stage):
    """However that ended."""
    first, second = await stage.created(rows(1)), await stage.created(rows(1))
    third = await stage.created(rows(1))
    assert await there(stage) == [first]
    assert (await stage.api.post(f"/v1/imports/{second}/cancel")).status_code == 202
    await stage.run()
    assert (await stage.read(third))["status"] == "complete"
    assert len(stage.posted) == 2


async def test_parts_of_one_list_stand_in_a_row(database_url: str, clock: SteppedClock):
    """Each waits for the one before it: the end of one sets one free, and no part is judged again by every end."""
    waited: list[Failpoint] = []
    async with staged(database_url, clock, hit=waited.append) as stage:
        for n in range(8):
            await stage.created(leads(2, start=10 * n), list_id=1)
        await stage.run()
    assert waited.count(Failpoint.LET_WAIT) <= 2 * 8
    report = stage.simulator.report()
    assert "1019" not in report["errors"], "none was sent while another one was there"
    jobs = report["jobs"]
    assert len(jobs) == 8
    assert all(one["finished_at"] <= next_one["started_at"] for one, next_one in pairwise(jobs))


async def test_what_is_not_to_go_yet_holds_nobody_up(stage: Stage):
    """An import for tomorrow has no claim to go first today."""
    tomorrow = await stage.created(rows(1, name="later"), not_before="2026-11-05T12:00:00Z")
    today = await stage.created(rows(1, name="now"))
    assert await there(stage) == [today]
    stage.clock.step(86_400)
    await stage.run()
    assert (await stage.read(tomorrow))["status"] == "complete"
    (record,) = stage.simulator.records("lead")
    assert record["firstName"] == "later"


async def test_a_worker_that_takes_over_judges_anew(stage: Stage):
    """What the last one found out is written down; the rest is found again."""
    first, second = await stage.created(rows(1, 2)), await stage.created(rows(2))
    assert await there(stage) == [first]
    await stage.crash()
    await stage.take_lease()
    assert await there(stage) == [first]
    assert await waits_for(stage, second) == ["same_records"]
    await stage.run()
    assert len(stage.simulator.records("lead")) == 2


@pytest.mark.endure
async def test_very_many_parts_are_judged_a_stretch_at_a_time(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """And none is forgotten between two stretches."""
    monkeypatch.setattr("app.scheduling.conflict_checker.PAGE_RIVALS", 3)
    monkeypatch.setattr("app.scheduling.conflict_checker.LOOK_BYTES", 20)
    monkeypatch.setattr("app.scheduling.candidates.CANDIDATES", 2)
    await stage.created(rows(0, 99))
    for n in range(1, 12):
        await stage.created(rows(n, n - 1))
    urgent = await stage.created(rows(50), priority=9)
    late = await stage.created(rows(10, name="last"), priority=9)
    assert urgent in await there(stage)
    assert late not in await there(stage)
    await stage.run()
    records = {record["email"]: record["firstName"] for record in stage.simulator.records("lead")}
    assert len(records) == len(stage.simulator.records("lead")) == 14
    assert records["p10@example.com"] == "last"
