from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.simulator import Fault
from tests.simulator.conftest import Bench, error

ROWS = b"email\na@example.com\n"
FAILING = b"email,leadScore\na@example.com,x\nbad,1\n"
LEADS = "/bulk/v1/leads.json"


async def finished(bench: Bench, content: bytes = FAILING) -> int:
    batch = await bench.leads(content)
    bench.clock.step(5)
    return batch


async def test_lost_response_the_job_exists_and_nobody_was_told(bench: Bench) -> None:
    bench.sim.order(Fault("lost_response", on="create", nth=2))
    await bench.leads(ROWS)
    with pytest.raises(httpx.RemoteProtocolError):
        await bench.post(LEADS, ROWS)
    await bench.leads(ROWS)
    report = bench.sim.report()
    assert len(report["jobs"]) == 3
    assert report["mischief"] == [{"fault": "lost_response", "on": "create", "call": 2, "at": bench.clock.now}]


async def test_lost_request_nothing_exists(bench: Bench) -> None:
    bench.sim.order(Fault("lost_request"))
    with pytest.raises(httpx.RemoteProtocolError):
        await bench.post(LEADS, ROWS)
    assert bench.sim.report()["jobs"] == []


async def test_half_body_breaks_off_after_the_job_was_made(bench: Bench) -> None:
    bench.sim.order(Fault("half_body", on="create"))
    with pytest.raises(httpx.RemoteProtocolError):
        await bench.post(LEADS, ROWS)
    assert len(bench.sim.report()["jobs"]) == 1


@pytest.mark.parametrize(
    ("name", "status", "content_type", "jobs"),
    [
        ("html_502", 502, "text/html", 0),
        ("html_200", 200, "text/html", 0),
        ("http_500", 500, "text/html", 0),
        ("executed_then:502", 502, "text/html", 1),
        ("bad_json", 200, "application/json;charset=UTF-8", 1),
        ("empty_body", 200, "application/json;charset=UTF-8", 1),
    ],
)
async def test_answers_that_are_no_json(bench: Bench, name, status, content_type, jobs) -> None:
    bench.sim.order(Fault(name, on="create"))
    response = await bench.post(LEADS, ROWS)
    assert (response.status_code, response.headers["content-type"]) == (status, content_type)
    with pytest.raises(ValueError):
        response.json()
    assert len(bench.sim.report()["jobs"]) == jobs
    assert (await bench.post(LEADS, ROWS)).json()["success"]


@pytest.mark.parametrize("code", ["601", "603", "604", "606", "607", "608", "611", "615", "713", "1016", "1019"])
async def test_any_error_can_be_had_with_and_without_the_job(bench: Bench, code: str) -> None:
    bench.sim.order(Fault(f"json_error:{code}", on="create"))
    assert error(await bench.post(LEADS, ROWS))[0] == code
    assert bench.sim.report()["jobs"] == []
    bench.sim.order(Fault(f"executed_then:{code}", message="Sorry"))
    assert error(await bench.post(LEADS, ROWS)) == (code, "Sorry")
    assert len(bench.sim.report()["jobs"]) == 1
    assert bench.sim.report()["errors"] == {code: 2}


async def test_hang_answers_late_and_a_caller_with_less_patience_hears_nothing(make: Callable[..., Any]) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds == 30:
            await asyncio.Event().wait()

    bench = await make(sleep=sleep)
    bench.sim.order(Fault("hang", on="create", seconds=7))
    assert (await bench.post(LEADS, ROWS)).json()["success"]
    assert slept == [7]
    bench.sim.order(Fault("hang", on="create", seconds=30))
    bench.http.timeout = httpx.Timeout(5, read=0.05)
    with pytest.raises(httpx.ReadTimeout):
        await bench.post(LEADS, ROWS)
    assert len(bench.sim.report()["jobs"]) == 2


async def test_stuck_importing_never_ends_and_holds_its_importer(bench: Bench) -> None:
    bench.sim.order(Fault("stuck_importing"))
    stuck = await bench.leads(ROWS)
    others = [await bench.leads(ROWS) for _ in range(3)]
    bench.clock.step(6 * 86_400)
    await bench.login()
    assert (await bench.status(stuck))["status"] == "Importing"
    assert (await bench.status(others[-1]))["status"] == "Complete"


async def test_stuck_importing_by_polls(make) -> None:
    bench = await make(progress="polls", polls_per_job=1)
    bench.sim.order(Fault("stuck_importing"))
    stuck = await bench.leads(ROWS)
    assert [(await bench.status(stuck))["status"] for _ in range(3)] == ["Importing"] * 3


async def test_job_failed_ends_with_a_message_and_no_records(bench: Bench) -> None:
    bench.sim.order(Fault("job_failed", message="Out of order"))
    batch = await finished(bench)
    status = await bench.status(batch)
    assert (status["status"], status["message"], status["numOfLeadsProcessed"]) == ("Failed", "Out of order", 0)
    assert bench.sim.records("lead") == []
    assert (await bench.failures(batch)).status_code == 404


async def test_all_failed_is_complete_all_the_same(bench: Bench) -> None:
    bench.sim.order(Fault("all_failed"))
    batch = await finished(bench)
    status = await bench.status(batch)
    assert (status["status"], status["numOfLeadsProcessed"], status["numOfRowsFailed"]) == ("Complete", 0, 2)
    assert len((await bench.failures(batch)).text.splitlines()) == 3


