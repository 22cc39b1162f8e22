"""No module is loaded on a path of work: it could not be, once no more files can be opened."""

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.files.compression import pack
from app.simulator import Rules
from tests.story.files import CARS, LEADS_WITH_TROUBLE, MEMBERS, leads
from tests.support.processes import ROOT, Service, service, simulator, wait_until


def key_for(database_url: str, folder: Path) -> str:
    """An API key that may do everything, made before the service has the database."""
    words = [sys.executable, "-m", "app", "keys", "create", "--client", "crm"]
    words += [f"--scope={scope}" for scope in ("submit", "read", "operate")]
    made = subprocess.run(
        words,
        cwd=folder,
        env={"SLUICE_DATABASE_URL": database_url, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.strip()


def send(api: httpx.Client, content: bytes, **headers: str) -> int:
    """One more import; its id."""
    words = {"Content-Type": "text/csv"} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.post("/v1/imports", content=content, headers=words)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def uploads(api: httpx.Client) -> list[int]:
    """Every kind of file, in every form that it may come in."""
    made = [
        send(api, LEADS_WITH_TROUBLE, Idempotency_Key="a", Content_Disposition="attachment; filename*=UTF-8''a.csv"),
        send(api, LEADS_WITH_TROUBLE, Idempotency_Key="a"),
        send(api, leads(3_000)),
        send(api, gzip.compress(leads(2_000, start=10_000)), Content_Encoding="gzip"),
        send(api, pack(leads(2_000, start=20_000)), Content_Encoding="zstd"),
    ]
    for charset in ("cp1252", "utf-16", "big5", "Shift_JIS", "mac-roman"):
        made.append(
            send(api, f"email\n{charset}@example.com\n".encode(charset), Content_Type=f"text/csv;charset={charset}")
        )
    forms = [
        ({"format": "ssv", "object_type": "custom_object", "object_name": "car_c"}, CARS),
        (
            {"object_type": "program_member", "format": "tsv", "program_id": "1001", "program_member_status": "Member"},
            MEMBERS,
        ),
        ({"preflight": "rows", "label": "ä", "metadata": '{"a": "b"}'}, LEADS_WITH_TROUBLE),
        ({}, leads(10_000, start=100_000)),
    ]
    for fields, file in forms:
        answer = api.post("/v1/imports", data=fields, files={"file": ("f.csv", file)})
        assert answer.status_code in {202, 422}, answer.text
        made += [answer.json()["id"]] if answer.status_code == 202 else []
    return made


def readings(api: httpx.Client, import_id: int) -> None:
    """Whatever may be asked for, in every form."""
    for path in (
        "",
        "?wait=0.1",
        "/parts",
        "/events",
        "/failures",
        "/warnings",
        "/failures.csv",
        "/failures/reasons",
        "/nothing",
    ):
        for accept in ("application/json", "text/csv", "text/event-stream;q=0.5, */*;q=0.1"):
            headers = {"Accept": accept, "If-None-Match": '"a"', "Cookie": "a=b", "Last-Event-ID": "0"}
            assert api.get(f"/v1/imports/{import_id}{path}", headers=headers).status_code < 500
    for path in (
        "/v1/imports",
        "/v1/status",
        "/v1/instances",
        "/v1/instances/default",
        "/metrics",
        "/livez",
        "/readyz",
    ):
        assert api.get(path).status_code == 200, path
    for path in ("/openapi.json", "/docs", "/problems/", "/problems/not-found", "/nowhere", "/v1/imports/x"):
        for accept in ("text/html", "text/markdown", "application/json"):
            assert api.get(path, headers={"Accept": accept}).status_code in {200, 404}, path
    for path in api.get("/docs").text.split('"')[1::2]:
        if path.startswith("/docs/static"):
            assert api.get(path, headers={"Range": "bytes=0-9", "If-Modified-Since": "x"}).status_code in {200, 206}


def refusals(api: httpx.Client) -> None:
    """Whatever may be wrong."""
    for content, headers in (
        (b"", {}),
        (b"email\n\xff\n", {}),
        (b"email,a\n\x00", {}),
        (b"x\ny\n", {}),
        (b'email\n"a', {}),
        (b"email\na\n", {"Content-Type": "application/pdf"}),
        (b"email\na\n", {"Content-Encoding": "br"}),
        (b"email\na\n", {"Content-Digest": "sha-256=:aaaa:"}),
        (b"email\na\n", {"Content-Type": "text/csv; charset=klingon"}),
        (b"\x1f\x8b\x00", {"Content-Encoding": "gzip"}),
    ):
        answer = api.post("/v1/imports", content=content, headers={"Content-Type": "text/csv"} | headers)
        assert 400 <= answer.status_code < 500, answer.text
    for path in ("/v1/imports?status=x&created_after=y&colour=red", "/v1/imports?page_token=x&page_size=0"):
        assert api.get(path).status_code == 422
    assert api.post("/v1/instances/default/pause", content=b"{").status_code in {415, 422}
    assert api.post("/v1/instances/default/pause", json={"reason": 1}).status_code == 422
    assert httpx.get(f"{api.base_url}/v1/imports").status_code == 401


def deeds(api: httpx.Client, done: int) -> None:
    """Whatever a person may do."""
    for path in (f"/v1/imports/{done}/retry-failures", f"/v1/imports/{done}/retry", f"/v1/imports/{done}/cancel"):
        assert api.post(path).status_code in {202, 409}
    assert (
        api.post(
            f"/v1/imports/{done}/retry-failures", content=LEADS_WITH_TROUBLE, headers={"Content-Type": "text/csv"}
        ).status_code
        == 202
    )
    for verb in ("pause", "resume"):
        assert (
            api.post(f"/v1/instances/default/{verb}", json={"reason": "a"} if verb == "pause" else None).status_code
            == 200
        )


def as_marketo(api: httpx.Client, key: str) -> None:
    """A program that was written for Marketo."""
    _, key_id, secret = key.split("_")
    grant = {"grant_type": "client_credentials", "client_id": key_id, "client_secret": secret}
    token = httpx.post(f"{api.base_url}/identity/oauth/token", data=grant).json()["access_token"]
    theirs = httpx.Client(base_url=api.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    with theirs:
        made = theirs.post(
            "/bulk/v1/leads.json", params={"format": "csv"}, files={"file": ("a.csv", LEADS_WITH_TROUBLE)}
        )
        batch = made.json()["result"][0]["batchId"]
        in_form = {"access_token": token, "format": "csv"}
        assert httpx.post(
            f"{api.base_url}/bulk/v1/leads.json", data=in_form, files={"file": ("a.csv", leads(3))}
        ).json()["success"]
        for path in ("", "/failures", "/warnings"):
            assert theirs.get(f"/bulk/v1/leads/batch/{batch}{path}.json").status_code in {200, 404}
        assert not theirs.get("/rest/v1/leads.json").json()["success"]


def finished(api: httpx.Client) -> bool:
    return not any(
        api.get("/v1/imports", params={"status": status}).json()["items"] for status in ("queued", "importing")
    )


def whole_life(running: Service, key: str) -> None:
    with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as api:
        first, *_ = uploads(api)
        wait_until(lambda: finished(api), "the imports")
        refusals(api)
        deeds(api, first)
        as_marketo(api, key)
        wait_until(lambda: finished(api), "the other imports")
        readings(api, first)
        assert api.delete(f"/v1/imports/{first}").status_code == 204


@pytest.mark.endure
def test_nothing_is_imported_while_the_service_works(database_url: str, tmp_path: Path):
    """A whole life, in a process that can load no module any more."""
    key = key_for(database_url, tmp_path)
    with simulator(Rules(job_seconds=0.05, rows_per_second=1e6, calls_per_window=10_000)) as (marketo, _):
        settings = {
            "AUTH": "on",
            "POLL_MIN_SECONDS": 0.1,
            "POLL_MAX_SECONDS": 0.2,
            "TICK_SECONDS": 0.1,
            "PART_BYTES": 100_000,
            "INSTANCES__DEFAULT__CALLS_PER_WINDOW": 100,
            "INSTANCES__DEFAULT__WINDOW_SECONDS": 1,
        }
        with service(tmp_path, database_url, marketo, module="tests.support.no_imports", **settings) as running:
            whole_life(running, key)
            assert running.end(signal.SIGTERM) == 0
    asked = json.loads((tmp_path / "asked-for.json").read_text())
    assert sorted(set(asked)) == []
