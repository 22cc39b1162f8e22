"""All that is told of one import."""

import pytest

from app.reporting import import_details
from app.reporting.import_details import ImportDetails
from tests.story.files import LEADS_WITH_TROUBLE
from tests.support.stage import Stage


async def details_of(stage: Stage, import_id: int) -> ImportDetails:
    import_ = await stage.container.reports.imports.get(import_id)
    assert import_
    return await stage.container.reports.details.read(import_, may_see=lambda _client: True)


async def test_parts_history_reasons_and_retries_are_told_together(stage: Stage):
    number = await stage.created(LEADS_WITH_TROUBLE)
    await stage.beat()
    under_way = await details_of(stage, number)
    assert len(under_way.jobs) == 1
    assert under_way.last_retry == 0
    await stage.run()
    retry = (await stage.api.post(f"/v1/imports/{number}/retry-failures")).json()["id"]
    done = await details_of(stage, number)
    assert not done.jobs
    assert [count.rows for count in done.failures.counts] == [1, 1]
    assert done.warnings.total == 1
    assert done.columns == 4
    assert done.events[0].type == "accepted"
    assert not done.has_more_events
    assert done.last_retry == retry
    assert (await details_of(stage, retry)).first_of == [number]


async def test_of_a_long_history_only_what_is_notable_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(import_details, "MOST_EVENTS", 3)
    number = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    told = await details_of(stage, number)
    assert told.has_more_events
    assert [event.type for event in told.events] == ["accepted", "finished"]
