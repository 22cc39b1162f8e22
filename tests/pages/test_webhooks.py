"""Webhooks: made, changed, tried, deleted; and what was delivered to them."""

import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from app.domain.api_keys import Scope
from tests.pages.conftest import Browser, refuse_hostile
from tests.pages.test_overview import sentence
from tests.support.days import HOSTILE

URL = "https://198.51.100.7/hooks"
FINISHED = "import.finished"


async def sent(browser: Browser, path: str, **form: Any) -> httpx.Response:
    """A form of this session; a list is a field that comes several times."""
    body = urlencode({"csrf": await browser.csrf()} | form, doseq=True)
    encoded = {"Content-Type": "application/x-www-form-urlencoded"}
    return await browser.client.post(path, content=body, headers=browser.headers | encoded)


async def made(browser: Browser, **form: Any) -> int:
    answer = await sent(browser, "/webhooks", **({"url": URL, "events": [FINISHED]} | form))
    assert answer.status_code == 201, answer.text
    found = re.search(r'href="/webhooks/(\d+)"', answer.text)
    assert found
    return int(found[1])


async def test_one_is_made_and_its_secret_shown_once(browser: Browser):
    await browser.sign_in(Scope.SUBMIT)
    answer = await sent(browser, "/webhooks", url=URL, events=[FINISHED, "instance.state"], description="our <CRM>")
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    (secret,) = set(re.findall(r"whsec_[\w+/=]+", answer.text))
    page = await browser.get("/webhooks")
    assert sentence(page.text) == "1 webhook is on, and reached."
    assert "our &lt;CRM&gt;" in page.text
    own = await browser.get("/webhooks/1")
    assert sentence(own.text) == "The webhook is on."
    assert secret not in page.text + own.text


