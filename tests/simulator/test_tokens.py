from __future__ import annotations

from tests.simulator.conftest import Bench, error


async def test_a_second_request_gets_the_same_token_with_the_seconds_it_has_left(bench: Bench) -> None:
    first = (await bench.login()).json()
    bench.clock.step(3000)
    second = (await bench.login()).json()
    assert first["expires_in"] == 3600
    assert second == {**first, "expires_in": 600}
    assert set(first) == {"access_token", "token_type", "expires_in", "scope"}


async def test_a_token_in_its_last_second_has_expires_in_zero(bench: Bench) -> None:
    bench.clock.step(3599.5)
    assert (await bench.login()).json()["expires_in"] == 0


async def test_the_first_use_after_expiry_gets_602_and_later_ones_601(bench: Bench) -> None:
    bench.clock.step(3600)
    assert error(await bench.get("/rest/v1/stats/usage.json")) == ("602", "Access token expired")
    assert error(await bench.get("/rest/v1/stats/usage.json")) == ("601", "Access token invalid")
    await bench.login()
    assert (await bench.get("/rest/v1/stats/usage.json")).json()["success"]


async def test_an_expired_token_still_gets_602_once_when_a_new_one_is_out(bench: Bench) -> None:
    old = bench.token
    bench.clock.step(3601)
    await bench.login()
    assert bench.token != old
    bench.token = old
    assert error(await bench.get("/rest/v1/stats/usage.json"))[0] == "602"
    assert error(await bench.get("/rest/v1/stats/usage.json"))[0] == "601"


async def test_bad_credentials_get_http_401_and_no_envelope(bench: Bench) -> None:
    response = await bench.login(client_secret="wrong")
    assert response.status_code == 401
    assert response.json() == {"error": "invalid_client", "error_description": "Bad client credentials"}
    assert (await bench.login(client_id="nobody")).status_code == 401
    assert (await bench.login(grant_type="password")).status_code == 400


async def test_credentials_may_come_as_a_form(bench: Bench) -> None:
    form = {"grant_type": "client_credentials", "client_id": "sluice-demo", "client_secret": "sluice-demo-secret"}
    response = await bench.http.post("/identity/oauth/token", data=form)
    assert response.json()["access_token"] == bench.token


async def test_no_token_is_600_and_a_made_up_one_601(bench: Bench) -> None:
    bench.token = ""
    response = await bench.http.get("/rest/v1/stats/usage.json")
    assert error(response) == ("600", "Empty access token")
    bench.token = "made-up"
    assert error(await bench.get("/rest/v1/stats/usage.json"))[0] == "601"


async def test_identity_calls_are_not_counted(bench: Bench) -> None:
    for _ in range(150):
        assert (await bench.login()).status_code == 200
    assert bench.sim.report()["most_calls_in_window"] == 0


async def test_a_token_in_the_query_can_be_refused(make) -> None:
    bench = await make(access_token_param="deny")
    response = await bench.http.get("/rest/v1/stats/usage.json", params={"access_token": bench.token})
    assert error(response)[0] == "600"
    accepting = await make()
    response = await accepting.http.get("/rest/v1/stats/usage.json", params={"access_token": accepting.token})
    assert response.json()["success"]
