"""How fast a body has to come: no clock but the loop's is asked, and that one is stepped."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message

from app.api.middleware import body_pace
from app.api.middleware.body_pace import BodyPace
from app.domain.errors import TooSlow
from tests.story.files import LEADS
from tests.support.stage import Stage

WITH_BODY = {"type": "http", "method": "POST", "path": "/", "headers": [(b"transfer-encoding", b"chunked")]}


class Time:
    """What the loop's clock says while a caller sends: so many seconds for each piece."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    stepped = Time()

    class Loop:
        time = stepped

    monkeypatch.setattr(body_pace.asyncio, "get_running_loop", Loop)
    return stepped


class Sender:
    """Sends pieces, each so many seconds after it was asked for the next one; at the end it stays silent."""

    def __init__(self, time: Time, *pieces: tuple[float, int]) -> None:
        self._time = time
        self._pieces: Iterator[tuple[float, int]] = iter(pieces)

    async def __call__(self) -> Message:
        seconds, size = next(self._pieces)
        self._time.now += seconds
        return {"type": "http.request", "body": bytes(size), "more_body": True}


async def taken(sender: Any, pieces: int, *, busy_seconds: float = 0.0, time: Time) -> int:
    """Read so many pieces, working for some time on each; how many bytes that were. Errors: TooSlow."""
    size = 0

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        nonlocal size
        for _ in range(pieces):
            size += len((await receive())["body"])
            time.now += busy_seconds

    await BodyPace(reading, idle_seconds=30, least_bytes_per_second=1_000)(WITH_BODY, sender, None)
    return size


async def test_who_sends_a_thousand_bytes_a_second_is_waited_for(time: Time):
    assert await taken(Sender(time, *[(10, 10_000)] * 100), 100, time=time) == 1_000_000


async def test_who_sends_less_is_told_so_after_half_a_minute(time: Time):
    with pytest.raises(TooSlow) as refused:
        await taken(Sender(time, *[(10, 9_000)] * 100), 100, time=time)
    assert refused.value.code == "upload_too_slow"
    assert time.now == 1030.0


async def test_what_came_quickly_at_first_buys_no_patience_for_later(time: Time):
    """A megabyte at once, and then a byte now and then: given up all the same."""
    with pytest.raises(TooSlow):
        await taken(Sender(time, (1, 1_000_000), *[(20, 1)] * 100), 100, time=time)


async def test_while_the_service_is_at_work_itself_nobody_is_late(time: Time):
    """A sender that is not read from cannot send."""
    assert await taken(Sender(time, *[(1, 2_000)] * 50), 50, busy_seconds=100, time=time) == 100_000


async def test_who_sends_nothing_is_given_up():
    """The wait itself is bounded, by SLUICE_UPLOAD_IDLE_SECONDS."""

    async def silent() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    with pytest.raises(TooSlow) as refused:
        await BodyPace(reading, idle_seconds=0.001, least_bytes_per_second=0)(WITH_BODY, silent, None)
    assert "0.001 seconds" in refused.value.message


async def test_behind_a_body_s_end_nobody_is_hurried():
    """Whoever waits for an answer says nothing more."""
    messages = [{"type": "http.request", "body": b"a", "more_body": False}]
    left = asyncio.Event()

    async def waiting() -> Message:
        if messages:
            return messages.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        going = asyncio.create_task(receive())
        await asyncio.wait({going}, timeout=0.01)
        assert not going.done()
        left.set()
        assert (await going)["type"] == "http.disconnect"

    await BodyPace(reading, idle_seconds=0.0001, least_bytes_per_second=0)(WITH_BODY, waiting, None)


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        ("/v1/imports", "text/csv", "upload_too_slow"),
        ("/v1/imports", "multipart/form-data; boundary=b", "upload_too_slow"),
        ("/v1/instances/default/pause", "application/json", "upload_too_slow"),
        ("/bulk/v1/leads.json?access_token=x", "multipart/form-data; boundary=b", "604"),
        ("/identity/oauth/token", "application/x-www-form-urlencoded", "604"),
    ],
)
async def test_every_body_is_given_up_with_an_answer_and_nothing_is_kept(stage: Stage, path: str, kind: str, code: str):
    """Silent from the middle on."""

    begun = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\n' if "form-data" in kind else b""
    )

    async def sends():
        yield begun + LEADS
        raise TooSlow("Nothing came.", code="upload_too_slow")  # as the wait for more would

    answer = await stage.api.post(path, content=sends(), headers={"Content-Type": kind})
    assert f'"code":"{code}"' in answer.text, answer.text
    if code != "604":
        assert answer.status_code == 408
    assert await stage.holds_nothing()
