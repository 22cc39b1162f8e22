"""What a request passes on its way to a route, outermost first."""

from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.middleware import order
from app.container import build_container
from app.pages import site
from tests.support.stage import stage_settings


class Noting:
    """Notes that it was passed."""

    def __init__(self, app: ASGIApp, name: str, passed: list[str]) -> None:
        self.app, self.name, self.passed = app, name, passed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.passed.append(self.name)
        await self.app(scope, receive, send)


async def test_the_first_of_a_list_is_the_outermost():
    """A request passes it first."""
    passed: list[str] = []
    layers = [Middleware(Noting, name=name, passed=passed) for name in ("outer", "inner")]  # type: ignore[arg-type]
    app = order.wrap(PlainTextResponse("x"), layers)

    async def send(_: object) -> None:
        """Nobody reads the answer."""

    await app({"type": "http", "method": "GET"}, lambda: None, send)  # type: ignore[arg-type, return-value]
    assert passed == ["outer", "inner"]


async def test_the_order_is_the_one_whose_reasons_are_written_down(sqlite_url: str):
    """Above all: no answer without a line in the log, and none on Marketo's paths without its envelope."""
    container = build_container(stage_settings(sqlite_url))
    try:
        names = [layer.cls.__name__ for layer in order.outside(container, set(), site.ERRORS)]  # type: ignore[attr-defined]
    finally:
        await container.close()
    assert names == [
        *("LingeringClose", "PathSpelling", "RequestLog", "HeadRequests", "HtmlErrors"),
        *("Envelope", "RequestBounds", "Bulkhead", "BodyPace"),
    ]


async def test_only_without_keys_is_nothing_but_this_machine_answered(sqlite_url: str):
    """With keys, whoever has one is."""
    for auth, first in (("off", "LoopbackOnly"), ("on", "Stopping")):
        container = build_container(stage_settings(sqlite_url, auth=auth))
        try:
            assert order.inside(container)[0].cls.__name__ == first  # type: ignore[attr-defined]
        finally:
            await container.close()
