"""Keys and clients: made, shown once, revoked; and what others see of their own."""

import re
from datetime import timedelta

import pytest
from markupsafe import escape

from app.domain.api_keys import Scope
from tests.pages.conftest import Browser, refuse_hostile
from tests.pages.test_overview import sentence
from tests.support.days import HOSTILE, seed

KEY = re.compile(r"slc_[0-9a-f]{12}_[0-9a-f]{48}")


async def admin(browser: Browser) -> dict[str, str]:
    """The token of an admin's forms."""
    await browser.sign_in(Scope.ADMIN, client="the operator")
    return {"csrf": await browser.csrf()}


async def test_a_key_is_made_with_all_that_the_api_takes_and_shown_once(browser: Browser):
    """In an answer that nobody keeps, and that has no address of its own."""
    form = await admin(browser)
    # a field may come several times, which a mapping cannot say
    body = f"csrf={form['csrf']}&client=web-shop&scopes=submit&scopes=read&max_priority=4&expires_at=2027-01-01T12:30"
    encoded = {"Content-Type": "application/x-www-form-urlencoded"}
    made = await browser.client.post("/keys", content=body, headers=browser.headers | encoded)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert "etag" not in made.headers
    assert "location" not in made.headers
    (written,) = set(KEY.findall(made.text))
    key = await browser.stage.container.keys.find(written)
    assert key is not None
    assert (key.client, key.scopes, key.max_priority) == ("web-shop", {Scope.SUBMIT, Scope.READ}, 4)
    assert f"{key.expires_at:%Y-%m-%dT%H:%M%z}" == "2027-01-01T12:30+0000"
    for path in ("/keys", "/keys?ended=true", "/"):
        page = await browser.get(path)
        assert not KEY.search(page.text)
    listed = (await browser.get("/keys")).text
    assert sentence(listed) == "2 keys open this service."
    assert "read, submit, priority up to 4" in listed


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"scopes": "submit"}, "printable characters"),
        ({"client": "x" * 201, "scopes": "submit"}, "printable characters"),
        ({"client": "a\0b", "scopes": "submit"}, "printable characters"),
        ({"client": "x"}, "choose at least one"),
        ({"client": "x", "scopes": "everything"}, "is not one of"),
        ({"client": "x", "scopes": "read", "max_priority": "10"}, "is not a whole number from 0 to 9"),
        ({"client": "x", "scopes": "read", "expires_at": "2020-01-01T00:00"}, "that time is over"),
        ({"client": "x", "scopes": "read", "expires_at": "tomorrow"}, "is not a time"),
    ],
)
async def test_what_cannot_be_a_key_is_refused_with_a_sentence(browser: Browser, form: dict[str, str], said: str):
    token = await admin(browser)
    answer = await browser.post("/keys", token | form)
    assert answer.status_code == 422
    assert said in answer.text
    assert sentence(answer.text) == "1 key opens this service."
    assert '<details class="deed" id="new-key" open>' in answer.text
    assert len(await browser.stage.container.keys.everyone()) == 1


async def test_a_revocation_says_when_the_key_was_last_used(browser: Browser):
    stage = browser.stage
    key, text = await stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    unused, _ = await stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    await stage.container.keys.find(text)
    form = await admin(browser)
    stage.clock.step(180)
    page = (await browser.get("/keys")).text
    offers = dict(re.findall(r'action="/keys/(\w+)/revoke" class="deed-form">\s*<p>([^<]*)<', page))
    assert "last used at 2026-11-04 12:00:00 UTC" in offers[key.id]
    assert "never used" in offers[unused.id]
    done = await browser.post(f"/keys/{key.id}/revoke", form | {"back": "/keys"})
    assert done.headers["location"] == "/keys?did=key_revoked"
    assert await stage.container.keys.find(text) is None
    after = (await browser.get(done.headers["location"])).text
    assert "The key is revoked" in after
    assert key.id not in after
    assert f"<code>{key.id}</code>" in (await browser.get("/keys?ended=true")).text
    assert (await browser.post("/keys/nobody/revoke", form)).status_code == 404


