"""Forms to Marketo's own paths whose sender is known from inside only: few at once, small, and soon there.

Forty half-open ones held 377 MB, for ever, without a key.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api.marketo_compat import routes
from app.domain.api_keys import Scope
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.listener import SOON_SECONDS
from tests.support.order import in_order
from tests.support.stage import Stage, staged

FORM = {"Content-Type": "multipart/form-data; boundary=b"}
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + LEADS
PATH = "/bulk/v1/leads.json?format=csv"


@pytest.fixture
async def stage(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(sqlite_url, clock, auth="on") as found:
        yield found


async def token(stage: Stage) -> str:
    _, key = await stage.container.keys.create("crm", [Scope.SUBMIT])
    _, key_id, secret = key.split("_")
    grant = {"grant_type": "client_credentials", "client_id": key_id, "client_secret": secret}
    return str((await stage.api.get("/identity/oauth/token", params=grant)).json()["access_token"])


def ending(sent: str) -> bytes:
    return b'\r\n--b\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n%s\r\n--b--\r\n' % sent.encode()


class HalfOpen:
    """A form that is sent up to its middle, and then waits."""

    def __init__(self) -> None:
        self.is_read = asyncio.Event()
        self.goes_on: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield FILE
        self.is_read.set()
        yield await self.goes_on


async def codes(answer: httpx.Response) -> list[str]:
    return [error["code"] for error in answer.json().get("errors", ())]


async def half_open(stage: Stage, count: int, **headers: str) -> tuple[list[HalfOpen], list[asyncio.Task[Any]]]:
    forms = [HalfOpen() for _ in range(count)]
    posts = [asyncio.create_task(stage.api.post(PATH, content=form, headers=FORM | headers)) for form in forms]
    async with asyncio.timeout(SOON_SECONDS):
        await asyncio.gather(*[form.is_read.wait() for form in forms])
    return forms, posts


async def test_four_at_once_are_read_and_a_fifth_is_refused_unread(stage: Stage):
    """With what Marketo says to whoever asks too often; and the four are taken once their token has come."""
    sent = await token(stage)
    forms, posts = await half_open(stage, 4)
    async with in_order(stage.container) as (api, log):
        refused = await api.post(PATH, content=FILE, headers=FORM)
    assert log[0] == "answer"
    assert await codes(refused) == ["606"]
    assert "header" in refused.json()["errors"][0]["message"]
    assert int(refused.headers["Retry-After"]) > 0
    for form in forms:
        form.goes_on.set_result(ending(sent))
    answers = await asyncio.gather(*posts)
    assert [answer.json()["success"] for answer in answers] == [True] * 4
    later = await stage.api.post(PATH, content=FILE + ending(sent), headers=FORM)
    assert later.json()["success"]


async def test_whoever_names_itself_in_the_header_does_not_wait_behind_them(stage: Stage):
    """That is looked at first, and a bad one is refused before a byte of the form is read."""
    sent = await token(stage)
    _, posts = await half_open(stage, 4)
    settings = await stage.api.post(
        PATH, content=FILE + b"\r\n--b--\r\n", headers=FORM | {"Authorization": f"Bearer {sent}"}
    )
    assert settings.json()["success"]
    async with in_order(stage.container) as (api, log):
        bad = await api.post(PATH, content=FILE, headers=FORM | {"Authorization": "Bearer a.1.b"})
    assert (await codes(bad), log[0]) == (["601"], "answer")
    for post in posts:
        post.cancel()
    await asyncio.wait(posts)


async def test_one_that_takes_too_long_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """However steadily it comes. Its place is free then, and nothing of it is left."""
    monkeypatch.setattr(routes, "UNAUTHENTICATED_FORM_SECONDS", 0.05)
    _, posts = await half_open(stage, 4)
    answers = await asyncio.gather(*posts)
    assert [await codes(answer) for answer in answers] == [["604"]] * 4
    assert "header" in answers[0].json()["errors"][0]["message"]
    assert stage.container.admission.unauthenticated.taken == 0
    assert await stage.holds_nothing()


async def test_one_that_is_too_large_is_refused_where_it_is(stage: Stage):
    """As Marketo would: ten megabytes."""

    async def sends() -> AsyncIterator[bytes]:
        yield FILE
        for _ in range(200):
            yield b"x" * 100_000

    answer = await stage.api.post(PATH, content=sends(), headers=FORM)
    assert await codes(answer) == ["600"]
    assert stage.container.admission.unauthenticated.taken == 0


async def test_fields_are_bounded_too(stage: Stage):
    """A quarter of a megabyte of them, all together."""
    fields = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n%s\r\n' % (n, b"x" * 60_000) for n in range(5)
    )
    answer = await stage.api.post(PATH, content=FILE + b"\r\n" + fields, headers=FORM)
    assert await codes(answer) == ["1001"]
    assert "262144 bytes together" in answer.json()["errors"][0]["message"]
