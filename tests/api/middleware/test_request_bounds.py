"""Heads that are too large, and connections beyond the limit: refused before a header is looked at."""

import httpx
import pytest

from app.api.middleware.request_bounds import RequestBounds
from tests.support.stage import Stage


@pytest.mark.parametrize("count", [98, 99])
async def test_a_request_may_have_a_hundred_headers(stage: Stage, count: int):
    """Two are the test client's own."""
    for own in ("accept", "accept-encoding", "connection", "user-agent"):
        del stage.api.headers[own]
    answer = await stage.api.get("/livez", headers=[(f"X-{n}", "") for n in range(count + 1)])
    assert answer.status_code == (200 if count == 98 else 431), answer.text


@pytest.mark.parametrize(
    "name",
    ["Accept", "Authorization", "Content-Disposition", "Content-Type", "Cookie", "If-None-Match", "X-Forwarded-For"],
)
async def test_a_header_may_have_8190_bytes(stage: Stage, name: str):
    for size, refused in ((8_190, False), (8_191, True)):
        answer = await stage.api.get("/v1/imports/1", headers={name: ";" * size})
        assert (answer.status_code == 431) is refused
    body = answer.json()
    assert (body["code"], body["instance"]) == ("headers_too_large", "/v1/imports/1")
    assert name.lower() in body["detail"]
    assert answer.headers["X-Request-Id"]


async def test_a_query_may_have_five_thousand_parameters(stage: Stage):
    answer = await stage.api.get("/v1/imports?" + "a&" * 5_000)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("path", "status"), [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/v1/imports", 503), ("/docs", 503)]
)
async def test_beyond_the_limit_of_connections_health_is_answered_and_nothing_else(
    stage: Stage, path: str, status: int
):
    """Whoever else comes is told when to come back, and hung up on."""

    async def crowded(scope, receive, send):
        scope["state"] = {"is_crowded": True}
        await stage.api._transport.app(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(crowded), base_url="http://127.0.0.1") as api:
        answer = await api.get(path)
    assert answer.status_code == status
    if status == 503:
        assert answer.json()["code"] == "too_many_connections"
        assert answer.headers["Connection"] == "close"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["X-Request-Id"]


async def test_a_websocket_is_none_of_its_business():
    """Nor is what a server says of its own start."""
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope["type"])

    await RequestBounds(inner)({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]
