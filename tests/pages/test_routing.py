"""What every page and every deed passes: sessions, scopes, tokens, origins, forms of answers, and the headers."""

import re

import pytest

from app.domain.api_keys import Scope
from tests.pages.conftest import Browser
from tests.story.files import LEADS

PAGES = ("/", "/imports", "/imports/1", "/send", "/instances", "/keys", "/webhooks")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SEEN = {  # by the scopes of a key: what it is answered to each of PAGES, about an import of crm-sync
    (Scope.SUBMIT,): (200, 200, 200, 200, 200, 200, 200),
    (Scope.READ,): (200, 200, 200, 403, 200, 200, 403),
    (Scope.OPERATE,): (200, 200, 200, 403, 200, 200, 403),
    (Scope.ADMIN,): (200, 200, 200, 200, 200, 200, 200),
}


async def made(browser: Browser, client: str = "crm-sync") -> int:
    _, key = await browser.stage.container.keys.create(client, [Scope.SUBMIT])
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/csv"}
    answer = await browser.client.post("/v1/imports", content=LEADS, headers=headers)
    return int(answer.json()["id"])


@pytest.mark.parametrize(("scopes", "statuses"), SEEN.items(), ids=[" ".join(scopes) for scopes in SEEN])
async def test_each_key_sees_what_its_scopes_say(browser: Browser, scopes: tuple[Scope, ...], statuses: tuple[int]):
    """And the rail offers no page that would be refused."""
    await made(browser)
    await browser.sign_in(*scopes)
    assert tuple([(await browser.get(path)).status_code for path in PAGES]) == statuses
    rail = re.findall(r'<li><a href="(/\w*)"', (await browser.get("/")).text)
    refused = {path for path, status in zip(PAGES, statuses, strict=True) if status != 200}
    assert rail
    assert not refused & set(rail)


async def test_a_key_that_may_only_submit_sees_its_own_imports_and_no_others(browser: Browser):
    """Those of others do not exist: as in the API."""
    foreign = await made(browser, client="web-shop")
    await browser.sign_in(Scope.SUBMIT)
    assert (await browser.get(f"/imports/{foreign}")).status_code == 404
    assert f"/imports/{foreign}" not in (await browser.get("/imports")).text
    assert f"/imports/{foreign}" not in (await browser.get("/imports?client=web-shop")).text
    overview = (await browser.get("/")).text
    assert "Nothing waits" in overview
    assert "marketo.example.com" not in overview, "of instances a client sees name, state and reason"


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/nowhere"])
async def test_every_page_has_the_strict_headers_and_nothing_inline(browser: Browser, path: str):
    """No style, no script, no handler stands in a page; nothing is loaded from another host."""
    await made(browser)
    if path != "/sign-in":
        await browser.sign_in(Scope.ADMIN)
    answer = await browser.get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", answer.text)
    assert all(' src="/static/' in script for script in re.findall(r"<script[^>]*>", answer.text))
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)


async def test_a_form_without_its_sessions_token_does_nothing(browser: Browser):
    """Nor one with another session's, nor one from another site with the right one."""
    await browser.sign_in(Scope.OPERATE)
    others = await browser.csrf()
    browser.client.cookies.clear()
    await browser.sign_in(Scope.OPERATE)
    own = await browser.csrf()
    attacks = [
        ({}, {}),
        ({"csrf": others}, {}),
        ({"csrf": "\u00e9"}, {}),
        ({"csrf": own}, {"Sec-Fetch-Site": "same-site"}),
    ]
    attacks.append(({"csrf": own}, {"Origin": "http://sluice.example.com:8080"}))
    for form, headers in attacks:
        answer = await browser.post("/instances/default/pause", form, **headers)
        assert answer.status_code == 403, (form, headers)
        assert "<h1>" in answer.text
    for headers in ({}, {"Origin": "http://sluice.example.com"}, {"Sec-Fetch-Site": "same-origin"}):
        answer = await browser.post("/instances/default/pause", {"csrf": own, "back": "/"}, **headers)
        assert answer.status_code == 303, headers