async def test_failed_in_answer(bench: Bench) -> None:
    bench.sim.order(Fault("failed_in_answer", message="No"))
    result = (await bench.post(LEADS, ROWS)).json()["result"][0]
    assert (result["status"], result["message"]) == ("Failed", "No")
    assert (await bench.status(result["batchId"]))["status"] == "Failed"
    assert bench.sim.report()["most_outstanding"] == 0


async def test_token_dies_602_then_601(bench: Bench) -> None:
    bench.sim.order(Fault("token_dies", on="create"))
    assert error(await bench.post(LEADS, ROWS))[0] == "602"
    assert error(await bench.post(LEADS, ROWS))[0] == "601"
    old = bench.token
    await bench.login()
    assert bench.token != old
    assert (await bench.post(LEADS, ROWS)).json()["success"]


async def test_expires_in_zero(bench: Bench) -> None:
    bench.sim.order(Fault("expires_in_zero"))
    first = (await bench.login()).json()
    assert first["expires_in"] == 0
    assert (await bench.login()).json()["expires_in"] == 3600
    assert bench.token != first["access_token"]


async def test_files_that_are_errors_late_garbled_or_missing(bench: Bench) -> None:
    batch = await finished(bench)
    good = (await bench.failures(batch)).content
    bench.sim.order(Fault("json_error_on_file:713"))
    assert error(await bench.failures(batch)) == ("713", "Transient Error")
    bench.sim.order(Fault("late_file", times=2))
    assert [(await bench.failures(batch)).status_code for _ in range(3)] == [404, 404, 200]
    bench.sim.order(Fault("garbled_file"))
    garbled = await bench.failures(batch)
    assert garbled.headers["content-type"] == "text/csv;charset=UTF-8"
    assert not good.startswith(garbled.content)
    assert (await bench.failures(batch)).content == good
    bench.sim.order(Fault("missing_file", on="warnings"))
    assert [(await bench.warnings(batch)).status_code for _ in range(3)] == [404, 404, 404]
    assert (await bench.failures(batch)).status_code == 200


async def test_forget_batch(bench: Bench) -> None:
    batch = await finished(bench)
    bench.sim.order(Fault("forget_batch"))
    for _ in range(2):
        assert error(await bench.get(f"/bulk/v1/leads/batch/{batch}.json"))[0] == "1013"
    assert error(await bench.failures(batch))[0] == "1013"


async def test_status_backwards(bench: Bench) -> None:
    batch = await bench.leads(ROWS)
    bench.sim.order(Fault("status_backwards"))
    assert [(await bench.status(batch))["status"] for _ in range(2)] == ["Queued", "Importing"]
    bench.clock.step(5)
    bench.sim.order(Fault("status_backwards"))
    assert [(await bench.status(batch))["status"] for _ in range(2)] == ["Importing", "Complete"]


async def test_wrong_counts(bench: Bench) -> None:
    batch = await finished(bench)
    bench.sim.order(Fault("wrong_counts"))
    counts = [await bench.status(batch) for _ in range(2)]
    assert [c["numOfLeadsProcessed"] + c["numOfRowsFailed"] for c in counts] == [1, 2]


async def test_an_order_without_a_when_strikes_the_next_call_once(bench: Bench) -> None:
    bench.sim.order(Fault("json_error:611", on="any"))
    answers = [(await bench.get("/rest/v1/stats/usage.json")).json()["success"] for _ in range(3)]
    assert answers == [False, True, True]


async def test_orders_strike_the_nth_call_so_many_times_or_always(bench: Bench) -> None:
    async def answers(fault: Fault) -> list[bool]:
        bench.sim.call_off()
        bench.sim.order(fault)
        return [(await bench.get("/rest/v1/stats/usage.json")).json()["success"] for _ in range(6)]

    assert await answers(Fault("json_error:611", on="any", nth=3, times=2)) == [True, True, False, False, True, True]
    assert await answers(Fault("json_error:611", on="any", once=False)) == [False] * 6
    assert await answers(Fault("json_error:611", on="any", times=4)) == [False] * 4 + [True] * 2


async def test_probability_is_seeded(make) -> None:
    async def answers(seed: int) -> list[bool]:
        bench = await make(seed=seed)
        bench.sim.order(Fault("json_error:611", on="any", probability=0.3))
        return [(await bench.get("/rest/v1/stats/usage.json")).json()["success"] for _ in range(90)]

    assert await answers(1) == await answers(1) != await answers(2)
    assert 10 < (await answers(1)).count(False) < 50


async def test_the_nth_order_on_jobs_counts_jobs_and_not_calls(bench: Bench) -> None:
    bench.sim.order(Fault("job_failed", nth=2))
    await bench.leads(ROWS)
    await bench.post(LEADS, b"")
    batch = await finished(bench, ROWS)
    assert (await bench.status(batch))["status"] == "Failed"


async def test_of_two_that_are_due_at_once_the_first_strikes_and_the_second_at_the_next_call(bench: Bench) -> None:
    bench.sim.order(Fault("json_error:611", on="any"))
    bench.sim.order(Fault("json_error:713", on="any"))
    codes = [error(await bench.get("/rest/v1/stats/usage.json"))[0] for _ in range(2)]
    assert codes == ["611", "713"]
