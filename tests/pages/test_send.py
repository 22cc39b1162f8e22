"""The page that sends a file: its form without JavaScript, and what waits for its sender's word."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.domain.api_keys import Scope
from tests.pages.conftest import Browser
from tests.story.files import CARS, LEADS_WITH_TROUBLE

ODD = b"Email Address;leadScore;Note\r\nann@example.com;many;x\r\nbob@example.com;2;y\r\nc@example.com;few;z\r\n"
MAP = '{"Email Address": "email", "Note": null}'


async def send(browser: Browser, content: bytes, *, csrf: str | None = None, **fields: Any) -> httpx.Response:
    """As a browser sends the form: every field of every object type is in it."""
    empty = {"list_id": "", "partition_name": "", "object_name": "", "dedupe_fields": "", "program_id": ""}
    usual = {"object_type": "lead", "lookup_field": "email", "preflight": "rows", "review": "true", "back": "/send"}
    token = {"csrf": await browser.csrf() if csrf is None else csrf}
    files = {"file": ("Messe \u00fc.csv", content, "application/vnd.ms-excel")}
    form = {**empty, **usual, **token, **fields}
    return await browser.client.post("/send", data=form, files=files, headers=browser.headers)


async def stored(browser: Browser, content: bytes = ODD, **fields: Any) -> int:
    """The id of an import that waits for its sender's word."""
    answer = await send(browser, content, **({"format": "ssv", "column_map": MAP} | fields))
    assert answer.status_code == 303, answer.text
    path = httpx.URL(answer.headers["location"]).path
    assert path.startswith("/send/")
    return int(path.rpartition("/")[2])


async def test_a_file_is_stored_and_what_was_found_is_shown_by_the_files_own_columns(browser: Browser):
    """Nothing of it is sent before its sender says so."""
    await browser.sign_in(Scope.SUBMIT)
    import_id = await stored(browser)
    text = (await browser.get(f"/send/{import_id}")).text
    assert "Messe ü.csv" in text
    assert "3 rows in 1 part" in text
    assert "leadScore" in text
    assert "is not a whole number" in text
    assert "<td>3</td>" in text
    assert "many" in text
    assert "few" in text
    assert "Left out" in text
    listed = (await browser.get("/send")).text
    assert "1 file waits for your word." in listed
    summary = await browser.stage.container.reports.imports.get(import_id)
    assert summary
    assert summary.review_until


async def test_rows_that_repeat_a_key_or_have_too_many_cells_are_counted(browser: Browser):
    await browser.sign_in(Scope.SUBMIT)
    again = b"Email Address;leadScore;Note\na@example.com;1;x\nA@example.com;2;y\nb@example.com;3;z;too many\n"
    text = (await browser.get(f"/send/{await stored(browser, again)}")).text
    assert "1 row has a key that an earlier row has" in text
    assert "1 row has more or fewer cells than the header, row 3 first" in text


async def test_send_lets_it_go_and_discard_does_not(browser: Browser):
    """Each once: a second press says that it is too late."""
    await browser.sign_in(Scope.SUBMIT)
    sent, discarded = await stored(browser), await stored(browser)
    csrf = {"csrf": await browser.csrf(), "back": "/send"}
    answer = await browser.post(f"/send/{sent}/release", csrf)
    assert answer.headers["location"] == f"/imports/{sent}?did=sent&of={sent}"
    answer = await browser.post(f"/send/{discarded}/discard", csrf)
    assert answer.headers["location"] == f"/send?did=discarded&of={discarded}"
    assert "Send a file to Marketo." in (await browser.get("/send")).text
    assert (await browser.post(f"/send/{sent}/release", csrf)).status_code == 409
    assert (await browser.post(f"/send/{sent}/discard", csrf)).status_code == 422
    assert "is not under review any more" in (await browser.get(f"/send/{sent}")).text
    reports = browser.stage.container.reports
    statuses = {import_id: await reports.imports.get(import_id) for import_id in (sent, discarded)}
    assert [import_.status for import_ in statuses.values() if import_] == ["queued", "cancelled"]


async def test_a_file_goes_at_once_where_that_is_asked_for(browser: Browser):
    await browser.sign_in(Scope.SUBMIT)
    answer = await send(browser, LEADS_WITH_TROUBLE, review="false")
    assert answer.headers["location"] == "/imports/1?did=sent&of=1"


async def test_the_fields_of_other_object_types_do_not_count(browser: Browser):
    """The form has those of all; a custom object is found by its name."""
    await browser.sign_in(Scope.SUBMIT)
    answer = await send(browser, CARS, object_type="custom_object", object_name="car_c", format="ssv", list_id="7")
    assert answer.status_code == 303, answer.text
    import_ = await browser.stage.container.reports.imports.get(1)
    assert import_
    assert import_.request.target.parameter_values()["object_name"] == "car_c"


