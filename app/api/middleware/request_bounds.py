"""Requests that are refused because of their head, before anything in it is parsed."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import of_caller
from app.domain.errors import CallerError, HeadersTooLarge, TooManyConnections
from app.domain.timeouts import CROWDED_RETRY_SECONDS

HEADERS = 100
VALUE_BYTES = 8_190  # of one header, as Apache takes
PARAMETERS = 5_000  # in a query
PROBES = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that machines ask all day long: they are answered whatever else goes on."""


class RequestBounds:
    """Refuses a head that is too large, and every request but a probe where there are too many connections."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (excess := _excess(scope)):
            answer = of_caller(Request(scope), excess)
            if isinstance(excess, TooManyConnections):
                answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        await self._app(_without_backslashes(scope), receive, send)


def _without_backslashes(scope: Scope) -> Scope:
    """The request with every backslash in a cookie replaced.

    None may be there (RFC 6265, 4.1.1), and http.cookies takes quadratic time for them.
    """
    if any(name == b"cookie" and b"\\" in value for name, value in scope.get("headers", ())):
        headers = [
            (name, value.replace(b"\\", b"_") if name == b"cookie" else value) for name, value in scope["headers"]
        ]
        return {**scope, "headers": headers}
    return scope


def _excess(scope: Scope) -> CallerError | None:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > HEADERS:
        return HeadersTooLarge(f"The request has {len(headers)} headers; {HEADERS} are taken. Send fewer.")
    for name, value in headers:
        if len(value) > VALUE_BYTES:
            complaint = f"The header {name.decode('latin-1')} has {len(value)} bytes"
            return HeadersTooLarge(f"{complaint}; {VALUE_BYTES} are taken. Shorten it, or leave it out.")
    if scope["query_string"].count(b"&") >= PARAMETERS:
        return CallerError(f"The query has more than {PARAMETERS} parameters. The API's page has them all.")
    if scope.get("state", {}).get("is_crowded") and scope["path"] not in PROBES:
        return TooManyConnections(
            "The limit of connections is reached, and all are at work. Send it again later.",
            retry_after_seconds=CROWDED_RETRY_SECONDS,
        )
    return None
