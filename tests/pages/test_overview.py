"""The overview, by what it says."""

import re
from collections.abc import Awaitable, Callable

from app.domain.api_keys import Scope
from app.simulator.fault_injection import Fault
from tests.pages.conftest import Browser
from tests.story.files import LEADS
from tests.support.days import LONG, seed


def sentence(text: str) -> str:
    plain = re.sub(r"<[^>]*>", "", text.partition("<h1>")[2].partition("</h1>")[0])
    return " ".join(plain.split())


async def test_an_empty_service_says_that_nothing_waits(open_browser: Browser):
    page = (await open_browser.get("/")).text
    assert sentence(page) == "Nothing waits, and nothing is being imported."
    assert page.count('class="place free"') == 10
    assert "No rows were imported" in page


async def test_a_busy_day_shows_the_ten_places_what_waits_and_when_it_is_done(day_browser: Browser):
    """Two importing with their progress, three behind them, two of others; every number is a link."""
    await seed(day_browser.stage.container.db, "busy", day_browser.stage.clock())
    page = (await day_browser.get("/")).text
    assert sentence(page).startswith("Work is flowing. 12 imports wait. The last should be done about 12:0")
    first = page.partition('id="queue-1"')[2].partition('id="queue-2"')[0]
    assert len(re.findall(r'class="place taken importing"', first)) == 2
    assert len(re.findall(r'class="share">\d+', first)) == 2
    assert len(re.findall(r'class="place taken queued"', first)) == 3
    assert first.count('class="place others"') == 2
    assert first.count('class="place free"') == 3
    assert "+ 41 imports" in first
    assert '<a href="/imports?status=queued&amp;instance=default">12 parts, 1\u202f554\u202f000 rows</a>' in first
    assert '<a href="/instances/default#calls">812</a> of 50\u202f000 today' in first
    assert '<a href="/instances/default#calls">7</a> of 50 in the last 20\u202fs' in first
    assert page.count("<title>") == 25, "one for each hour of the chart"
    assert "What needs you" not in page


async def test_a_broken_day_lists_what_needs_a_person_each_with_what_can_be_done(
    hostile: Callable[[str], Awaitable[str]],
):
    """The block of an instance is said once, not for each import that waits for it."""
    page = await hostile("/")
    assert sentence(page) == "Nothing is sent to eu-west; all else flows."
    needs = re.findall(r'<li class="need">(.*?)</li>', page, re.DOTALL)
    assert len(needs) == 5
    labels = [re.findall(r"<summary[^>]*>([^<]*)<", need) for need in needs]
    assert sorted(labels) == [[], ["Give it up…"], ["Retry…"], ["Send again…", "Give it up…"], ["Try again…"]]
    assert "5 things need you." in page
    assert "1 part at Marketo with 90\u202f000 rows counts as failed" in needs[2]
    assert LONG[:20] in needs[-1]


async def test_a_submission_whose_answer_was_lost_is_given_up_from_the_overview(open_browser: Browser):
    """The whole way, with forms alone: the page that offers it, the form, and the page afterwards."""
    stage = open_browser.stage
    stage.simulator.order(Fault("lost_response", on="create"))
    import_id = await stage.created(LEADS)
    await stage.run(until=lambda: _is_unconfirmed(stage, import_id), beats=20)
    page = (await open_browser.get("/")).text
    assert f'action="/imports/{import_id}/give-up"' in page
    done = await open_browser.post(f"/imports/{import_id}/give-up", {"back": "/"})
    assert done.headers["location"] == f"/?did=given_up&of={import_id}"
    after = (await open_browser.get(done.headers["location"])).text
    assert f"Import {import_id} was given up" in after
    assert (await stage.read(import_id))["status"] == "failed"
    assert f'action="/imports/{import_id}/retry"' in after


async def _is_unconfirmed(stage, import_id: int) -> bool:
    return (await stage.parts(import_id))[0]["state"] == "unconfirmed"


async def test_a_failed_import_is_sent_again_once_however_often_the_form_is(open_browser: Browser):
    stage = open_browser.stage
    stage.simulator.order(Fault("json_error:1003", on="create"))
    import_id = await stage.created(LEADS)
    await stage.run()
    page = (await open_browser.get("/")).text
    once = re.search(r'name="once" value="(\w+)"', page)
    assert once
    form = {"back": "/", "once": once[1]}
    answers = [await open_browser.post(f"/imports/{import_id}/retry", form) for _ in range(2)]
    assert {answer.headers["location"] for answer in answers} == {f"/?did=retried&of={import_id + 1}"}
    assert "Retry…" not in (await open_browser.get("/")).text


async def test_a_client_sees_its_own(browser: Browser):
    """How many of its imports wait, what needs it, and whether the instances run; not whose jobs Marketo has."""
    await seed(browser.stage.container.db, "broken", browser.stage.clock())
    await browser.sign_in(Scope.SUBMIT, client="crm-sync")
    page = (await browser.get("/")).text
    assert "Your imports" in page
    assert "Retry…" in page
    assert "Give it up…" not in page
    assert 'class="place' not in page
    assert "+ 41 imports" not in page
