"""X-Request-Id, in and out, and one line in the log for each request."""

import asyncio
import re

import httpx
import pytest

from app.api.app import create_app
from app.domain.api_keys import Scope
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.stage import Stage, staged

__all__ = ["log"]
MADE_HERE = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("nightly-2026-11-23/7", True),
        ("x" * 200, True),
        ("x" * 201, False),
        ("", False),
        ("two words", False),
        ("tab\there", False),
        ("caf\xe9", False),
    ],
)
async def test_a_sane_id_comes_back_and_another_is_replaced(stage: Stage, given: str, kept: bool):
    """Printable ASCII without blanks, 200 characters at most."""
    answer = await stage.api.get("/livez", headers={"X-Request-Id": given.encode("latin-1")})
    told = answer.headers["X-Request-Id"]
    assert told == given if kept else MADE_HERE.fullmatch(told)


async def test_every_answer_has_an_id_errors_too(database_url: str, clock: SteppedClock):
    """401, 403, 404, 405, 422; and what another origin is answered without keys."""
    async with staged(database_url, clock, auth="on") as stage:
        _, key = await stage.container.keys.create("crm", [Scope.SUBMIT], expires_at=None)
        ours = {"Authorization": f"Bearer {key}"}
        asked = [
            (401, await stage.api.get("/v1/imports")),
            (401, await stage.api.post("/v1/imports", content=LEADS)),
            (403, await stage.api.get("/v1/status", headers=ours)),
            (404, await stage.api.get("/nowhere")),
            (405, await stage.api.put("/v1/imports")),
            (422, await stage.api.get("/v1/imports?status=x", headers=ours)),
            (200, await stage.api.get("/openapi.json")),
        ]
    async with staged(database_url, clock) as stage:
        asked.append((403, await stage.api.get("/v1/imports", headers={"Origin": "https://evil.example.com"})))
    for status, answer in asked:
        assert answer.status_code == status, answer.text
        assert MADE_HERE.fullmatch(answer.headers["X-Request-Id"])


async def test_an_unexpected_error_is_answered_with_the_id_that_its_log_line_has(stage: Stage, log: Log):
    """The framework answers it outside of all that an application may put around its routes."""
    app = create_app(stage.container)

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    door = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1") as api:
        answer = await api.get("/broken", headers={"X-Request-Id": "abc"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["X-Request-Id"] == "abc"
    assert [line["request_id"] for line in log.lines("unexpected error", "request")] == ["abc", "abc"]


async def test_a_request_is_one_line_with_the_path_and_without_the_query(
    database_url: str, clock: SteppedClock, log: Log
):
    """Who, what, how it went, how long; nothing of the query, the headers or the body."""
    async with staged(database_url, clock, auth="on") as stage:
        _, key = await stage.container.keys.create("crm", [Scope.SUBMIT], expires_at=None)
        headers = {"Authorization": f"Bearer {key}", "X-Request-Id": "one", "Content-Type": "text/csv"}
        await stage.api.post("/v1/imports?label=secret-label", content=LEADS, headers=headers)
        await stage.api.get("/v1/imports/1%0A%1B[31m", headers={"X-Request-Id": "two"})
        await stage.api.get("/livez", headers={"X-Request-Id": "three"})
    lines = log.lines("request")
    for line in lines:
        assert 0 <= line.pop("duration_seconds") < 60
        del line["timestamp"], line["logger"], line["event"]
    assert lines == [
        {"level": "info", "method": "POST", "path": "/v1/imports", "status": 202, "client": "crm", "request_id": "one"},
        {
            "level": "info",
            "method": "GET",
            "path": "/v1/imports/1%0A%1B%5B31m",
            "status": 401,
            "client": None,
            "request_id": "two",
        },
        {"level": "debug", "method": "GET", "path": "/livez", "status": 200, "client": None, "request_id": "three"},
    ]
    assert "secret-label" not in log.text
    assert key not in log.text
    assert key.rpartition("_")[2] not in log.text


@pytest.mark.parametrize("auth", ["on", "off"])
async def test_on_marketos_paths_too_the_line_names_the_client(
    database_url: str, clock: SteppedClock, log: Log, auth: str
):
    """Once its token is known."""
    async with staged(database_url, clock, auth=auth) as stage:
        _, key = await stage.container.keys.create("crm", [Scope.SUBMIT], expires_at=None)
        made = await stage.container.keys.exchange(*key.split("_")[1:])
        assert made
        for sent in (made.text, ""):
            await stage.api.get("/bulk/v1/leads/batch/1.json", headers={"Authorization": f"Bearer {sent}"})
    told = [line["client"] for line in log.lines("request")]
    assert told == (["crm", None] if auth == "on" else ["local", "local"])


async def test_requests_side_by_side_keep_their_ids_apart(stage: Stage, log: Log):
    """Each import's line has the id of the request that brought it."""
    ids = [f"r{number}" for number in range(8)]
    made = await asyncio.gather(
        *(
            stage.api.post("/v1/imports", content=LEADS, headers={"X-Request-Id": item, "Content-Type": "text/csv"})
            for item in ids
        )
    )
    expected = {answer.json()["id"]: item for answer, item in zip(made, ids, strict=True)}
    assert {line["import_id"]: line["request_id"] for line in log.lines("accepted")} == expected
