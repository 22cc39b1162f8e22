"""On Marketo's paths every answer is in Marketo's envelope."""

import pytest
from sqlalchemy import text

from tests.api.marketo_compat.calls import (
    bearing,
    create,
    created,
    refused,
    status,
    token,
)
from tests.story.files import LEADS, MEMBERS
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


async def test_a_database_that_fails_is_no_reason_to_leave_the_envelope(sqlite_url: str, clock: SteppedClock):
    """608, which clients repeat; 611 where nobody knows whether the import is there."""
    async with staged(sqlite_url, clock, auth="on") as stage:
        sent = await token(stage)
        batch = await created(stage, sent)
        async with stage.container.db.write() as tx:
            await tx.execute(text("ALTER TABLE part RENAME TO gone"))
        refused(await status(stage, sent, batch), "608", says="API Temporarily Unavailable")
        refused(await create(stage, sent), "611", says="not known")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/bulk/v1/leads/batch/1.json"),
        ("POST", "/bulk/v1/leads.json"),
        ("GET", "/identity/oauth/token?grant_type=client_credentials&client_id=a&client_secret=b"),
    ],
)
async def test_a_fault_of_our_own_does_not_leave_the_envelope(stage: Stage, method: str, path: str):
    """The last resort: 611, and the log has the details."""
    sent = await token(stage)
    body = {"files": {"file": ("a.csv", LEADS)}} if method == "POST" else {}
    whole = {name: getattr(stage.container, name) for name in ("intake", "db", "reports", "keys")}
    for name in whole if path.startswith("/identity") else ("intake", "db", "reports"):
        object.__setattr__(stage.container, name, None)
    try:
        refused(await stage.api.request(method, path, headers=bearing(sent), **body), "611", says="System error")
    finally:
        for name, one in whole.items():
            object.__setattr__(stage.container, name, one)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/bulk", "610"),
        ("GET", "/rest", "610"),
        ("GET", "/identity/", "610"),
        ("BREW", "/bulk/v1/leads.json", "605"),
        ("PROPFIND", "/rest/v1/leads.json", "605"),
        ("OPTIONS", "/bulk/v1/leads.json", "605"),
    ],
)
async def test_whatever_is_asked_at_marketos_paths_is_answered_in_its_envelope(
    stage: Stage, method: str, path: str, code: str
):
    """By a method that nobody knows, or at the root of them."""
    refused(await stage.api.request(method, path), code)


async def test_who_is_turned_away_before_marketos_paths_is_told_so_in_its_envelope(
    sqlite_url: str, clock: SteppedClock
):
    """A page of another site, and a head that is too large."""
    async with staged(sqlite_url, clock) as stage:
        answer = await stage.api.get("/bulk/v1/leads/batch/1.json", headers={"Origin": "https://elsewhere.example.com"})
        refused(answer, "603", says="no web page of another site", status=403)
        refused(
            await stage.api.get("/bulk/v1/leads/batch/1.json", headers={"X": "x" * 9_000}), "1003", says="9000 bytes"
        )
        head = await stage.api.head("/bulk/v1/leads/batch/1.json", headers={"X": "x" * 9_000})
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("kind", "content", "query", "code", "says"),
    [
        ("lead", b"email,firstNam\na@example.com,A\n", {}, "1006", "Did you mean 'firstName'?"),
        ("lead", b"firstName\nA\n", {}, "1006", "Column 'email' is missing"),
        ("lead", b"", {}, "1003", "The file is empty"),
        ("lead", b"email\n", {}, "1003", "no rows"),
        ("lead", b'email\n"a\n', {}, "1003", "never closed"),
        ("lead", LEADS, {"format": "xls"}, "1001", "format: 'xls' is not one of csv, tsv, ssv"),
        ("lead", LEADS, {"listId": "x"}, "1001", "listId: 'x' is not a whole number"),
        ("lead", LEADS, {"instance": "other"}, "1001", "There is no instance 'other'"),
        ("program_member", MEMBERS, {"format": "tsv"}, "1002", "programMemberStatus"),
    ],
)
async def test_what_is_refused_is_refused_in_marketos_envelope(
    stage: Stage, kind: str, content: bytes, query: dict[str, str], code: str, says: str
):
    """HTTP 200, Marketo's code, our sentence; and nothing is kept."""
    refused(await create(stage, await token(stage), content, kind, **query), code, says=says)
    assert await stage.holds_nothing()