async def test_without_keys_a_page_of_another_port_on_this_machine_does_nothing(open_browser: Browser):
    """Loopback is trusted, not whatever else is shown from there."""
    for headers in ({"Origin": "http://127.0.0.1:3000"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):
        assert (await open_browser.post("/instances/default/pause", {"reason": ""}, **headers)).status_code == 403
    answer = await open_browser.post("/instances/default/pause", {"reason": ""}, Origin="http://127.0.0.1:8000")
    assert answer.status_code == 303


async def test_a_deed_asks_for_its_scope(browser: Browser):
    await browser.sign_in(Scope.READ)
    form = {"csrf": await browser.csrf()}
    assert (await browser.post("/instances/default/pause", form)).status_code == 403
    assert (await browser.post(f"/imports/{await made(browser)}/give-up", form)).status_code == 403
    assert "Pause…" not in (await browser.get("/")).text, "nor is it offered"


async def test_a_deed_after_the_session_is_over_is_told_so(browser: Browser):
    await browser.sign_in(Scope.OPERATE)
    form = {"csrf": await browser.csrf()}
    browser.stage.clock.step(43_200)
    answer = await browser.post("/instances/default/pause", form)
    assert answer.status_code == 401
    assert 'href="/sign-in"' in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"&".join([b"a=1"] * 1_001), "application/x-www-form-urlencoded", 422),
        (b"a=\xff", "application/x-www-form-urlencoded", 422),
        (b"{}", "application/json", 415),
    ],
)
async def test_a_form_that_no_browser_sends_is_refused(browser: Browser, body: bytes, kind: str, status: int):
    await browser.sign_in(Scope.OPERATE)
    headers = {"Accept": "text/html", "Content-Type": kind}
    answer = await browser.client.post("/instances/default/pause", content=body, headers=headers)
    assert answer.status_code == status


async def test_a_page_that_has_not_changed_is_not_sent_again(browser: Browser):
    """Although its times have other words by now; and what has changed is."""
    await made(browser)
    await browser.sign_in(Scope.OPERATE)
    first = await browser.get("/imports")
    tag = {"If-None-Match": first.headers["etag"]}
    browser.stage.clock.step(60)
    again = await browser.get("/imports", **tag)
    assert (again.status_code, again.content) == (304, b"")
    assert "1\u202fmin ago" in (await browser.get("/imports")).text
    await made(browser)
    browser.stage.clock.step(3)
    assert (await browser.get("/imports", **tag)).status_code == 200


async def test_what_one_visitor_is_shown_has_no_token_of_another(browser: Browser):
    """A page is rendered once for all who may see the same; each gets it with the token of its own forms."""
    _, key = await browser.stage.container.keys.create("crm-sync", [Scope.OPERATE])
    tokens = []
    for _ in range(2):
        browser.client.cookies.clear()
        await browser.post("/sign-in", {"key": key})
        tokens.append(await browser.csrf())
    assert len(set(tokens)) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", token) for token in tokens)


async def test_a_deed_is_seen_at_once_and_said(browser: Browser):
    """Back on the page that it was done on, with a sentence of ours; a link can say nothing else."""
    await browser.sign_in(Scope.OPERATE)
    form = {"csrf": await browser.csrf(), "back": "/?x=1", "reason": "Spring <cleaning>"}
    done = await browser.post("/instances/default/pause", form)
    assert done.headers["location"] == "/?x=1&did=paused"
    page = (await browser.get(done.headers["location"])).text
    assert "The instance is paused" in page
    assert "Paused by crm-sync: Spring &lt;cleaning&gt;" in page
    for query in ("did=evil", "did=given_up", "did=given_up&of=<b>", "of=1"):
        assert 'class="notice"' not in (await browser.get(f"/?{query}")).text
    resumed = await browser.post("/instances/default/resume", form | {"back": "//evil.example.com"})
    assert resumed.headers["location"] == "/?did=resumed"


async def test_a_program_is_told_that_pages_are_for_people(browser: Browser):
    """`/` stays a 404 for whoever asks for JSON, and a 401 for who names no type and has no session."""
    asked_for_json = await browser.client.get("/", headers={"Accept": "application/json"})
    assert (asked_for_json.status_code, asked_for_json.json()["code"]) == (404, "not_found")
    anything = await browser.client.get("/")
    assert (anything.status_code, anything.json()["code"]) == (401, "unauthorized")


async def test_the_pages_are_in_no_document(browser: Browser):
    document = (await browser.client.get("/openapi.json")).json()
    assert not {"/", "/imports", "/sign-in", "/static/{version}/{name}"} & document["paths"].keys()
