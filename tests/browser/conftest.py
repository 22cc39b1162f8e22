"""A browser, and pages that notice what no page of ours may do."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.browser import chromium
from tests.browser.site import Site, site
from tests.support.days import DAYS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

REFUSED = "Failed to load resource"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here needs a browser."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    with chromium.browser() as found:
        yield found


@pytest.fixture(scope="session", params=DAYS)
def day(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The pages of each day, without keys."""
    with site(request.param) as served:
        yield served


@pytest.fixture(scope="session")
def guarded() -> Iterator[Site]:
    """The pages of the broken day, with keys."""
    with site("broken", auth="on") as served:
        yield served


@pytest.fixture
def paused_and_back() -> Iterator[Site]:
    """The pages of the empty day, to do something there."""
    with site("empty") as served:
        yield served


@pytest.fixture
def opened(browser: "Browser") -> "Iterator[Callable[..., Page]]":
    """Opens a window of a size and a colour scheme.

    At the end: nothing was asked of another host, the console has no error, and no dialog of a hostile text came up.
    `refused`: requests fail on purpose, which the browser itself writes on its console.
    """
    windows: list[Any] = []
    foreign: list[str] = []
    errors: list[str] = []

    def note(said: "ConsoleMessage") -> None:
        if said.type in {"error", "warning"}:
            errors.append(said.text)

    def open_window(
        site: Site, *, width: int = 1280, scheme: Any = "light", javascript: bool = True, refused: bool = False
    ) -> "Page":
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=javascript,
            base_url=site.url,
        )  # fmt: skip
        page = context.new_page()
        host = urlsplit(site.url).netloc
        page.on("request", lambda asked: foreign.append(asked.url) if urlsplit(asked.url).netloc != host else None)
        page.on("console", lambda said: None if refused and said.text.startswith(REFUSED) else note(said))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
        windows.append(context)
        return page

    yield open_window
    for window in windows:
        window.close()
    assert foreign == []
    assert errors == []
