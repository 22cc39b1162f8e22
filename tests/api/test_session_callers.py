"""The API as our own pages call it: by their session, with the session's token in a header."""

from collections.abc import AsyncIterator

import pytest

from app.domain.api_keys import Scope
from app.web.session_cookies import csrf_token
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(database_url, clock, auth="on") as found:
        yield found


async def begun(stage: Stage, *scopes: Scope) -> tuple[dict[str, str], str]:
    """(what a page sends with each call, the id of its key)."""
    key, text = await stage.container.keys.create("crm-sync", scopes)
    session = await stage.container.sessions.begin(text)
    assert session
    return {"Cookie": f"sluice_session={session.token}", "X-CSRF-Token": csrf_token(session.token)}, key.id


async def test_a_page_sends_a_file_and_reads_what_became_of_it(stage: Stage):
    """As its key's client, with its key's scopes."""
    headers, _ = await begun(stage, Scope.SUBMIT)
    sent = await stage.api.post("/v1/imports", content=LEADS, headers={**headers, "Content-Type": "text/csv"})
    assert (sent.status_code, sent.json()["client"]) == (202, "crm-sync")
    assert (await stage.api.get(sent.headers["location"], headers=headers)).status_code == 200
    assert (await stage.api.get("/v1/status", headers=headers)).status_code == 403


async def test_the_cookie_alone_opens_nothing_and_no_other_site_can_use_it(stage: Stage):
    """Not even to read: a header of its own keeps forms and pages of other sites out."""
    headers, key_id = await begun(stage, Scope.OPERATE)
    cookie = {"Cookie": headers["Cookie"]}
    for attack in (
        cookie,
        {**cookie, "X-CSRF-Token": ""},
        {**cookie, "X-CSRF-Token": csrf_token("another")},
        {"X-CSRF-Token": headers["X-CSRF-Token"]},
        {**headers, "Sec-Fetch-Site": "cross-site"},
        {**headers, "Origin": "https://evil.example.com"},
    ):
        answer = await stage.api.get("/v1/imports", headers=attack)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), attack
    assert (await stage.api.get("/v1/imports", headers=headers)).status_code == 200
    await stage.container.keys.revoke(key_id)
    assert (await stage.api.get("/v1/imports", headers=headers)).status_code == 401


async def test_a_key_goes_before_a_session(stage: Stage):
    """A program that sends both is who its key says."""
    headers, _ = await begun(stage, Scope.OPERATE)
    answer = await stage.api.get("/v1/imports", headers={**headers, "Authorization": "Bearer slc_0_0"})
    assert answer.status_code == 401
