"""One import: what its page says, and what is done about it."""

import re
from collections.abc import Awaitable, Callable

import pytest

from app.domain.api_keys import Scope
from app.simulator.fault_injection import Fault
from tests.pages.conftest import Browser
from tests.story.files import LEADS, LEADS_WITH_TROUBLE, leads
from tests.support.stage import Stage


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def lead(page: str) -> str:
    return plain(page.partition('<p class="lead">')[2].partition("</p>")[0])


def labels(page: str) -> list[str]:
    return re.findall(r"<summary class=\"button[^>]*>([^<]*)<", page)


async def page_of(browser: Browser, number: int) -> str:
    answer = await browser.get(f"/imports/{number}")
    assert answer.status_code == 200, answer.text
    return answer.text


async def unconfirmed(stage: Stage) -> int:
    """An import whose submission got no answer."""
    stage.simulator.order(Fault("lost_request", on="create"))
    import_id = await stage.created(LEADS)

    async def is_so() -> bool:
        return (await stage.parts(import_id))[0]["state"] == "unconfirmed"

    await stage.run(until=is_so, beats=20)
    return import_id


async def test_a_finished_import_says_what_became_of_all_rows_and_why_some_were_rejected(open_browser: Browser):
    stage = open_browser.stage
    fine, troubled = await stage.created(LEADS), await stage.created(LEADS_WITH_TROUBLE, label="nightly")
    await stage.run()
    assert lead(await page_of(open_browser, fine)) == "complete All 2 rows are imported."
    page = await page_of(open_browser, troubled)
    assert lead(page) == "complete 3 of 5 rows are imported; 2 were rejected. 1 has a remark."
    assert "“nightly”" in plain(page) or "nightly" in page
    assert 'aria-label="3 imported, 1 of them with a remark, 2 rejected, 0 not processed"' in page
    assert page.count("/mend?reason=") == 2
    assert page.count("/warnings?reason=") == 1
    assert "Marketo accepted it as job" in page
    assert "Finished: complete." in page
    assert labels(page) == ["Retry rejected…", "Erase…"]


async def test_a_waiting_import_says_what_for_and_what_can_be_done(open_browser: Browser):
    stage = open_browser.stage
    await stage.created(LEADS)
    second = await stage.created(LEADS)
    await stage.beat()
    page = await page_of(open_browser, second)
    assert "It waits behind 1 part 1 (same records)" in lead(page)
    assert labels(page) == ["Cancel…", "Change…"]
    assert "1 part with 2 rows is not sent any more." in plain(page)


