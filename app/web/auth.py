"""Who may call.

Without API keys the service trusts this machine's loopback. A browser on it must not lend that trust to the pages that
it shows: a page of another origin may send forms and plain text to loopback, and by a name of its own that resolves
there it may even read the answers. So only a loopback host may be asked for, and no other site may ask.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.errors import Forbidden
from app.web.problems import of_caller


class LoopbackOnly:
    """Turns away what a web page of another site sends. Reads nothing of the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            host = _host(f"//{request.headers.get('host', '')}")
            origin = request.headers.get("origin")
            if not _is_loopback(host) or (origin is not None and _host(origin) != host):
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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