async def test_a_new_secret_is_shown_once(browser: Browser):
    await browser.sign_in(Scope.SUBMIT)
    webhook_id = await made(browser)
    answer = await sent(browser, f"/webhooks/{webhook_id}/secret")
    assert answer.status_code == 201
    assert "whsec_" in answer.text
    assert "24 hours" in answer.text
    assert "whsec_" not in (await browser.get(f"/webhooks/{webhook_id}")).text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"events": [FINISHED]}, "say where the messages go"),
        ({"url": URL}, "choose at least one"),
        ({"url": URL, "events": ["everything"]}, "is not one of"),
        ({"url": "nonsense", "events": [FINISHED]}, "https://"),
        ({"url": "http://198.51.100.7/", "events": [FINISHED]}, "https"),
        ({"url": "https://127.0.0.1/", "events": [FINISHED]}, "127.0.0.1"),
        ({"url": URL, "events": [FINISHED], "description": "x" * 201}, "longer than 200"),
        ({"url": URL, "events": [FINISHED], "description": "\0"}, "NUL"),
        ({"url": "https://a\0b/", "events": [FINISHED]}, "NUL"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(browser: Browser, form: dict[str, Any], said: str):
    await browser.sign_in(Scope.SUBMIT)
    answer = await sent(browser, "/webhooks", **form)
    assert answer.status_code == 422
    assert said in answer.text


async def test_it_is_changed_switched_off_and_on_and_deleted(browser: Browser):
    await browser.sign_in(Scope.SUBMIT)
    webhook_id = await made(browser)
    path = f"/webhooks/{webhook_id}"
    changed = await sent(browser, f"{path}/change", url=f"{URL}/2", events=["instance.state"], back=path)
    assert changed.headers["location"] == f"{path}?did=webhook_changed"
    page = (await browser.get(path)).text
    assert f"<bdi>{URL}/2</bdi>" in page
    assert "<li>an instance was paused" in page
    assert "<li>an import has come" not in page
    assert (await sent(browser, f"{path}/disable", back=path)).headers["location"] == f"{path}?did=webhook_off"
    page = (await browser.get(path)).text
    assert sentence(page) == "The webhook is off."
    assert "Send a test…" not in page
    refused = await sent(browser, f"{path}/test")
    assert refused.status_code == 409
    assert "switch it on first" in refused.text
    assert "PATCH" not in refused.text
    assert (await sent(browser, f"{path}/enable", back=path)).headers["location"] == f"{path}?did=webhook_on"
    assert sentence((await browser.get(path)).text) == "The webhook is on."
    assert (await sent(browser, f"{path}/delete")).headers["location"] == "/webhooks?did=webhook_deleted"
    assert (await browser.get(path)).status_code == 404


async def test_a_test_is_among_the_deliveries_and_sent_again_once_it_has_ended(browser: Browser):
    await browser.sign_in(Scope.SUBMIT)
    webhook_id = await made(browser)
    path = f"/webhooks/{webhook_id}"
    done = await sent(browser, f"{path}/test", back=path)
    assert done.headers["location"] == f"{path}?did=test_sent&of=1"
    page = (await browser.get(done.headers["location"])).text
    assert "delivery 1 below" in page
    assert "webhook.test" in page
    assert "redeliver" not in page, "it still waits"
    early = await sent(browser, f"{path}/deliveries/1/redeliver")
    assert early.status_code == 409
    await sent(browser, f"{path}/disable")
    await sent(browser, f"{path}/enable")
    page = (await browser.get(path)).text
    assert "the endpoint was switched off" in page
    assert f'action="{path}/deliveries/1/redeliver"' in page
    again = await sent(browser, f"{path}/deliveries/1/redeliver", back=path)
    assert again.headers["location"] == f"{path}?did=redelivered&of=1"
    assert (await sent(browser, f"{path}/deliveries/99/redeliver")).status_code == 404


async def test_deliveries_come_page_by_page(browser: Browser):
    await browser.sign_in(Scope.SUBMIT)
    webhook_id = await made(browser)
    for _ in range(60):
        await browser.stage.container.webhooks.test(webhook_id, await _caller(browser))
    page = (await browser.get(f"/webhooks/{webhook_id}")).text
    following = re.search(r'href="([^"]+page_token=[^"]+)" rel="next"', page)
    assert following
    rest = (await browser.get(following[1])).text
    numbers = [re.findall(r'<th scope="row" class="num">(\d+)<', text) for text in (page, rest)]
    assert [int(number) for number in numbers[0] + numbers[1]] == list(range(60, 0, -1))


async def _caller(browser: Browser) -> Any:
    (key,) = await browser.stage.container.keys.everyone()
    return key.caller


async def test_a_client_sees_its_own_and_an_admin_all(browser: Browser):
    """Another client's does not exist for it: neither the page nor any deed."""
    await browser.sign_in(Scope.SUBMIT, client="web-shop")
    foreign = await made(browser, description="of the shop")
    browser.client.cookies.clear()
    await browser.sign_in(Scope.SUBMIT, client="crm-sync")
    assert "of the shop" not in (await browser.get("/webhooks")).text
    assert (await browser.get(f"/webhooks/{foreign}")).status_code == 404
    for deed in ("change", "enable", "disable", "secret", "test", "delete", "deliveries/1/redeliver"):
        answer = await sent(browser, f"/webhooks/{foreign}/{deed}", url=URL, events=[FINISHED])
        assert answer.status_code == 404, deed
    browser.client.cookies.clear()
    await browser.sign_in(Scope.ADMIN, client="operator")
    assert "of the shop" in (await browser.get("/webhooks")).text
    assert (await browser.get(f"/webhooks/{foreign}")).status_code == 200
    own = await made(browser)
    assert "everybody's imports" in (await browser.get(f"/webhooks/{own}")).text


@pytest.mark.parametrize("scope", [Scope.READ, Scope.OPERATE])
async def test_who_may_not_submit_has_none(browser: Browser, scope: Scope):
    await browser.sign_in(scope)
    for path in ("/webhooks", "/webhooks/1"):
        assert (await browser.get(path)).status_code == 403
    assert (await sent(browser, "/webhooks", url=URL, events=[FINISHED])).status_code == 403


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_descriptions_are_shown_as_text(browser: Browser, text: str):
    await browser.sign_in(Scope.SUBMIT)
    webhook_id = await made(browser, description=text, url=f"{URL}?x=%3Cscript%3E")
    for path in ("/webhooks", f"/webhooks/{webhook_id}"):
        refuse_hostile((await browser.get(path)).text)


@pytest.mark.parametrize("path", ["/webhooks/x", "/webhooks/0", "/webhooks/7", "/webhooks/99999999999999999999"])
async def test_what_is_not_there_is_a_page_that_says_so(browser: Browser, path: str):
    await browser.sign_in(Scope.SUBMIT)
    answer = await browser.get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


async def test_a_form_that_is_refused_comes_back_as_it_was_filled_in(browser: Browser):
    """A new one and a changed one: with the mistake beside its field, and all else as it was typed."""
    await browser.sign_in(Scope.SUBMIT)
    webhook_id = await made(browser, description="as it was")
    for path, id_ in (("/webhooks", "new"), (f"/webhooks/{webhook_id}/change", "change")):
        answer = await sent(
            browser, path, url="ftp://example.com", events=["import.attention"], description="our <CRM>"
        )
        assert answer.status_code == 422
        assert f'<details class="deed" id="{id_}-webhook" open>' in answer.text
        assert f'aria-describedby="{id_}-url-mistake"' in answer.text
        assert f'class="hint mistake" id="{id_}-url-mistake"' in answer.text
        assert 'value="ftp://example.com"' in answer.text
        assert 'value="our &lt;CRM&gt;"' in answer.text
        assert re.findall(r'name="events" value="([\w.]+)" checked', answer.text) == ["import.attention"]
    assert "as it was" in (await browser.get(f"/webhooks/{webhook_id}")).text
