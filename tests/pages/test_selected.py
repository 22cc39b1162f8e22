"""What is done with many imports at once."""

import re

from app.domain.api_keys import Scope
from tests.pages.conftest import Browser
from tests.story.files import LEADS, LEADS_WITH_TROUBLE, leads


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


async def test_the_question_says_in_numbers_what_will_happen_and_what_is_left(open_browser: Browser):
    """Two wait, one of them partly at Marketo; one has ended; one there is not."""
    stage = open_browser.stage
    ended = await stage.created(LEADS)
    await stage.run()
    waiting = [await stage.created(leads(5, start=100 * number)) for number in (1, 2)]
    query = "&".join(f"id={number}" for number in (ended, *waiting, 4711))
    page = plain((await open_browser.get(f"/imports/selected?do=cancel&{query}")).text)
    assert "2 imports with 10 rows that wait are cancelled." in page
    assert "2 imports are left as they are." in page
    assert f"{ended} : It has ended: complete." in page
    assert "4711 : There is no import 4711." in page
    assert "Cancel 2 waiting imports" in page


async def test_each_is_done_and_what_is_refused_is_said_with_its_reason(open_browser: Browser):
    stage = open_browser.stage
    ended = await stage.created(LEADS)
    await stage.run()
    waiting = [await stage.created(leads(5, start=100 * number)) for number in (1, 2)]
    form = [("do", "cancel"), *(("id", str(number)) for number in (ended, *waiting))]
    answer = await open_browser.post("/imports/selected", form)
    page = plain(answer.text)
    assert "2 imports were cancelled. 1 import was left as it is." in page
    assert f"Import {ended} : It has ended: complete." in page
    assert {(await stage.read(number))["status"] for number in waiting} == {"cancelled"}
    assert 'data-follows="/imports"' in answer.text
    again = plain((await open_browser.post("/imports/selected", form)).text)
    assert "Nothing was done. 3 imports were left as they are." in again


async def test_the_priority_of_what_waits_is_changed(open_browser: Browser):
    stage = open_browser.stage
    waiting = [await stage.created(leads(5, start=100 * number)) for number in (1, 2)]
    form = [("do", "priority"), ("priority", "8"), *(("id", str(number)) for number in waiting)]
    page = plain((await open_browser.post("/imports/selected", form)).text)
    assert "2 imports have the priority 8 now." in page
    assert {(await stage.read(number))["priority"] for number in waiting} == {8}
    form[1] = ("priority", "11")
    assert (await open_browser.post("/imports/selected", form)).status_code == 422


async def test_rejected_rows_are_sent_again_once_however_often_the_form_is(open_browser: Browser):
    stage = open_browser.stage
    troubled, fine = await stage.created(LEADS_WITH_TROUBLE), await stage.created(leads(3))
    await stage.run()
    question = plain((await open_browser.get(f"/imports/selected?do=retry&id={troubled}&id={fine}")).text)
    assert "2 rejected rows of 1 import are sent again as they were uploaded, as a new import." in question
    assert "Marketo has rejected no row of it." in question
    form = [("do", "retry"), ("id", str(troubled)), ("id", str(fine))]
    page = (await open_browser.post("/imports/selected", form)).text
    assert f'→ <a href="/imports/{fine + 1}">' in page
    assert (await stage.read(fine + 1))["retry_of"] == troubled


async def test_who_may_only_read_is_told_so_and_does_nothing(browser: Browser):
    _, key = await browser.stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    sent = await browser.stage.api.post(
        "/v1/imports", content=LEADS, headers={"Content-Type": "text/csv", "Authorization": f"Bearer {key}"}
    )
    number = sent.json()["id"]
    await browser.sign_in(Scope.READ, client="somebody")
    page = (await browser.get(f"/imports/selected?do=cancel&id={number}")).text
    assert "this takes the scope <code>operate</code>" in page
    form = {"do": "cancel", "id": str(number), "csrf": await browser.csrf()}
    assert "Nothing was done." in (await browser.post("/imports/selected", form)).text
    del form["csrf"]
    assert (await browser.post("/imports/selected", form)).status_code == 403


async def test_another_clients_import_is_as_one_that_there_is_not(browser: Browser):
    _, key = await browser.stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    sent = await browser.stage.api.post(
        "/v1/imports", content=LEADS, headers={"Content-Type": "text/csv", "Authorization": f"Bearer {key}"}
    )
    number = sent.json()["id"]
    await browser.sign_in(Scope.SUBMIT, client="another")
    assert f"There is no import {number}." in (await browser.get(f"/imports/selected?do=cancel&id={number}")).text
    assert (await browser.get(f"/imports/{number}")).status_code == 404


async def test_nothing_selected_and_nonsense_are_no_faults(open_browser: Browser):
    assert "Nothing is selected." in (await open_browser.get("/imports/selected?do=cancel")).text
    for query in ("do=dance&id=1", "do=cancel&id=x", "do=cancel&" + "&".join(f"id={n}" for n in range(1, 202))):
        assert (await open_browser.get(f"/imports/selected?{query}")).status_code == 422
