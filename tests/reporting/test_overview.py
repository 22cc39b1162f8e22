"""The overview as it is read."""

from app.domain.imports import ImportStatus
from app.reporting.needs import NeedKind
from tests.story.files import LEADS, leads
from tests.support.stage import Stage


async def test_the_ten_places_are_those_of_our_jobs_and_of_others(stage: Stage):
    """Two importing, the rest behind; what waits is done later than what is there."""
    for number in range(12):
        await stage.created(leads(50, start=50 * number), label=f"n{number}")
    for _ in range(6):
        await stage.beat()
        stage.clock.step(2)
    overview = await stage.container.reports.overview.read()
    (instance,) = overview.instances
    assert len(instance.importing) <= 2
    places = [*instance.importing, *instance.behind]
    assert len(places) + instance.others + instance.free_behind + instance.free_importers == 10
    assert all(place.parts for place in places)
    assert all(place.progress is None or 0 <= place.progress < 1 for place in places)


async def test_a_finished_day_is_in_the_chart(stage: Stage):
    await stage.created(LEADS)
    await stage.run()
    stage.clock.step(31)  # the chart is read anew
    overview = await stage.container.reports.overview.read()
    assert overview.imports[ImportStatus.COMPLETE] == 1
    assert sum(hour.imported for hour in overview.hours) == LEADS.count(b"\n") - 1
    assert sum(hour.busy_seconds for hour in overview.hours) > 0
    assert overview.needs == []


async def test_a_paused_instance_and_its_imports_are_one_need(stage: Stage):
    await stage.created(LEADS)
    await stage.container.pause.run("default", reason="cleaning", by="ann")
    overview = await stage.container.reports.overview.read()
    assert [need.kind for need in overview.needs] == [NeedKind.INSTANCE]
    assert overview.headline.work == "Nothing is sent to Marketo: default stands still."
    assert overview.instances[0].waiting_until is None


async def test_of_a_client_only_its_own_is_read(stage: Stage):
    """The stage's client is `local`."""
    await stage.created(LEADS)
    reader = stage.container.reports.overview
    assert (await reader.read_of_client("local")).imports[ImportStatus.QUEUED] == 1
    assert (await reader.read_of_client("another")).imports[ImportStatus.QUEUED] == 0
    assert await reader.waiting_imports("another") == 0
    assert await reader.waiting_imports("local") == await reader.waiting_imports(None) == 1