async def test_to_revoke_the_own_key_is_to_sign_out(browser: Browser):
    key_id = await browser.sign_in(Scope.ADMIN)
    page = (await browser.get("/keys")).text
    assert "you will be signed out" in page
    done = await browser.post(f"/keys/{key_id}/revoke", {"csrf": await browser.csrf(), "back": "/keys"})
    assert (await browser.get(done.headers["location"])).headers["location"].startswith("/sign-in")


async def test_each_client_has_what_waits_and_its_last_imports(browser: Browser):
    stage = browser.stage
    await seed(stage.container.db, "busy", stage.clock())
    await stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    await stage.container.keys.create("idle", [Scope.SUBMIT])
    await admin(browser)
    page = (await browser.get("/keys")).text
    found = re.findall(r'<li class="job">(.*?)<ul class="keys">', page, re.DOTALL)
    told = {re.findall(r"<bdi>(.*?)</bdi>", text)[0]: text for text in found}
    crm, idle, operator = told["crm-sync"], told["idle"], told["the operator"]
    assert re.search(r'<a href="/imports\?client=crm-sync&amp;status=queued">\d+ parts</a> wait', crm)
    assert len(re.findall(r'<a href="/imports/\d+">', crm)) == 3
    assert "nothing waits" in idle
    assert "sent nothing yet" in operator


async def test_clients_come_page_by_page(browser: Browser):
    for number in range(60):
        await browser.stage.container.keys.create(f"client-{number:02d}", [Scope.READ])
    await admin(browser)
    page = (await browser.get("/keys")).text
    following = re.search(r'href="(/keys\?after=[^"]+)" rel="next"', page)
    assert following
    rest = (await browser.get(following[1])).text
    names = [re.findall(r"<bdi>(client-\d+)</bdi>", text) for text in (page, rest)]
    assert names[0] + names[1] == [f"client-{number:02d}" for number in range(60)]


@pytest.mark.parametrize("scope", [Scope.SUBMIT, Scope.READ, Scope.OPERATE])
async def test_others_see_their_own_key_alone(browser: Browser, scope: Scope):
    """Client, scopes, expiry; also where another key of the client may see the same."""
    stage = browser.stage
    await stage.container.keys.create("a stranger", [Scope.READ])
    first = await stage.container.keys.create("web-shop", [scope], expires_at=stage.clock() + timedelta(days=3))
    second = await stage.container.keys.create("web-shop", [scope])
    for (_, text), said in ((first, "in 3\u202fd"), (second, "Never.")):
        await browser.post("/sign-in", {"key": text})
        page = (await browser.get("/keys")).text
        assert sentence(page) == "You are signed in as web-shop."
        assert f"<b>{scope}</b>" in page
        assert said in page
        assert "a stranger" not in page
        assert "Create a key" not in page
        form = {"csrf": await browser.csrf(), "client": "x", "scopes": "admin"}
        assert (await browser.post("/keys", form)).status_code == 403
        assert (await browser.post(f"/keys/{first[0].id}/revoke", form)).status_code == 403
        browser.client.cookies.clear()


async def test_hostile_clients_are_shown_as_text(browser: Browser):
    for name in HOSTILE:
        if name.isprintable():
            await browser.stage.container.keys.create(name, [Scope.READ])
    await admin(browser)
    page = (await browser.get("/keys")).text
    assert "&lt;script&gt;" in page
    refuse_hostile(page)


async def test_a_form_that_is_refused_comes_back_as_it_was_filled_in(browser: Browser):
    """With the mistake beside its field, and what was ticked; hostile texts are no danger there."""
    token = await admin(browser)
    name = HOSTILE[1]
    form = {"client": name, "scopes": "operate", "max_priority": "3", "expires_at": "2020-01-01T00:00"}
    page = (await browser.post("/keys", token | form)).text
    refuse_hostile(page)
    assert 'aria-describedby="new-expiry-hint new-expiry-mistake"' in page
    assert 'id="new-expiry-mistake">that time is over' in page
    assert 'value="2020-01-01T00:00"' in page
    assert 'name="max_priority" type="number" min="0" max="9" value="3"' in page
    assert re.findall(r'name="scopes" value="(\w+)" checked', page) == ["operate"]
    assert 'id="new-client" name="client" required' in page
    assert f'value="{escape(name)}"' in page
    again = await browser.post("/keys", token | form | {"expires_at": ""})
    assert again.status_code == 201
