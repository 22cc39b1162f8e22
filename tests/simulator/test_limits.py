from __future__ import annotations

import asyncio
import contextlib

import httpx

from tests.simulator.conftest import Bench, error

USAGE = "/rest/v1/stats/usage.json"


async def test_the_101st_call_in_20_seconds_gets_606(bench: Bench) -> None:
    for _ in range(100):
        assert (await bench.get(USAGE)).json()["success"]
    assert error(await bench.get(USAGE)) == ("606", "Max rate limit '100' exceeded with in '20' secs")
    bench.clock.step(19.9)
    assert error(await bench.get(USAGE))[0] == "606"
    bench.clock.step(0.1)
    assert (await bench.get(USAGE)).json()["success"]


async def test_the_window_slides(bench: Bench) -> None:
    for _ in range(50):
        await bench.get(USAGE)
    bench.clock.step(10)
    for _ in range(50):
        await bench.get(USAGE)
    bench.clock.step(10)
    answers = [(await bench.get(USAGE)).json()["success"] for _ in range(51)]
    assert answers == [True] * 50 + [False]
    assert bench.sim.report()["most_calls_in_window"] == 101


async def test_the_eleventh_call_at_once_gets_615(bench: Bench) -> None:
    arrived = asyncio.Event()
    waiting = 0

    async def slow_body():
        nonlocal waiting
        waiting += 1
        yield b"--b\r\n"
        await arrived.wait()
        yield b'Content-Disposition: form-data; name="file"\r\n\r\nemail\r\n--b--'

    headers = {"Authorization": f"Bearer {bench.token}", "Content-Type": "multipart/form-data; boundary=b"}
    posts = [
        asyncio.create_task(bench.http.post("/bulk/v1/leads.json", content=slow_body(), headers=headers))
        for _ in range(10)
    ]
    while waiting < 10:
        await asyncio.sleep(0)
    response = await bench.get(USAGE)
    arrived.set()
    answers = await asyncio.gather(*posts)
    assert error(response) == ("615", "Concurrent access limit '10' reached")
    assert all(answer.json()["success"] for answer in answers)
    assert bench.sim.report()["most_calls_at_once"] == 11
    assert (await bench.get(USAGE)).json()["success"]


async def test_the_daily_quota_starts_anew_at_midnight_in_chicago(make) -> None:
    bench = await make(daily_calls=3)
    for _ in range(3):
        assert (await bench.get(USAGE)).json()["success"]
    assert error(await bench.get(USAGE)) == ("607", "Daily quota '3' reached")
    bench.clock.step(12 * 3600 - 1)
    await bench.login()
    assert error(await bench.get(USAGE))[0] == "607"
    bench.clock.step(1)
    await bench.login()
    assert (await bench.get(USAGE)).json()["success"]


async def test_the_usual_quota_is_50000(bench: Bench) -> None:
    assert bench.sim.rules.daily_calls == 50000


async def test_a_body_over_ten_million_bytes_gets_413_and_no_json(bench: Bench) -> None:
    response = await bench.post("/bulk/v1/leads.json", b"email\n" + b"x" * 10_000_000)
    assert response.status_code == 413
    assert response.headers["content-type"] == "text/html"
    assert not response.text.startswith("{")


async def test_the_envelope_counts_towards_ten_million_bytes(make) -> None:
    bench = await make()

    def body(size: int) -> bytes:
        begin = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nemail,firstName\n'
        return begin + (b"a@example.com,%s\n" % (b"x" * 985) * 10_000)[: size - len(begin) - 7] + b"\r\n--b--"

    headers = {"Authorization": f"Bearer {bench.token}", "Content-Type": "multipart/form-data; boundary=b"}
    for size, status in ((10_000_000, 200), (10_000_001, 413)):
        content = body(size)
        assert len(content) == size
        response = await bench.http.post("/bulk/v1/leads.json", content=content, headers=headers)
        assert response.status_code == status
        assert status == 413 or response.json()["success"]


async def test_a_megabyte_may_be_binary(make) -> None:
    bench = await make(megabyte_bytes=1_048_576)
    assert (await bench.post("/bulk/v1/leads.json", b"email\n" + b"x" * 10_400_000)).status_code == 200
    assert (await bench.post("/bulk/v1/leads.json", b"email\n" + b"x" * 10_485_760)).status_code == 413


async def test_a_very_long_uri_gets_414(bench: Bench) -> None:
    assert (await bench.get(USAGE, x="y" * 8200)).status_code == 414


async def test_calls_that_get_601_602_604_605_608_or_611_are_not_counted(bench: Bench) -> None:
    from app.simulator import Fault

    for code in ("604", "608", "611"):
        bench.sim.order(Fault(f"executed_then:{code}", on="any"))
        assert error(await bench.get(USAGE))[0] == code
    assert error(await bench.http.post(USAGE, headers={"Authorization": f"Bearer {bench.token}"}))[0] == "605"
    assert (await bench.get(USAGE)).json()["result"][0]["total"] == 1


async def test_uncounted_calls_leave_the_window(bench: Bench) -> None:
    from app.simulator import Fault

    bench.sim.order(Fault("executed_then:611", on="any", times=150))
    codes = {error(await bench.get(USAGE))[0] for _ in range(150)}
    assert codes == {"611"}
    assert (await bench.get(USAGE)).json()["success"]


async def test_usage_and_errors_are_reported_by_day(bench: Bench) -> None:
    await bench.get("/bulk/v1/leads/batch/999.json")
    bench.clock.step(86_400)
    await bench.login()
    today = (await bench.get("/rest/v1/stats/errors.json")).json()["result"]
    week = (await bench.get("/rest/v1/stats/errors/last7days.json")).json()["result"]
    assert today[0]["errors"] == []
    assert [(day["total"], day["errors"]) for day in week] == [(1, [{"errorCode": "1013", "count": 1}])]
    usage = (await bench.get("/rest/v1/stats/usage/last7days.json")).json()["result"]
    assert [day["total"] for day in usage] == [3, 1]


async def test_a_caller_that_hangs_up_leaves_its_place(bench: Bench) -> None:
    async def broken():
        yield b"--b"
        raise httpx.WriteError("gone")

    for _ in range(12):
        with contextlib.suppress(httpx.WriteError):
            await bench.http.post(
                "/bulk/v1/leads.json", content=broken(), headers={"Authorization": f"Bearer {bench.token}"}
            )
    assert (await bench.get(USAGE)).json()["success"]
