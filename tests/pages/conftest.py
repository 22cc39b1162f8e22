"""The pages of a service that asks for keys, and of one that does not; and a database with hostile names."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx
import pytest

from app.cli.http_api import build_app
from app.domain.api_keys import Scope
from tests.support.clock import SteppedClock
from tests.support.days import HOSTILE, seed
from tests.support.stage import Stage, staged

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@dataclass
class Browser:
    """A browser without JavaScript: it keeps cookies and asks for HTML."""

    client: httpx.AsyncClient
    stage: Stage
    headers: dict[str, str] = field(default_factory=lambda: dict(HTML))

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=self.headers | headers)

    async def post(
        self, path: str, form: Mapping[str, str] | Sequence[tuple[str, str]], **headers: str
    ) -> httpx.Response:
        encoded = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.post(path, content=urlencode(form), headers=self.headers | encoded | headers)

    async def sign_in(self, *scopes: Scope, client: str = "crm-sync") -> str:
        """With a new key; its id."""
        key, text = await self.stage.container.keys.create(client, scopes)
        answer = await self.post("/sign-in", {"key": text})
        assert answer.status_code == 303, answer.text
        return key.id

    async def csrf(self) -> str:
        """The token of this session's forms."""
        text = (await self.get("/")).text
        return text.partition('name="csrf" content="')[2].partition('"')[0]


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One that asks for keys."""
    async with staged(database_url, clock, auth="on") as found:
        yield found


@pytest.fixture
async def open_stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One that asks for none."""
    async with staged(database_url, clock) as found:
        yield found


@pytest.fixture
async def browser(stage: Stage) -> AsyncIterator[Browser]:
    door = httpx.ASGITransport(build_app(stage.container))
    async with httpx.AsyncClient(transport=door, base_url="http://sluice.example.com") as client:
        yield Browser(client, stage)


@pytest.fixture
async def open_browser(open_stage: Stage) -> AsyncIterator[Browser]:
    """Of a service that asks for no keys."""
    door = httpx.ASGITransport(build_app(open_stage.container))
    async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1:8000") as client:
        yield Browser(client, open_stage)


@pytest.fixture
async def day_browser(database_url: str, clock: SteppedClock) -> AsyncIterator[Browser]:
    """Of a service without keys that has the instances of the days (tests/support/days.py)."""
    instance = {"base_url": "https://123-abc-456.example.com", "client_id": "id", "client_secret": "secret"}
    async with staged(database_url, clock, instances=dict.fromkeys(("default", "eu-west"), instance)) as found:
        door = httpx.ASGITransport(build_app(found.container))
        async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1:8000") as client:
            yield Browser(client, found)


@pytest.fixture
async def hostile(day_browser: Browser) -> Callable[[str], Awaitable[str]]:
    """Shows a page of the broken day, whose names, labels, reasons and cells would do harm where they are believed.

    It looks for each of them in the page's text, and returns the text.
    """
    await seed(day_browser.stage.container.db, "broken", day_browser.stage.clock())

    async def shown(path: str) -> str:
        answer = await day_browser.get(path)
        assert answer.status_code == 200, answer.text
        refuse_hostile(answer.text)
        return answer.text

    return shown


def refuse_hostile(text: str) -> None:
    """No hostile text stands in a page as it was written, where its characters mean something to a browser."""
    for harmful in HOSTILE:
        if set(harmful) & set("<>\"'&"):
            assert harmful not in text, harmful
    assert "<script>alert" not in text
    assert "49" not in text.partition("{{ 7 * 7 }}")[2][:2]
