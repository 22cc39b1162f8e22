from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.conftest import Bench

ROWS = b"email\na@example.com\n"


async def test_the_report_says_what_happened(bench: Bench) -> None:
    import hashlib

    batch = await bench.leads(ROWS)
    bench.clock.step(5)
    await bench.status(batch)
    await bench.failures(batch)
    report = (await bench.http.get("/simulator/report")).json()
    assert report == json.loads(json.dumps(bench.sim.report()))
    assert report["calls"] == {"identity": 1, "create": 1, "status": 1, "failures": 1}
    assert report["errors"] == {"404": 1}
    assert (report["most_outstanding"], report["most_importing"], report["most_calls_in_window"]) == (1, 1, 3)
    (job,) = report["jobs"]
    assert job["sha256"] == hashlib.sha256(ROWS).hexdigest()
    assert (job["batch_id"], job["object_type"], job["status"], job["rows"]) == (batch, "lead", "Complete", 1)
    assert (job["processed"], job["failed"], job["warned"]) == (1, 0, 0)
    assert job["queued_at"] == job["started_at"] == bench.clock.now - 5
    assert job["finished_at"] == pytest.approx(job["started_at"] + 2.0002)
    assert job["file_bytes"] == 20
    assert job["overhead_bytes"] > 100


async def test_mischief_is_ordered_seen_and_called_off(bench: Bench) -> None:
    line = await bench.http.post("/simulator/mischief", json="http_500:status")
    assert line.json() == {"ordered": [{"name": "http_500", "on": "status", "once": True}]}
    await bench.http.post("/simulator/mischief", json=[{"name": "html_502", "on": "status", "nth": 2, "times": 3}])
    assert (await bench.get("/bulk/v1/leads/batch/1.json")).status_code == 500
    state = (await bench.http.get("/simulator/mischief")).json()
    assert [order["name"] for order in state["pending"]] == ["html_502"]
    assert [note["fault"] for note in state["struck"]] == ["http_500"]
    await bench.http.delete("/simulator/mischief")
    assert (await bench.get("/bulk/v1/leads/batch/1.json")).status_code == 200


async def test_the_clock_goes_forward_on_order(bench: Bench) -> None:
    batch = await bench.leads(ROWS)
    response = await bench.http.post("/simulator/clock", json={"advance_seconds": 60})
    assert response.json() == {"now": bench.clock.now + 60}
    assert (await bench.status(batch))["status"] == "Complete"


async def test_records_foreign_jobs_and_a_fresh_start(bench: Bench) -> None:
    await bench.leads(ROWS)
    bench.clock.step(5)
    assert (await bench.http.get("/simulator/records/lead")).json()["records"][0]["email"] == "a@example.com"
    assert (await bench.http.get("/simulator/records/car_c")).json() == {"records": []}
    response = await bench.http.post("/simulator/occupy", json={"slots": 12, "seconds": 60})
    assert response.json() == {"occupied": 10}
    assert (await bench.http.post("/simulator/reset")).json() == {"reset": True}
    report = bench.sim.report()
    assert (report["jobs"], report["calls"], bench.sim.records("lead")) == ([], {}, [])
    await bench.login()
    await bench.leads(ROWS)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("mischief", b"not json"),
        ("mischief", b'"nope"'),
        ("mischief", b"17"),
        ("mischief", b'{"name": "hang", "when": 1}'),
        ("mischief", b'{"name": "hang", "nth": "1"}'),
        ("mischief", b'{"name": "hang", "nth": true}'),
        ("mischief", b'{"on": "create"}'),
        ("mischief", b'["hang", "nope"]'),
        ("clock", b"{}"),
        ("clock", b"[]"),
        ("clock", b'{"advance_seconds": -1}'),
        ("clock", b'{"advance_seconds": NaN}'),
        ("clock", b'{"advance_seconds": 1e300}'),
        ("clock", b'{"advance_seconds": true}'),
        ("clock", b'{"advance_seconds": 1, "x": 2}'),
        ("occupy", b'{"slots": 1.5, "seconds": 1}'),
        ("occupy", b'{"slots": 0, "seconds": 1}'),
        ("occupy", b'{"slots": 1}'),
        ("clock", b"\xff\xfe"),
        ("clock", b"[" * 100_000),
        ("clock", b" " * 1_000_001),
    ],
)
async def test_bad_input_gets_a_clear_400_and_changes_nothing(bench: Bench, path: str, content: bytes) -> None:
    response = await bench.http.post(f"/simulator/{path}", content=content)
    assert response.status_code == 400
    assert response.json()["error"]
    assert bench.sim.pending() == []


async def test_paths_that_do_not_exist(bench: Bench) -> None:
    assert (await bench.http.get("/simulator/nope")).status_code == 404
    assert (await bench.http.get("/simulator/clock")).status_code == 405


async def test_what_a_job_carried_is_told_where_it_is_kept(make: Callable[..., Any]) -> None:
    bench = await make(keep_jobs=True)
    batch = await bench.leads(b"email,leadScore\na@example.com,1\nb@example.com,many\n")
    carried = (await bench.http.get(f"/simulator/jobs/{batch}")).json()
    assert carried["header"] == ["email", "leadScore"]
    assert carried["rows"] == [["a@example.com", "1"], ["b@example.com", "many"]]
    assert carried["failures"] == carried["warnings"] == []
    bench.clock.step(5)
    carried = (await bench.http.get(f"/simulator/jobs/{batch}")).json()
    assert carried["failures"] == [[1, "Invalid data type in field Lead Score"]]


async def test_a_job_that_is_not_kept_says_so(bench: Bench) -> None:
    batch = await bench.leads(ROWS)
    for number, why in ((batch, "--keep-jobs"), (batch + 1, "no job")):
        answer = await bench.http.get(f"/simulator/jobs/{number}")
        assert answer.status_code == 400
        assert why in answer.json()["error"]
