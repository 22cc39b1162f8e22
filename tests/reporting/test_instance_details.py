"""One instance in full: what keeps a job from its end, and what is not known here."""

from collections.abc import Awaitable, Callable

import pytest

from app.domain.errors import NotFound
from app.reporting.instance_details import InstanceDetailReader, JobTrouble
from tests.support.clock import SteppedClock
from tests.support.days import seed
from tests.support.stage import staged

INSTANCE = {"base_url": "https://123-abc-456.example.com", "client_id": "id", "client_secret": "secret"}


async def test_a_broken_day_s_jobs_each_say_what_keeps_them_from_their_end(database_url: str, clock: SteppedClock):
    async with staged(database_url, clock, instances=dict.fromkeys(("default", "eu-west"), INSTANCE)) as stage:
        await seed(stage.container.db, "broken", clock())
        details = stage.container.reports.instance_details
        jobs = await details.jobs_under_way("default")
        assert {each.trouble for each in jobs} == {None, JobTrouble.DENIED, JobTrouble.UNCONFIRMED}
        needs = (await details.read("eu-west")).needs
        assert {need.instance.instance.name for need in needs if need.instance} == {"eu-west"}
        clock.step(7 * 3600)
        later = await details.jobs_under_way("default")
        assert {each.trouble for each in later} == {JobTrouble.STUCK, JobTrouble.DENIED, JobTrouble.UNCONFIRMED}


async def test_one_instance_is_told_as_the_overview_tells_it(database_url: str, clock: SteppedClock):
    async with staged(database_url, clock, instances=dict.fromkeys(("default", "eu-west"), INSTANCE)) as stage:
        await seed(stage.container.db, "broken", clock())
        reports = stage.container.reports
        overview = await reports.overview.read()
        for each in overview.instances:
            detail = await reports.instance_details.read(each.view.instance.name)
            assert detail.overview == each
            assert set(map(str, detail.needs)) <= set(map(str, overview.needs))


LOOKS: list[Callable[[InstanceDetailReader], Awaitable[object]]] = [
    lambda details: details.read("nobody"),
    lambda details: details.queue("nobody", after=None, size=1),
    lambda details: details.jobs_under_way("nobody"),
    lambda details: details.jobs_page("nobody", state=None, before=None, size=1),
    lambda details: details.job("default", 99),
    lambda details: details.history("nobody", before=None, size=1),
]


async def test_what_is_not_known_here_is_not_found(database_url: str, clock: SteppedClock):
    async with staged(database_url, clock) as stage:
        for look in LOOKS:
            with pytest.raises(NotFound):
                await look(stage.container.reports.instance_details)
