"""Problems as pages: what went wrong and what to do, for whoever asks with a browser.

The API's own paths, and Marketo's, answer every caller alike.
"""

import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.errors import CallerError
from app.domain.problems import PROBLEMS
from app.pages.rendering import HTML, render
from app.pages.routing import JSON
from app.pages.visitors import Visitor, visitor_of
from app.store.database import AWAY
from app.web.negotiation import preferred

PROBLEM = "application/problem+json"
OF_PROGRAMS = frozenset({"v1", "bulk", "identity", "rest", "livez", "readyz", "metrics", "openapi.json", "static"})
"""First segments of paths whose answers are for programs, whoever asks."""
REMEDIES = {
    "not_found": "Look for it in the list of imports, or begin at the overview.",
    "method_not_allowed": "Open the page with its address, and use what it offers.",
    "wrong_state": "Load the page again to see how it stands now.",
    "webhook_off": "Switch it on first, on its own page.",
    "too_many_webhooks": "Delete one that is not needed any more.",
    "unauthorized": "Sign in with an API key.",
}
"""What to do about a problem on a page, where the API's own remedy speaks to programs."""


class HtmlErrors:
    """Makes a page of a problem that a browser would show as JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].split("/")[1] in OF_PROGRAMS or not _is_asked_for(scope):
            await self._app(scope, receive, send)
            return
        held: Message | None = None
        body = bytearray()

        async def pass_on(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_problem(message):
                held = message
            elif held is None:
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._send_page(Request(scope), held, json.loads(body), receive, send)

        await self._app(scope, receive, pass_on)

    @staticmethod
    async def _send_page(
        request: Request, start: Message, problem: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        visitor = await _visitor(request)
        code = problem["code"]
        remedy = REMEDIES.get(code) or (PROBLEMS[code].remedy if code in PROBLEMS else None)
        mistakes = [{"field": None} | mistake for mistake in problem.get("errors", ())]
        values: dict[str, Any] = {"problem": problem, "mistakes": mistakes, "remedy": remedy}
        rendered = render(request, "error.html", visitor, follows="", **values)
        answer = rendered.answer(visitor, status=start["status"])
        kept = MutableHeaders(raw=list(start["headers"]))
        for name in ("retry-after", "www-authenticate", "allow", "connection"):
            if name in kept:
                answer.headers[name] = kept[name]
        del answer.headers["etag"]
        await answer(request.scope, receive, send)


async def _visitor(request: Request) -> Visitor | None:
    """Who looks: as the page has found out, or, where there is no such page, as far as the database can tell."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is not None:
        return known
    try:
        return await visitor_of(request)
    except (CallerError, *AWAY):
        return None


def _is_asked_for(scope: Scope) -> bool:
    return preferred(Request(scope), JSON, HTML) == HTML


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith(PROBLEM)
