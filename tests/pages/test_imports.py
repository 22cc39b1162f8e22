"""The list of imports."""

import re
from collections.abc import Awaitable, Callable

from app.domain.api_keys import Scope
from tests.pages.conftest import Browser
from tests.story.files import LEADS
from tests.support.days import seed


def ids(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="pick-(\d+)"', page)]


async def test_an_empty_service_says_that_there_is_nothing(open_browser: Browser):
    page = (await open_browser.get("/imports")).text
    assert "No import waits." in page
    assert "There are no imports yet." in page
    assert "Cancel…" not in page


async def test_every_import_says_how_it_stands_and_what_it_waits_for(hostile: Callable[[str], Awaitable[str]]):
    page = await hostile("/imports")
    assert "5 imports wait." in page
    assert "Marketo denies knowing a job" in page
    large = (await hostile("/imports?label=everybody")).partition("<tbody>")[2]
    assert re.search(r"40 parts wait behind <a href=\"/imports/\d+\">\d+</a> part 1 \(same records\), ", large)
    assert "60\u202f%" in large
    assert '/failures">600</a>' in large


async def test_pages_follow_each_other_by_their_tokens_and_keep_the_filters(day_browser: Browser):
    await seed(day_browser.stage.container.db, "busy", day_browser.stage.clock())
    seen: list[int] = []
    path, pages = "/imports?status=complete&page_size=20", 0
    while path:
        page = (await day_browser.get(path)).text
        seen += ids(page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        path, pages = older[1].replace("&amp;", "&") if older else "", pages + 1
        assert "status=complete" in path or not path
    assert pages > 1
    assert seen == sorted(set(seen), reverse=True)
    assert ">Newest</a>" in page


async def test_each_filter_narrows_the_list(day_browser: Browser):
    await seed(day_browser.stage.container.db, "broken", day_browser.stage.clock())
    for query, count in (
        ("status=failed", 1),
        ("attention=true", 7),
        ("client=erp", 42),
        ("label=overnight", 1),
        ("file_name=leads-1", None),
        ("instance=eu-west", 5),
        ("object_type=custom_object", 0),
        ("created_before=2000-01-01T00:00", 0),
    ):
        page = (await day_browser.get(f"/imports?{query}&page_size=200")).text
        assert count is None or len(ids(page)) == count, query
        assert 'class="chip"' in page
    assert "No import is like this." in page
    assert (await day_browser.get("/imports?status=asleep")).status_code == 422


async def test_a_number_leads_to_the_import_and_other_text_to_names_of_files(open_browser: Browser):
    for text, path in (
        ("318", "/imports/318"),
        (" #318 ", "/imports/318"),
        ("leads & co", "/imports?file_name=leads+%26+co"),
        ("//evil.example.com", "/imports?file_name=%2F%2Fevil.example.com"),
        ("", "/imports"),
        ("9" * 400, f"/imports?file_name={'9' * 255}"),
    ):
        answer = await open_browser.client.get("/imports/find", params={"q": text})
        assert (answer.status_code, answer.headers["location"]) == (303, path)


async def test_a_client_sees_its_own_and_no_others_name(browser: Browser):
    await browser.stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    await seed(browser.stage.container.db, "broken", browser.stage.clock())
    await browser.sign_in(Scope.SUBMIT, client="erp")
    page = (await browser.get("/imports?client=crm-sync")).text
    assert len(ids(page)) == 42
    assert "overnight" not in page
    assert 'name="client"' not in page


async def test_what_another_client_is_waited_for_is_not_named(browser: Browser):
    stage = browser.stage
    _, own = await stage.container.keys.create("one", [Scope.SUBMIT])
    _, other = await stage.container.keys.create("two", [Scope.SUBMIT])
    for key in (own, other):
        sent = await stage.api.post(
            "/v1/imports", content=LEADS, headers={"Content-Type": "text/csv", "Authorization": f"Bearer {key}"}
        )
        assert sent.status_code == 202
    await stage.beat()
    await browser.sign_in(Scope.SUBMIT, client="two")
    page = (await browser.get("/imports")).text
    assert "behind another import (same records)" in page
    assert ids(page) == [2]
