"""The parts of an import as they are shown."""

from app.domain.instances import WaitingFor
from tests.story.files import LEADS, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


async def test_what_a_part_waits_for_is_shown_and_whom_only_to_whoever_may_see_it(stage: Stage):
    """The second import has the first one's records: it waits while that is at Marketo."""
    first, second = await stage.created(LEADS), await stage.created(LEADS)
    await stage.beat()
    reports = stage.container.reports
    import_ = await reports.imports.get(second)
    assert import_ is not None
    (seen,) = await reports.parts.read(import_, may_see=lambda _client: True)
    (hidden,) = await reports.parts.read(import_, may_see=lambda _client: False)
    assert seen.waiting_for is hidden.waiting_for is WaitingFor.SAME_RECORDS
    assert seen.blockage is not None
    assert seen.blockage.blocker is not None
    assert seen.blockage.blocker.import_id == first
    assert hidden.blockage is not None
    assert hidden.blockage.blocker is None
    assert hidden.blockage.since == seen.blockage.since


async def test_parts_say_with_how_many_other_imports_they_went(database_url: str, clock: SteppedClock):
    """Nothing while they wait, 0 where they went alone; the history tells it too."""
    async with staged(database_url, clock, bundle_seconds=20) as stage:
        first = await stage.created(leads(2))
        assert [part["bundled_with"] for part in await stage.parts(first)] == [None]
        await stage.beat()
        others = [await stage.created(leads(2, start=100 * n)) for n in range(1, 4)]
        await stage.run()
        assert [part["bundled_with"] for part in await stage.parts(first)] == [0]
        for import_id in others:
            (part,) = await stage.parts(import_id)
            assert (part["bundled_with"], part["state"]) == (2, "complete")
            history = (await stage.api.get(f"/v1/imports/{import_id}/events")).json()["items"]
            (claim,) = [event for event in history if event["type"] == "claim"]
            assert claim["data"]["bundled_with"] == 2
