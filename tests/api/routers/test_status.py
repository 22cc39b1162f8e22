"""The verdict and the health checks, over HTTP."""

from tests.support.stage import Stage


async def test_status_and_health_tell_the_truth(stage: Stage):
    """ok while a worker drives the instance; down once it has given no sign of life."""
    assert (await stage.api.get("/livez")).status_code == 200
    assert (await stage.api.get("/readyz")).status_code == 200
    body = (await stage.api.get("/v1/status")).json()
    assert body["status"] == "ok", body
    stage.clock.step(3600)
    body = (await stage.api.get("/v1/status")).json()
    assert body["status"] == "down"
    assert [check["name"] for check in body["checks"] if check["status"] == "down"] == ["worker:default"]
