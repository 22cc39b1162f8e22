"""Problems as pages."""

import httpx
import pytest

from app.cli.http_api import build_app
from app.domain.api_keys import Scope
from tests.pages.conftest import Browser
from tests.pages.test_routing import made
from tests.support.clock import SteppedClock
from tests.support.days import HOSTILE
from tests.support.stage import staged


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/imports/99", 404), ("/imports/x", 404), ("/imports?status=asleep", 422)]
)
async def test_a_browser_gets_a_page_that_says_what_to_do(browser: Browser, path: str, status: int):
    """With the rail, for who is signed in."""
    await browser.sign_in(Scope.READ)
    answer = await browser.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'aria-label="Pages"' in answer.text
    assert 'href="/imports"' in answer.text


async def test_a_deed_that_comes_too_late_says_so(browser: Browser):
    """409, as a sentence."""
    import_id = await made(browser)
    await browser.sign_in(Scope.OPERATE)
    answer = await browser.post(f"/imports/{import_id}/give-up", {"csrf": await browser.csrf()})
    assert answer.status_code == 409
    assert "moved meanwhile" in answer.text
    assert "It was not done" in answer.text


async def test_programs_get_problems_as_before_and_so_does_the_api_from_a_browser(browser: Browser):
    for path, headers in (
        ("/nowhere", {}),
        ("/nowhere", {"Accept": "application/json"}),
        ("/v1/imports", browser.headers),
        ("/v1/nowhere", browser.headers),
    ):
        answer = await browser.client.get(path, headers=headers)
        assert answer.headers["content-type"] == "application/problem+json", (path, headers)


async def test_a_method_that_a_page_does_not_take_is_told_with_those_that_it_does(browser: Browser):
    answer = await browser.client.delete("/imports", headers=browser.headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_a_head_gets_the_head_of_the_page(browser: Browser):
    await browser.sign_in(Scope.READ)
    for path, status in (("/", 200), ("/nowhere", 404)):
        answer = await browser.client.head(path, headers=browser.headers)
        assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_a_caller_wrote_into_the_address_is_escaped(browser: Browser, text: str):
    """In the problem, and in the form that leads back."""
    await browser.sign_in(Scope.READ)
    for path in ("/nowhere/", "/imports?label=", "/imports?status="):
        answer = await browser.client.get(path + text.replace("#", ""), headers=browser.headers)
        assert answer.headers["content-type"].startswith("text/html")
        if set(text) & set("<>\"'"):
            assert text not in answer.text


async def test_a_service_without_its_database_says_so_on_a_page(sqlite_url: str, clock: SteppedClock):
    """And that a program may ask again."""
    async with staged(sqlite_url, clock, auth="on") as stage:
        door = httpx.ASGITransport(build_app(stage.container))
        async with httpx.AsyncClient(transport=door, base_url="http://sluice.example.com") as client:
            browser = Browser(client, stage)
            await browser.sign_in(Scope.READ)
            async with stage.container.db.write() as tx:
                await tx.exec_driver_sql("DROP TABLE session")
            answer = await browser.get("/imports")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert "<h1>" in answer.text
