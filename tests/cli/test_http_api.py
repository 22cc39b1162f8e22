"""The HTTP API as uvicorn serves it: how long it keeps a connection, and whose word about callers it takes."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.cli.http_api import build_http_apis
from app.container import build_container
from tests.support.stage import stage_settings

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}


async def seen(request: Request) -> PlainTextResponse:
    assert request.client
    return PlainTextResponse(f"{request.url.scheme} {request.client.host}")


@pytest.mark.parametrize(
    ("trusted", "proxy", "told"),
    [
        (None, "127.0.0.1", "https 203.0.113.7"),
        (None, "10.1.2.3", "http 10.1.2.3"),
        ("10.0.0.0/8, 192.0.2.1", "10.1.2.3", "https 203.0.113.7"),
        ("10.0.0.0/8, 192.0.2.1", "192.0.2.1", "https 203.0.113.7"),
        ("10.0.0.0/8, 192.0.2.1", "127.0.0.1", "http 127.0.0.1"),
        ("*", "198.51.100.1", "https 203.0.113.7"),
    ],
)
async def test_only_a_trusted_proxy_is_believed(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, trusted: str | None, proxy: str, told: str
):
    """What the environment says to uvicorn itself makes no difference."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    container = build_container(stage_settings(sqlite_url, **({"trusted_proxies": trusted} if trusted else {})))
    try:
        server, _ = build_http_apis(container)
        server.config.app.router.routes.append(Route("/seen", seen))  # type: ignore[union-attr]
        server.config.load()
        door = httpx.ASGITransport(server.config.loaded_app, client=(proxy, 1))
        async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1") as api:
            assert (await api.get("/seen", headers=FORWARDED)).text == told
    finally:
        await container.close()


async def test_an_idle_connection_is_kept_longer_than_a_load_balancer_keeps_it(sqlite_url: str):
    """75 seconds, where those have 60: else it is closed under a request that is on its way."""
    container = build_container(stage_settings(sqlite_url))
    try:
        server, _ = build_http_apis(container)
        assert server.config.timeout_keep_alive == 75
    finally:
        await container.close()
