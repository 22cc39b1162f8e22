"""The simulator as real clients meet it: uvicorn, curl, hand-made multipart."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.simulator import Fault, Simulator
from tests.simulator.conftest import Bench, error
from tests.support.serving import serving

LEADS = "/bulk/v1/leads.json"


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Simulator, str]]:
    sim = Simulator()
    with serving(sim) as url:
        yield sim, url


def login(url: str) -> str:
    params = {"grant_type": "client_credentials", "client_id": "sluice-demo", "client_secret": "sluice-demo-secret"}
    return str(httpx.get(f"{url}/identity/oauth/token", params=params).json()["access_token"])


async def curl(*words: str) -> tuple[int, str]:
    program = shutil.which("curl")
    assert program
    child = await asyncio.create_subprocess_exec(
        program, "-s", "--max-time", "10", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    return child.returncode or 0, out.decode()


def form_as_curl_writes_it(token: str) -> bytes:
    fields = {"format": "csv", "lookupField": "email", "access_token": token}
    parts = "".join(
        f'--------b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file = 'Content-Disposition: form-data; name="file"; filename="lead.csv"\r\nContent-Type: text/csv\r\n\r\n'
    return f"{parts}--------b\r\n{file}email\na@example.com\n\r\n--------b--\r\n".encode()


async def test_the_curl_call_of_adobes_documentation(served: tuple[Simulator, str], tmp_path: Path) -> None:
    sim, url = served
    token = login(url)
    if shutil.which("curl"):
        (tmp_path / "lead.csv").write_bytes(b"email\na@example.com\n")
        fields = ["format=csv", "lookupField=email", f"file=@{tmp_path / 'lead.csv'}", f"access_token={token}"]
        _, out = await curl(*[word for field in fields for word in ("-F", field)], f"{url}{LEADS}")
        body = json.loads(out)
    else:
        headers = {"Content-Type": "multipart/form-data; boundary=------b"}
        async with httpx.AsyncClient() as http:
            body = (await http.post(f"{url}{LEADS}", content=form_as_curl_writes_it(token), headers=headers)).json()
    assert body["result"][0]["status"] == "Queued"
    assert sim.report()["jobs"][-1]["rows"] == 1


async def test_form_fields_in_place_of_query_parameters(bench: Bench) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=------b"}
    response = await bench.http.post(LEADS, content=form_as_curl_writes_it(bench.token), headers=headers)
    assert response.json()["success"]
    data = {"format": "csv", "programMemberStatus": "On List"}
    files = {"file": ("rows.csv", b"email\na@example.com\n")}
    authorization = {"Authorization": f"Bearer {bench.token}"}
    path = "/bulk/v1/program/1001/members/import.json"
    assert (await bench.http.post(path, data=data, files=files, headers=authorization)).json()["success"]


async def test_a_parameter_in_both_places(make) -> None:
    for precedence, code in (("query", "1011"), ("form", None)):
        bench = await make(param_precedence=precedence)
        response = await bench.http.post(
            LEADS,
            params={"lookupField": "nope"},
            data={"lookupField": "email"},
            files={"file": ("rows.csv", b"email\na@example.com\n")},
            headers={"Authorization": f"Bearer {bench.token}"},
        )
        assert (error(response)[0] if code else None) == code


async def test_a_form_field_token_can_be_refused(make) -> None:
    bench = await make(access_token_param="deny")
    headers = {"Content-Type": "multipart/form-data; boundary=------b"}
    response = await bench.http.post(LEADS, content=form_as_curl_writes_it(bench.token), headers=headers)
    assert error(response)[0] == "600"


HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n'


async def test_chunked_uploads_over_real_http(served: tuple[Simulator, str]) -> None:
    _, url = served

    async def chunks():
        for part in (HEAD, b"\r\nemail\n", b"a@example.com\n", b"\r\n--b--"):
            yield part

    headers = {"Authorization": f"Bearer {login(url)}", "Content-Type": "multipart/form-data; boundary=b"}
    async with httpx.AsyncClient() as http:
        response = await http.post(f"{url}{LEADS}", content=chunks(), headers=headers)
    assert response.json()["success"]


async def test_413_is_heard_over_real_http(served: tuple[Simulator, str]) -> None:
    _, url = served
    headers = {"Authorization": f"Bearer {login(url)}"}
    async with httpx.AsyncClient() as http:
        response = await http.post(f"{url}{LEADS}", files={"file": b"x" * 15_000_000}, headers=headers)
    assert response.status_code == 413


@pytest.mark.parametrize("name", ["lost_response", "lost_request", "half_body"])
async def test_connections_break_over_real_http(served: tuple[Simulator, str], name: str) -> None:
    sim, url = served
    headers = {"Authorization": f"Bearer {login(url)}"}
    sim.order(Fault(name, on="status"))
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(f"{url}/bulk/v1/leads/batch/1.json", headers=headers)
        response = await http.get(f"{url}/bulk/v1/leads/batch/1.json", headers=headers)
    assert response.json()["errors"][0]["code"] == "1013"


async def test_hooks_before_and_after_delivery(bench: Bench) -> None:
    class Crash(Exception):
        pass

    def crash(*_: object) -> None:
        raise Crash

    transport = bench.http._transport
    headers = {"Authorization": f"Bearer {bench.token}"}
    for hook, jobs in (("before_request", 0), ("after_request", 1)):
        setattr(transport, hook, crash)
        with pytest.raises(Crash):
            await bench.http.post(LEADS, files={"file": b"email\na@example.com\n"}, headers=headers)
        setattr(transport, hook, None)
        assert len(bench.sim.report()["jobs"]) == jobs