@pytest.mark.parametrize(
    ("content", "fields", "says"),
    [
        (b"", {}, "empty"),
        (b"Email Address\nann@example.com\n", {}, "email"),
        (b"email\nann@example.com\n", {"charset": "klingon"}, "klingon"),
        (b"email\nann@example.com\n", {"object_type": "program_member"}, "program_id"),
        (b"email\nann@example.com\n", {"nonsense": "1"}, "nonsense"),
    ],
)
async def test_a_refusal_says_what_to_do_and_keeps_nothing(
    browser: Browser, content: bytes, fields: dict[str, str], says: str
):
    await browser.sign_in(Scope.SUBMIT)
    answer = await send(browser, content, **fields)
    assert answer.status_code in {415, 422}
    assert answer.headers["content-type"].startswith("text/html")
    assert says in answer.text
    assert (await browser.get("/send")).text.count("Discard") == 0


async def test_a_form_of_another_session_or_site_is_refused(browser: Browser):
    """Also one that is no form."""
    await browser.sign_in(Scope.SUBMIT)
    assert (await send(browser, LEADS_WITH_TROUBLE, csrf="")).status_code == 403
    assert (await send(browser, LEADS_WITH_TROUBLE, csrf="x" * 64)).status_code == 403
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    assert (await send(browser, LEADS_WITH_TROUBLE, csrf="x")).status_code == 403
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    raw = await browser.client.post("/send", content=b"email\n", headers=browser.headers | {"Content-Type": "text/csv"})
    assert raw.status_code == 415
    browser.client.cookies.clear()
    assert (await send(browser, LEADS_WITH_TROUBLE, csrf="x")).status_code == 401
    assert await browser.stage.container.reports.imports.get(1) is None


async def test_each_sees_and_decides_what_is_theirs(browser: Browser):
    """Another client's file is a 404; a reader sees it and may not decide; an operator may."""
    await browser.sign_in(Scope.SUBMIT)
    import_id = await stored(browser)
    await browser.sign_in(Scope.SUBMIT, client="another")
    assert (await browser.get(f"/send/{import_id}")).status_code == 404
    assert "Send a file to Marketo." in (await browser.get("/send")).text
    await browser.sign_in(Scope.READ, client="reader")
    assert (await browser.get("/send")).status_code == 403
    looked = await browser.get(f"/send/{import_id}")
    assert looked.status_code == 200
    assert "release" not in looked.text
    csrf = {"csrf": await browser.csrf()}
    assert (await browser.post(f"/send/{import_id}/release", csrf)).status_code == 403
    assert (await send(browser, LEADS_WITH_TROUBLE)).status_code == 403
    await browser.sign_in(Scope.ADMIN, client="boss")
    assert "from <bdi>crm-sync</bdi>" in (await browser.get("/send")).text
    csrf = {"csrf": await browser.csrf()}
    assert (await browser.post(f"/send/{import_id}/release", csrf)).status_code == 303


async def test_a_key_offers_no_higher_priority_than_its_own(browser: Browser):
    _, text = await browser.stage.container.keys.create("crm-sync", [Scope.SUBMIT], max_priority=3)
    await browser.post("/sign-in", {"key": text})
    page = (await browser.get("/send")).text
    assert '<option value="3" selected>' in page
    assert '<option value="4"' not in page


async def test_objects_and_fields_are_offered_as_marketo_has_them(browser: Browser):
    """Fields that nobody may write are not; what cannot be named is refused."""
    await browser.sign_in(Scope.SUBMIT)
    leads = (await browser.get("/send/offers?instance=default&object_type=lead")).text
    assert '<option value="leadScore">Lead Score</option>' in leads
    assert '"createdAt"' not in leads
    cars = (await browser.get("/send/offers?object_type=custom_object&object_name=car_c")).text
    assert '<option value="car_c">' in cars
    assert '<option value="vin">' in cars
    assert '<option value="car_c">' in (await browser.get("/send/offers?object_type=custom_object")).text
    assert "<option" not in (await browser.get("/send/offers?instance=nowhere")).text
    assert (await browser.get("/send/offers?object_type=boats")).status_code == 422


async def test_hostile_names_and_cells_are_escaped(hostile: Callable[[str], Awaitable[str]]):
    listed = await hostile("/send")
    import_id = listed.partition('href="/send/')[2].partition('"')[0]
    for number in (int(import_id), int(import_id) - 1):
        await hostile(f"/send/{number}")


async def test_what_is_not_there_is_a_page_that_says_so(browser: Browser):
    await browser.sign_in(Scope.SUBMIT)
    for path in ("/send/1", "/send/x", "/send/99999999999999999999"):
        assert (await browser.get(path)).status_code == 404