async def test_the_page_is_the_same_for_its_fingerprint_until_something_changes(open_browser: Browser):
    """Also while a retry is offered: a browser that has it is sent nothing."""
    stage = open_browser.stage
    troubled = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    first = await open_browser.get(f"/imports/{troubled}")
    assert "Retry rejected…" in first.text
    stage.clock.step(30)
    again = await open_browser.get(f"/imports/{troubled}", **{"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


async def test_broken_imports_show_no_harm_and_a_hundred_parts_in_groups(hostile: Callable[[str], Awaitable[str]]):
    listed = await hostile("/imports")
    for number in map(int, re.findall(r'id="pick-(\d+)"', listed)[:16]):
        for path in ("", "/history", "/parts", "/failures", "/warnings", "/erase"):
            await hostile(f"/imports/{number}{path}")
    (large,) = re.findall(r'id="pick-(\d+)"', await hostile("/imports?label=everybody"))
    page = await hostile(f"/imports/{large}")
    assert page.count('class="lane-of"') == 20
    assert f'<a href="/imports/{large}/parts?from=56">Parts 56–60</a>' in page
    assert (await hostile(f"/imports/{large}/parts?from=61")).count('class="lane-of"') == 40


async def test_a_chain_of_retries_leads_both_ways(open_browser: Browser):
    stage = open_browser.stage
    first = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    once = re.findall(r'name="once" value="(\w+)"', await page_of(open_browser, first))[0]
    done = await open_browser.post(f"/imports/{first}/retry-rejected", {"once": once})
    second = first + 1
    assert done.headers["location"] == f"/imports/{second}?did=rejected_sent&of={second}"
    assert (await open_browser.post(f"/imports/{first}/retry-rejected", {"once": once})).headers[
        "location"
    ] == done.headers["location"]
    assert f'href="/imports/{second}"' in (await page_of(open_browser, first)).partition("chain-head")[2]
    assert f'href="/imports/{first}"' in (await page_of(open_browser, second)).partition("chain-head")[2]
    assert "made of the rows that Marketo rejected" in (await open_browser.get(done.headers["location"])).text
    assert once not in await page_of(open_browser, first), "it can be sent again once more"


async def test_what_waits_is_cancelled_and_then_sent_again(open_browser: Browser):
    stage = open_browser.stage
    number = await stage.created(LEADS)
    done = await open_browser.post(f"/imports/{number}/cancel", {"back": f"/imports/{number}"})
    after = (await open_browser.get(done.headers["location"])).text
    assert f"What waited of import {number} is cancelled." in after
    assert lead(after) == "cancelled It was cancelled. 2 rows were not sent."
    assert labels(after) == ["Retry…", "Erase…"]
    done = await open_browser.post(f"/imports/{number}/retry", {"back": f"/imports/{number}"})
    assert done.headers["location"] == f"/imports/{number}?did=retried&of={number + 1}"


async def test_priority_label_and_time_are_changed(open_browser: Browser):
    stage = open_browser.stage
    number = await stage.created(LEADS)
    form = {"priority": "8", "not_before": "2030-01-02T03:04", "label": " spring "}
    done = await open_browser.post(f"/imports/{number}/change", form | {"back": f"/imports/{number}"})
    assert done.status_code == 303
    read = await stage.read(number)
    assert (read["priority"], read["not_before"], read["label"]) == (8, "2030-01-02T03:04:00.000Z", "spring")
    page = (await open_browser.get(done.headers["location"])).text
    assert 'value="2030-01-02T03:04:00"' in page
    assert "as its sender said" in lead(page)
    assert "Changed: " in page
    await open_browser.post(f"/imports/{number}/change", form | {"not_before": "", "label": ""})
    read = await stage.read(number)
    assert (read["not_before"], read["label"]) == (None, None)
    for wrong in ({"priority": "11"}, {"not_before": "soon"}, {"label": "x" * 201}):
        answer = await open_browser.post(f"/imports/{number}/change", wrong)
        assert answer.status_code == 422
        assert "It was not done" in answer.text


async def test_an_import_under_review_is_released_or_discarded(open_browser: Browser):
    stage = open_browser.stage
    first, second = [await stage.created(LEADS, review="true") for _ in range(2)]
    page = await page_of(open_browser, first)
    assert "It waits for your word" in lead(page)
    assert labels(page) == ["Send…", "Discard…"]
    assert "2 rows in 1 part go to Marketo" in plain(page)
    released = await open_browser.post(f"/imports/{first}/release", {"back": f"/imports/{first}"})
    assert "is released" in (await open_browser.get(released.headers["location"])).text
    discarded = await open_browser.post(f"/imports/{second}/cancel", {"as": "discarded", "back": f"/imports/{second}"})
    assert "is discarded" in (await open_browser.get(discarded.headers["location"])).text
    late = await open_browser.post(f"/imports/{second}/release", {})
    assert late.status_code == 409
    assert "not under review" in late.text


async def test_rows_are_erased_after_a_second_question(open_browser: Browser):
    stage = open_browser.stage
    number = await stage.created(LEADS_WITH_TROUBLE)
    question = (await open_browser.get(f"/imports/{number}/erase")).text
    assert "has not ended yet" in question
    assert (await open_browser.post(f"/imports/{number}/erase", {})).status_code == 409
    await stage.run()
    page = await page_of(open_browser, number)
    assert f'<form method="get" action="/imports/{number}/erase"' in page
    question = plain((await open_browser.get(f"/imports/{number}/erase")).text)
    assert "The file with its 5 rows" in question
    assert "2 rejected rows and 1 row with a remark go for good" in question
    done = await open_browser.post(f"/imports/{number}/erase", {})
    after = (await open_browser.get(done.headers["location"])).text
    assert "are erased" in after
    assert "Their number stays" in after or "their number stays" in after
    assert labels(after) == []
    assert (await open_browser.get(f"/imports/{number}/failures")).status_code == 410


async def test_what_is_unconfirmed_is_sent_again(open_browser: Browser):
    """By a form; Marketo gets the rows once more, and the import ends well."""
    stage = open_browser.stage
    import_id = await unconfirmed(stage)
    assert labels(await page_of(open_browser, import_id)) == ["Send again…", "It arrived…", "Give it up…"]
    done = await open_browser.post(f"/imports/{import_id}/send-again", {"back": f"/imports/{import_id}"})
    assert done.headers["location"] == f"/imports/{import_id}?did=sent_again&of={import_id}"
    assert "waits again" in (await open_browser.get(done.headers["location"])).text
    await stage.run()
    assert (await stage.read(import_id))["status"] == "complete"


async def test_what_is_unconfirmed_is_followed_as_the_job_that_a_person_names(open_browser: Browser):
    import_id = await unconfirmed(open_browser.stage)
    for batch_id in ("", "x", "0"):
        wrong = await open_browser.post(f"/imports/{import_id}/arrived", {"part": "1", "batch_id": batch_id})
        assert wrong.status_code == 422
    done = await open_browser.post(f"/imports/{import_id}/arrived", {"part": "1", "batch_id": "4711"})
    assert done.status_code == 303
    (part,) = await open_browser.stage.parts(import_id)
    assert (part["state"], part["batch_id"]) == ("queued", 4711)


@pytest.mark.parametrize("deed", ["give-up", "send-again", "cancel", "release", "change", "retry", "retry-rejected"])
async def test_what_comes_too_late_is_said_on_the_imports_own_page(open_browser: Browser, deed: str):
    """409 in a sentence; the page follows the import's own address, and its forms lead back there."""
    stage = open_browser.stage
    number = await stage.created(LEADS)
    await stage.run()
    answer = await open_browser.post(f"/imports/{number}/{deed}", {"label": "x"})
    assert answer.status_code == 409
    assert "It was not done: " in plain(answer.text)
    assert f'data-follows="/imports/{number}"' in answer.text
    assert f'name="back" value="/imports/{number}"' in answer.text or 'name="back"' not in answer.text


async def test_an_import_that_there_is_not_is_no_fault(open_browser: Browser):
    deeds = ("give-up", "send-again", "arrived", "retry", "retry-rejected", "cancel", "release", "change", "erase")
    for number in ("7", "0", "x", "9" * 400):
        for deed in deeds:
            assert (await open_browser.post(f"/imports/{number}/{deed}", {})).status_code == 404
        for path in ("", "/parts", "/history", "/erase", "/failures", "/warnings", "/mend", "/corrected"):
            assert (await open_browser.get(f"/imports/{number}{path}")).status_code == 404


async def test_who_may_only_read_is_offered_nothing_and_refused(browser: Browser):
    stage = browser.stage
    _, key = await stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {key}"}
    sent = await stage.api.post("/v1/imports", content=leads(3), headers=headers)
    number = sent.json()["id"]
    await browser.sign_in(Scope.READ, client="somebody")
    assert labels(await page_of(browser, number)) == []
    csrf = await browser.csrf()
    for deed in ("cancel", "change", "retry", "erase", "give-up"):
        assert (await browser.post(f"/imports/{number}/{deed}", {"csrf": csrf})).status_code == 403
        assert (await browser.post(f"/imports/{number}/{deed}", {})).status_code == 403
    assert (await browser.get(f"/imports/{number}/erase")).status_code == 403


async def test_its_own_client_decides_but_not_about_what_may_be_at_marketo(browser: Browser):
    stage = browser.stage
    await browser.sign_in(Scope.SUBMIT, client="crm-sync")
    _, key = await stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {key}"}
    sent = await stage.api.post("/v1/imports", content=leads(3), headers=headers)
    number, csrf = sent.json()["id"], await browser.csrf()
    assert labels(await page_of(browser, number)) == ["Cancel…", "Change…"]
    assert (await browser.post(f"/imports/{number}/give-up", {"csrf": csrf})).status_code == 403
    assert (await browser.post(f"/imports/{number}/cancel", {"csrf": csrf})).status_code == 303
