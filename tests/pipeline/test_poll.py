"""Poll: what is told of a job that Marketo denies knowing, or says nothing about."""

from datetime import datetime
from typing import Any

import pytest

from app.simulator import Fault
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.stage import Stage, staged

__all__ = ["log"]


async def history(stage: Stage, import_id: int) -> list[dict[str, Any]]:
    told = (await stage.api.get(f"/v1/imports/{import_id}/events", params={"page_size": 200})).json()["items"]
    return [one for one in told if one["type"] in {"unknown_at_marketo", "unanswered", "forget"}]


async def test_the_third_denial_of_a_job_is_an_event_a_warning_and_attention(stage: Stage, log: Log):
    """One is a slip, two may be; a hundred and eleven were met in silence."""
    import_id = await stage.created(LEADS)
    await stage.beat()
    stage.simulator.order(Fault("forget_batch", on="status"))
    for denials in range(1, 4):
        stage.clock.step(6)
        await stage.beat()
        assert ((await stage.read(import_id))["attention"] is not None) == (denials == 3), denials
        assert len(await history(stage, import_id)) == (denials == 3)
    told = await stage.read(import_id)
    assert told["status"] == "importing"
    assert told["attention"]["code"] == "unknown_at_marketo"
    assert told["attention"]["since"] == "2026-11-04T12:00:06.000Z"
    listed = (await stage.api.get("/v1/imports", params={"attention": "true"})).json()["items"]
    assert [one["id"] for one in listed] == [import_id]
    (event,) = await history(stage, import_id)
    assert (event["type"], event["part"]) == ("unknown_at_marketo", 1)
    assert event["data"] == {"batch_id": 1001, "code": "1013", "since": "2026-11-04T12:00:06.000Z"}
    (line,) = log.lines("unknown_at_marketo")
    assert (line["level"], line["import_id"], line["part"], line["batch_id"]) == ("warning", import_id, 1, 1001)
    (part,) = await stage.parts(import_id)
    assert (part["state"], part["last_error"]["code"]) == ("queued", "1013")
    assert part["last_error"]["at"] == "2026-11-04T12:00:18.000Z"
    assert part["next_attempt_at"] == "2026-11-04T12:00:23.000Z"
    assert (await stage.api.get("/v1/status")).json()["status"] == "degraded"

    for _ in range(20):  # it is denied for ten minutes more, and told no second time
        stage.clock.step(30)
        await stage.beat()
    assert len(await history(stage, import_id)) == 1
    assert (await stage.read(import_id))["attention"] == told["attention"]
    instance = (await stage.api.get("/v1/instances/default")).json()
    assert (instance["state"], instance["last_error"]["call"], instance["last_error"]["code"]) == (
        "running",
        "status",
        "1013",
    )


async def test_a_job_that_marketo_knows_again_needs_no_attention(stage: Stage):
    """And the next denial is the first one."""
    import_id = await stage.created(LEADS)
    await stage.beat()
    stage.simulator.order(Fault("json_error:1013", on="status", times=3))
    for _ in range(3):
        stage.clock.step(6)
        await stage.beat()
    assert (await stage.read(import_id))["attention"]["code"] == "unknown_at_marketo"
    await stage.run()
    told = await stage.read(import_id)
    assert (told["status"], told["attention"]) == ("complete", None)
    assert (await stage.api.get("/v1/status")).json()["status"] == "ok"


@pytest.mark.endure
async def test_a_job_that_is_denied_for_an_hour_is_unconfirmed_and_waits_out_its_settling_time(
    database_url: str, clock: SteppedClock
):
    """As before; then nobody denies it any more, and it goes once more."""
    async with staged(database_url, clock, poll_min_seconds=25, poll_max_seconds=60) as stage:
        import_id = await stage.created(LEADS)
        await stage.beat()
        stage.simulator.order(Fault("forget_batch", on="status"))

        async def is_unconfirmed() -> bool:
            return (await stage.parts(import_id))[0]["state"] == "unconfirmed"

        await stage.run(until=is_unconfirmed, seconds=300)
        assert [event["type"] for event in await history(stage, import_id)] == [
            "unanswered",
            "unknown_at_marketo",
            "forget",
        ]
        assert (await stage.read(import_id))["attention"]["code"] == "unconfirmed"
        (part,) = await stage.parts(import_id)
        assert part["next_attempt_at"] is not None
        await stage.run(seconds=300)
        assert (await stage.read(import_id))["status"] == "complete"


async def test_a_lost_answer_to_a_question_is_no_news_and_half_a_minute_of_them_is(stage: Stage, log: Log):
    """Told once, however long it lasts; and over with the first answer."""
    import_id = await stage.created(LEADS)
    await stage.beat()
    stage.simulator.order(Fault("html_200", on="status", once=False))
    for _ in range(60):
        stage.clock.step(6)
        await stage.beat()
    (event,) = await history(stage, import_id)
    assert (event["type"], event["data"]["code"]) == ("unanswered", "no_answer")
    since = datetime.fromisoformat(event["data"]["since"])
    assert 30 <= (datetime.fromisoformat(event["at"]) - since).total_seconds() <= 60
    assert [line["level"] for line in log.lines("unanswered")] == ["warning"]
    (part,) = await stage.parts(import_id)
    assert "no status" in part["last_error"]["message"]
    stage.simulator.call_off()
    await stage.run()
    assert (await stage.api.get("/v1/status")).json()["status"] == "ok"
