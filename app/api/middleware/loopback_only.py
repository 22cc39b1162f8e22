"""Without keys the service trusts this machine's loopback, and no web page of another site may use that trust.

A browser on this machine must not lend it to the pages that it shows: a page of another origin may send forms and plain
text to loopback, and by a name of its own that resolves there it may even read the answers. So only a loopback host may
be asked for, and no other site may ask.
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import of_caller
from app.domain.errors import Forbidden
from app.settings import is_loopback


class LoopbackOnly:
    """Turns away what a web page of another site sends. Reads nothing of the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            host = _host(f"//{request.headers.get('host', '')}")
            origin = request.headers.get("origin")
            if not is_loopback(host) or (origin is not None and _host(origin) != host):
                message = (
                    "Without API keys the service answers this machine only, by the name localhost or its address, "
                    "and no web page of another site."
                )
                await of_caller(request, Forbidden(message))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
