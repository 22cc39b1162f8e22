"""The history of an import as a stream of events."""

import asyncio
from typing import Any

import pytest
from httpx_sse import ServerSentEvent, aconnect_sse

from app.api.app import create_app
from app.reporting import follow
from tests.api.test_waiting import quiet, watched
from tests.story.files import LEADS, leads
from tests.support.listener import SOON_SECONDS, Listener, events_in
from tests.support.stage import Stage
from tests.support.statements import connections_in_use, statements

STREAM = {"Accept": "text/event-stream"}


def listening(stage: Stage, import_id: int, **headers: str) -> Listener:
    path = f"/v1/imports/{import_id}/events"
    return Listener(create_app(stage.container), path, accept="text/event-stream", **headers)


async def history(stage: Stage, import_id: int) -> list[dict[str, Any]]:
    answer = await stage.api.get(f"/v1/imports/{import_id}/events", params={"page_size": 200})
    assert answer.headers["Vary"] == "Accept"
    return answer.json()["items"]


async def streamed(stage: Stage, import_id: int, **headers: str) -> list[dict[str, Any]]:
    """A stream to its end."""
    async with asyncio.timeout(SOON_SECONDS):
        answer = await stage.api.get(f"/v1/imports/{import_id}/events", headers=STREAM | headers)
    assert answer.status_code in {200, 204}, answer.text
    return events_in(answer.text)


async def test_events_come_as_they_happen_and_end_with_the_import(stage: Stage):
    """Each as soon as it is committed; together they are the history, in its order."""
    import_id = await stage.created(LEADS)
    async with listening(stage, import_id) as caller:
        assert await caller.piece() == b":\n", "a comment, by which proxies pass the answer on"
        assert caller.status == 200
        assert caller.headers["content-type"].startswith("text/event-stream")
        assert caller.headers["cache-control"] == "no-cache"
        assert caller.headers["x-accel-buffering"] == "no"
        assert caller.headers["vary"] == "Accept"
        heard = [await caller.event()]
        await watched(stage)
        await stage.instance_worker.submit.run_once(stage.lease)
        run = asyncio.create_task(stage.run())
        while (some := await caller.events()) is not None:
            heard += some
        await run
    assert heard == await history(stage, import_id)
    assert heard[0]["type"] == "accepted"
    assert heard[-1]["type"] == "finished"
    assert not stage.container.subscriptions.subscribers


async def test_a_stream_goes_on_where_the_last_one_broke_off(stage: Stage):
    """At every position: exactly the events that are missing, and 204 where there is none."""
    import_id = await stage.created(leads(30))
    await stage.created(leads(30, start=100))
    await stage.run()
    whole = await history(stage, import_id)
    assert await streamed(stage, import_id) == whole
    for seen in range(len(whole)):
        assert await streamed(stage, import_id, **{"Last-Event-ID": str(whole[seen]["id"])}) == whole[seen + 1 :]
    answer = await stage.api.get(
        f"/v1/imports/{import_id}/events", headers=STREAM | {"Last-Event-ID": str(whole[-1]["id"])}
    )
    assert answer.status_code == 204, "an EventSource stops here, and would open any other answer again"
    assert answer.headers["content-type"].startswith("text/event-stream"), "readers look at it first"


async def read_by_httpx_sse(stage: Stage, import_id: int, **headers: str) -> list[ServerSentEvent]:
    """As anybody would who reads the library's page, without a special case."""
    async with (
        asyncio.timeout(SOON_SECONDS),
        aconnect_sse(stage.api, "GET", f"/v1/imports/{import_id}/events", headers=headers) as source,
    ):
        return [message async for message in source.aiter_sse()]


async def test_httpx_sse_reads_an_event_in_every_message(stage: Stage):
    """Every message that it sees carries JSON, `retry` comes with the first, and the stream is resumed anywhere."""
    import_id = await stage.created(LEADS)
    await stage.run()
    whole = await history(stage, import_id)
    messages = await read_by_httpx_sse(stage, import_id)
    assert [message.json() for message in messages] == whole
    assert [message.id for message in messages] == [str(event["id"]) for event in whole]
    assert {message.event for message in messages} == {"message"}
    assert [message.retry is not None for message in messages] == [True] + [False] * (len(whole) - 1)
    for seen, message in enumerate(messages):
        rest = await read_by_httpx_sse(stage, import_id, **{"Last-Event-ID": message.id})
        assert [later.json() for later in rest] == whole[seen + 1 :]
        assert all(later.retry for later in rest[:1])


