"""X-Request-Id, in and out, one line in the log for each request, and bodies that nobody wants."""

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.domain.clients import Scope
from app.web.app import create_app
from tests.story.files import LEADS
from tests.support import databases
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.processes import Service, service
from tests.support.stage import Stage, staged

__all__ = ["log"]
MADE_HERE = re.compile(r"[0-9a-f]{32}")
NOWHERE = "http://127.0.0.1:9"
UNWANTED = {  # name: (keys, path, headers, status)
    "a bad key": ("on", "/v1/imports", {"Authorization": "Bearer slc_0_0"}, 401),
    "no token": ("on", "/bulk/v1/leads.json", {"Content-Type": "text/csv"}, 200),
    "another site": ("off", "/v1/imports", {"Origin": "https://evil.example.com"}, 403),
    "no such path": ("off", "/v2/imports", {}, 404),
    "no such import": ("off", "/v1/imports/9/cancel", {}, 404),
    "a method": ("off", "/v1/status", {}, 405),
    "a length": ("off", "/v1/imports", {"Content-Type": "text/csv", "Content-Length": str(10**12)}, 413),
    "a media type": ("off", "/v1/imports", {"Content-Type": "application/pdf"}, 415),
    "a parameter": ("off", "/v1/imports?colour=red", {}, 422),
    "a full backlog": ("off", "/v1/imports", {"Content-Type": "text/csv"}, 429),
    "none of Marketo's media types": ("off", "/bulk/v1/leads.json", {"Content-Type": "application/pdf"}, 200),
    "none of Marketo's paths that are here": ("off", "/rest/v1/leads.json", {}, 200),
}


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
        _, key = await stage.house.keys.create("crm", [Scope.SUBMIT], expires_at=None)
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
    app = create_app(stage.house)

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
        _, key = await stage.house.keys.create("crm", [Scope.SUBMIT], expires_at=None)
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
        _, key = await stage.house.keys.create("crm", [Scope.SUBMIT], expires_at=None)
        made = await stage.house.keys.exchange(*key.split("_")[1:])
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
            stage.api.post("/v1/imports", content=LEADS, headers={"X-Request-Id": one, "Content-Type": "text/csv"})
            for one in ids
        )
    )
    expected = {answer.json()["id"]: one for answer, one in zip(made, ids, strict=True)}
    assert {line["import_id"]: line["request_id"] for line in log.lines("accepted")} == expected


@pytest.fixture(scope="module")
def services(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    """With keys and without; the second one's backlog is full."""
    folders = {keys: tmp_path_factory.mktemp(keys) for keys in ("on", "off")}
    urls = {keys: databases.sqlite_copy(sqlite_template, folder) for keys, folder in folders.items()}
    with (
        service(folders["on"], urls["on"], NOWHERE, AUTH="on") as strict,
        service(folders["off"], urls["off"], NOWHERE, BACKLOG_PARTS=1) as full,
    ):
        made = httpx.post(f"{full.url}/v1/imports?not_before=2999-01-01T00:00:00Z&preflight=off", content=LEADS)
        assert made.status_code == 202, made.text
        yield {"on": strict, "off": full}


@pytest.mark.parametrize("name", UNWANTED)
def test_a_body_that_is_refused_unread_is_not_taken_in(services: dict[str, Service], name: str):
    """Of a gigabyte, not a byte has to come before the service says no and hangs up."""
    keys, path, headers, status = UNWANTED[name]
    running = services[keys]
    lines = {"Host": "127.0.0.1", "Content-Length": str(10**9)} | headers
    with socket.create_connection(("127.0.0.1", running.port)) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\n".encode())
        line.sendall("".join(f"{header}: {value}\r\n" for header, value in lines.items()).encode() + b"\r\n")
        answer = b""
        while more := line.recv(4096):  # to its end: the line is closed
            answer += more
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_a_line_lives_on_behind_a_body_that_was_read(stage: Stage):
    """Taken or refused; and where there was none."""
    asked = [
        await stage.create(LEADS),
        await stage.create(b"email,,\n"),
        await stage.api.get("/nowhere"),
        await stage.api.post("/v1/imports/1/cancel"),
        await stage.api.post("/v1/instances/default/pause", json={"reason": 1}),
    ]
    assert [answer.status_code for answer in asked] == [202, 422, 404, 202, 422]
    assert not any("connection" in answer.headers for answer in asked)
