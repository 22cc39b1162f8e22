"""Sign-in, sign-out, and what a session does not outlive."""

from datetime import timedelta

import httpx
import pytest

from app.cli.http_api import build_app
from app.domain.api_keys import Scope
from tests.pages.conftest import Browser


async def test_a_browser_signs_in_sees_the_page_it_asked_for_and_signs_out(browser: Browser):
    """And what the cookie held opens nothing afterwards, whoever kept a copy of it."""
    asked = await browser.get("/imports?status=failed")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=%2Fimports%3Fstatus%3Dfailed"
    form = await browser.get(asked.headers["location"])
    assert 'name="next" value="/imports?status=failed"' in form.text
    _, key = await browser.stage.container.keys.create("crm-sync", [Scope.READ])
    answer = await browser.post("/sign-in", {"key": f" {key}\n", "next": "/imports?status=failed"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/imports?status=failed")
    assert (await browser.get("/imports?status=failed")).status_code == 200
    stolen = dict(browser.client.cookies)
    assert (await browser.get("/sign-in")).headers["location"] == "/", "who is signed in goes on"
    out = await browser.post("/sign-out", {"csrf": await browser.csrf()})
    assert out.headers["location"] == "/sign-in?did=signed_out"
    assert not browser.client.cookies
    assert "You are signed out." in (await browser.get(out.headers["location"])).text
    browser.client.cookies.update(stolen)
    assert (await browser.get("/")).status_code == 303


async def test_the_cookie_is_for_this_host_and_no_script(browser: Browser):
    """Over TLS it has the name that browsers take over TLS only."""
    _, key = await browser.stage.container.keys.create("crm-sync", [Scope.READ])
    plain = (await browser.post("/sign-in", {"key": key})).headers["set-cookie"]
    assert plain.startswith("sluice_session=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(plain.split("; "))
    door = httpx.ASGITransport(build_app(browser.stage.container))
    async with httpx.AsyncClient(transport=door, base_url="https://sluice.example.com") as client:
        secure = (await client.post("/sign-in", data={"key": key})).headers["set-cookie"]
        assert secure.startswith("__Host-sluice_session=")
        assert {"HttpOnly", "SameSite=strict", "Path=/", "Secure"} <= set(secure.split("; "))
        assert "Domain" not in secure
        assert (await client.get("/", headers=browser.headers)).status_code == 200


@pytest.mark.parametrize("key", ["", "slc_000000000000_" + "0" * 48, "nonsense", "slc_\0_\udcff"])
async def test_a_key_that_opens_nothing_begins_no_session(browser: Browser, key: str):
    body = httpx.QueryParams({"key": key.encode("utf-8", "replace").decode()})
    answer = await browser.post("/sign-in", dict(body))
    assert answer.status_code == 401
    assert "not known" in answer.text
    assert "set-cookie" not in answer.headers
    assert key not in answer.text or not key


async def test_a_revoked_key_ends_its_sessions_at_once(browser: Browser):
    key_id = await browser.sign_in(Scope.READ)
    assert (await browser.get("/imports")).status_code == 200
    await browser.stage.container.keys.revoke(key_id)
    assert (await browser.get("/imports")).status_code == 303
    assert (await browser.get("/")).headers["location"] == "/sign-in"


async def test_a_session_ends_after_its_time(browser: Browser):
    """SLUICE_SESSION_SECONDS, half a day."""
    await browser.sign_in(Scope.READ)
    browser.stage.clock.step(timedelta(hours=12).total_seconds() - 1)
    assert (await browser.get("/imports")).status_code == 200
    browser.stage.clock.step(1)
    assert (await browser.get("/imports")).status_code == 303


@pytest.mark.parametrize("cookie", ["", "0" * 64, "x" * 5_000, "../..", '"; DROP'])
async def test_a_forged_cookie_opens_nothing(browser: Browser, cookie: str):
    answer = await browser.get("/", Cookie=f"sluice_session={cookie}")
    assert answer.status_code == 303


async def test_what_is_stored_of_a_session_opens_nothing(browser: Browser):
    """A back-up holds only digests."""
    await browser.sign_in(Scope.READ)
    token = browser.client.cookies["sluice_session"]
    async with browser.stage.container.db.read() as tx:
        rows = (await tx.exec_driver_sql("SELECT token_sha256 FROM session")).all()
    assert len(rows) == 1
    assert token not in str(rows)
    browser.client.cookies.clear()
    assert (await browser.get("/", Cookie=f"sluice_session={rows[0][0]}")).status_code == 303


@pytest.mark.parametrize(
    "then",
    ["//evil.example.com", "https://evil.example.com/", "/\\evil.example.com", "/\t/evil.example.com", "evil"],
)
async def test_nobody_is_sent_to_another_site_after_sign_in(browser: Browser, then: str):
    _, key = await browser.stage.container.keys.create("crm-sync", [Scope.READ])
    answer = await browser.post("/sign-in", {"key": key, "next": then})
    assert answer.headers["location"] == "/"


async def test_another_site_cannot_sign_a_browser_in_or_out(browser: Browser):
    _, key = await browser.stage.container.keys.create("crm-sync", [Scope.READ])
    for headers in ({"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = await browser.post("/sign-in", {"key": key}, **headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    await browser.sign_in(Scope.READ)
    token = await browser.csrf()
    for form, headers in (
        ({}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": token}, {"Origin": "https://evil.example.com"}),
    ):
        assert (await browser.post("/sign-out", form, **headers)).status_code == 403
    assert (await browser.get("/")).status_code == 200


async def test_to_sign_in_again_ends_the_session_before(browser: Browser):
    await browser.sign_in(Scope.READ)
    before = browser.client.cookies["sluice_session"]
    await browser.sign_in(Scope.READ)
    assert await browser.stage.container.sessions.find(before) is None


async def test_without_keys_there_is_no_sign_in(open_browser: Browser):
    """Everybody who reaches loopback may see and do everything."""
    page = await open_browser.get("/")
    assert page.status_code == 200
    assert "Sign out" not in page.text
    assert 'name="csrf"' not in page.text
    assert (await open_browser.get("/sign-in")).headers["location"] == "/"
