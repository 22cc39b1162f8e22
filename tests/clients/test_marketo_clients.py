"""Programs written for Marketo, as they are, with us in Marketo's place: over real HTTP."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.simulator import Rules, Simulator
from tests.api.marketo_compat.test_routes import BOUNDARY, JAVA
from tests.story.files import CARS, LEADS, LEADS_WITH_TROUBLE, MEMBERS
from tests.story.test_processes import QUICK
from tests.support import forks, patience
from tests.support.processes import ROOT, Service, simulator, wait_until
from tests.support.tiers import chosen

CLIENTS = ROOT / ".venv" / "clients"
SCRIPT = Path(__file__).with_name("marketo_import.py")


@dataclass(frozen=True)
class Served:
    service: Service
    simulator: Simulator
    client_id: str
    client_secret: str

    def token(self) -> str:
        known = {"client_id": self.client_id, "client_secret": self.client_secret, "grant_type": "client_credentials"}
        answer = patience.get(f"{self.service.url}/identity/oauth/token", params=known)
        return str(answer.json()["access_token"])

    def finished(self, batch: int, sent: str) -> bool:
        there = f"{self.service.url}/bulk/v1/leads/batch/{batch}.json"
        body = patience.get(there, headers={"Authorization": f"Bearer {sent}"}).json()
        return body["result"][0]["status"] == "Complete"


@pytest.fixture
def served(sqlite_url: str, tmp_path: Path) -> Iterator[Served]:
    """A service that asks for keys, and logs as much as it can."""
    with simulator(Rules(job_seconds=0.2, window_seconds=1)) as (marketo, played):
        found = Service(tmp_path, sqlite_url, marketo, **(QUICK | {"AUTH": "on", "LOG_LEVEL": "debug"}))
        words = ("keys", "create", "--client", "crm-sync", "--scope", "submit")
        made = forks.run(words, found.environment, tmp_path)
        _, key_id, secret = made.stdout.strip().split("_")
        found.start()
        try:
            yield Served(found, played, key_id, secret)
        finally:
            if found.child and found.child.poll() is None:
                found.child.kill()
                found.child.ended()


@pytest.mark.parametrize(
    ("version", "release"), chosen([("0.5.25", "newest"), ("0.5.20", "older")], ("0.5.25", "newest"))
)
def test_marketorestpython_needs_only_another_host_name(served: Served, tmp_path: Path, version: str, release: str):
    """Create, status, failures and warnings of all three kinds; the newest sends its token in the header, the other in
    the query. Neither that nor the secret is logged."""
    files = {"leads.csv": LEADS_WITH_TROUBLE, "cars.ssv": CARS, "members.tsv": MEMBERS + b"\tDot\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    ran = subprocess.run(
        [sys.executable, SCRIPT, served.service.url, served.client_id, served.client_secret, tmp_path],
        env={**os.environ, "PYTHONPATH": str(CLIENTS / release)},
        capture_output=True,
        text=True,
        timeout=patience.seconds(),
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    body = json.loads(ran.stdout)
    assert body["version"] == version
    assert ("access_token=" in ran.stderr) is (release == "older")
    for kind in ("lead", "custom_object", "program_member"):
        assert body[kind]["created"]["status"] == "Queued"
        assert body[kind]["finished"]["status"] == "Complete"
    assert (
        body["lead"]["finished"]["message"]
        == "Import completed with errors, 3 records imported (3 members), 2 failed, 1 warning."
    )
    assert body["lead"]["failures"] == (
        "email,firstName,lastName,leadScore,Import Failure Reason\n"
        "bob@example.com,Bob,Beech,many,Invalid data type in field Lead Score\n"
        ",Dot,Dogwood,4,Value for lookup field 'email' not found\n"
    )
    assert body["lead"]["warnings"] == (
        "email,firstName,lastName,leadScore,Import Warning Reason\nnot-an-address,Cid,Cedar,3,Invalid email address\n"
    )
    assert body["custom_object"]["finished"]["numOfObjectsProcessed"] == 2
    assert (
        body["custom_object"]["failures"]
        == "vin;make;model;color;Import Failure Reason\n;audi;80;blue;missing.dedupe.fields\n"
    )
    assert body["program_member"]["finished"]["numOfLeadsProcessed"] == 2
    assert body["program_member"]["failures"].startswith("email\tfirstName\tImport Failure Reason\n\tDot\t")
    assert "'code': '1006'" in body["refused"]
    assert {car["vin"] for car in served.simulator.records("car_c")} == {"VIN1", "VIN3"}
    logged = served.service.log.read_text()
    assert logged
    assert served.client_secret not in logged
    assert "access_token" not in logged
    assert f"{served.client_id}." not in logged


def test_curls_form_fields_and_adobes_java_sample_are_taken(served: Served):
    """curl -F format=csv -F file=@leads.csv -F lookupField=email -F access_token=…; a form without its last dashes."""
    sent, url = served.token(), f"{served.service.url}/bulk/v1/leads.json"
    form = {
        "format": (None, "csv"),
        "file": ("leads.csv", LEADS, "text/csv"),
        "lookupField": (None, "email"),
        "access_token": (None, sent),
    }
    first = patience.post(url, files=form).json()["result"][0]["batchId"]
    line = http.client.HTTPConnection("127.0.0.1", served.service.port)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "accept": "text/json"}
    body = JAVA + b"email,firstName\nzoe@example.com,Zoe\n\r\n--" + BOUNDARY.encode()
    line.request("POST", f"/bulk/v1/leads.json?access_token={sent}&format=csv", body, headers)
    told = json.loads(line.getresponse().read())
    line.close()
    second = told["result"][0]["batchId"]
    for batch in (first, second):
        wait_until(lambda batch=batch: served.finished(batch, sent), f"batch {batch}")
    kept = {lead["email"] for lead in served.simulator.records("lead")}
    assert kept == {"ann@example.com", "bob@example.com", "zoe@example.com"}


def test_a_large_body_behind_a_token_that_opens_nothing_is_not_read(served: Served):
    """The service says so, and hangs up."""
    line = http.client.HTTPConnection("127.0.0.1", served.service.port, timeout=patience.seconds())
    line.putrequest("POST", "/bulk/v1/leads.json")
    for name, value in {
        "Authorization": "Bearer x.1.y",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(10**9),
    }.items():
        line.putheader(name, value)
    line.endheaders()
    answer = line.getresponse()
    assert json.loads(answer.read())["errors"][0]["code"] == "601"
    assert answer.getheader("connection") == "close"
    line.close()