async def test_httpx_sse_sees_nothing_of_silence(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """Neither of the comment at the beginning nor of those between two events."""
    monkeypatch.setattr(follow, "HEARTBEAT_SECONDS", 0.001)
    import_id = await stage.created(LEADS)
    reading = asyncio.create_task(read_by_httpx_sse(stage, import_id))
    await watched(stage)
    await quiet(stage)
    await stage.run()
    messages = await reading
    assert [message.json() for message in messages] == await history(stage, import_id)


async def test_an_id_of_another_time_is_no_place_to_go_on_from(stage: Stage):
    """After a restored backup an import may not have come so far: from its first event on, rather than none."""
    import_id = await stage.created(LEADS)
    await stage.run()
    assert await streamed(stage, import_id, **{"Last-Event-ID": str(2**62)}) == await history(stage, import_id)


@pytest.mark.parametrize("given", ["soon", "-1", "1.5", "99999999999999999999", "٣"])
async def test_what_is_no_event_id_is_refused(stage: Stage, given: str):
    """422, and it says what to do."""
    import_id = await stage.created(LEADS)
    headers = STREAM | {"Last-Event-ID": given.encode()}
    answer = await stage.api.get(f"/v1/imports/{import_id}/events", headers=headers)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["Last-Event-ID"]


async def test_a_stream_has_no_pages(stage: Stage):
    """A parameter that does nothing must not go unnoticed; and an import that is not there is a 404."""
    import_id = await stage.created(LEADS)
    answer = await stage.api.get(f"/v1/imports/{import_id}/events", headers=STREAM, params={"page_size": 5})
    assert answer.status_code == 422
    assert (await stage.api.get(f"/v1/imports/{import_id + 1}/events", headers=STREAM)).status_code == 404


async def test_silence_is_filled_with_heartbeats(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """Comments, which no client shows; and they ask nothing of the database."""
    monkeypatch.setattr(follow, "HEARTBEAT_SECONDS", 0.001)
    import_id = await stage.created(LEADS)
    async with listening(stage, import_id) as caller:
        await caller.event()
        await quiet(stage)
        with statements(stage.container.db) as sent:
            for _ in range(5):
                assert await caller.piece() == b":\n"
        assert sent == []


async def test_who_listens_holds_no_connection(stage: Stage):
    """And a hundred who are told of the same event read it once."""
    import_id = await stage.created(LEADS, not_before="2027-01-01T00:00:00Z")
    callers = [listening(stage, import_id) for _ in range(100)]
    for caller in callers:
        await caller.__aenter__()
        await caller.event()
    await watched(stage, 100)
    await quiet(stage)
    assert connections_in_use(stage.container.db) == 0
    with statements(stage.container.db) as sent:
        await stage.container.cancel.run(import_id, by="a test")
        for caller in callers:
            last = await caller.events()
            assert [event["type"] for event in last or []] == ["cancel_requested", "cancel", "finished"]
            assert await caller.piece() is None
    assert len([item for item in sent if "FROM event" in item]) <= 2 * 2, (
        "two statements; once more where it came early"
    )
    for caller in callers:
        await caller.hang_up()
    assert not stage.container.subscriptions.subscribers


async def test_a_slow_reader_fills_no_memory(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """What it has not taken is not read either; it still gets every event, in order."""
    monkeypatch.setattr(follow, "PAGE_EVENTS", 2)
    import_id = await stage.created(leads(30))
    async with listening(stage, import_id) as caller:
        await caller.event()
        await watched(stage)
        await stage.run()
        with statements(stage.container.db) as sent:
            for _ in range(1000):
                await asyncio.sleep(0)
        assert sent == []
        heard = []
        while (some := await caller.events()) is not None:
            assert len(some) <= 2
            heard += some
    assert heard == (await history(stage, import_id))[1:]


async def test_who_hangs_up_is_forgotten(stage: Stage):
    """Nobody watches for it any more, and what happens then is read by nobody."""
    import_id = await stage.created(LEADS)
    async with listening(stage, import_id) as caller:
        await caller.event()
        await watched(stage)
        async with asyncio.timeout(SOON_SECONDS):
            await caller.hang_up()
        await watched(stage, 0)


async def test_a_stop_ends_every_stream(stage: Stage):
    """In good order and before the import has finished: its client opens another one elsewhere, from there on."""
    import_id = await stage.created(LEADS)
    async with listening(stage, import_id) as caller:
        first = await caller.event()
        await watched(stage)
        stage.container.subscriptions.end()
        assert await caller.piece() is None
    assert first["type"] == "accepted"


async def test_a_stream_is_let_in_anew_now_and_then(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """It ends after an hour, whether or not anything happens."""
    monkeypatch.setattr(follow, "STREAM_SECONDS", 0.01)
    monkeypatch.setattr(follow, "HEARTBEAT_SECONDS", 0.005)
    import_id = await stage.created(LEADS)
    async with listening(stage, import_id) as caller:
        while await caller.piece() is not None:
            pass
        assert caller.status == 200


async def test_what_happens_after_the_end_is_told_too(stage: Stage):
    """A retry is an event of the import that it mends."""
    import_id = await stage.created(LEADS, not_before="2027-01-01T00:00:00Z")
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    finished = (await history(stage, import_id))[-1]
    assert finished["type"] == "finished"
    assert (await stage.api.post(f"/v1/imports/{import_id}/retry")).status_code == 202
    later = await streamed(stage, import_id, **{"Last-Event-ID": str(finished["id"])})
    assert [event["type"] for event in later] == ["retried"]
