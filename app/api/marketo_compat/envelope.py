"""On Marketo's paths every answer is in Marketo's envelope, also one that middleware or the framework gives."""

import json
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import MEDIA_TYPE
from app.api.marketo_compat.answers import Refusal, refused
from app.clock import Clock

log = structlog.get_logger()

ROOTS = frozenset({"identity", "bulk", "rest"})
KEPT_STATUS = frozenset({403, 413})  # browsers must see a 403, and Marketo's gateway answers 413; all else is 200
KEPT_HEADERS = ("retry-after", "connection")
CODES = {  # Marketo's code for each of our own problems
    "forbidden": "603",
    "method_not_allowed": "605",
    "too_many_requests": "606",
    "too_many_connections": "608",
    "not_found": "610",
    "content_too_large": "1003",
    "bad_request": "1003",
    "headers_too_large": "1003",
    "request_timeout": "613",
}
NOT_KNOWN = frozenset({"stopping", "database_unavailable"})
"""Problems in which nobody knows whether the request was carried out. A GET can simply be sent again."""
LAST_RESORT = "611"


class Envelope:
    """Replaces every answer on Marketo's paths that has another form than Marketo's."""

    def __init__(self, app: ASGIApp, now: Clock) -> None:
        self._app = app
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].split("/")[1] not in ROOTS:
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            await self._app(scope, receive, answer.pass_on)
        except Exception:
            if answer.has_begun:
                raise
            log.exception("unexpected error", path=scope["path"])
            await self._refuse(scope, receive, send, Refusal(LAST_RESORT))
            return
        if answer.withheld:
            await self._refuse(scope, receive, send, answer.refusal(scope["method"]), answer.withheld)

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, refusal: Refusal, withheld: Message | None = None
    ) -> None:
        """Answer with a refusal. `withheld`: the beginning of the answer that it replaces."""
        status = withheld["status"] if withheld and withheld["status"] in KEPT_STATUS else 200
        answer = refused(refusal, self._now(), status=status)
        before = Headers(raw=withheld["headers"]) if withheld else Headers()
        for name in KEPT_HEADERS:
            if name in before:
                MutableHeaders(raw=answer.raw_headers)[name] = before[name]
        await answer(scope, receive, send)


@dataclass(slots=True)
class _Answer:
    """Passes an answer on, or withholds it where it has another form than Marketo's."""

    send: Send
    has_begun: bool = False
    withheld: Message | None = None
    body: bytearray = field(default_factory=bytearray)

    async def pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_foreign(message):
            self.withheld = message
        elif self.withheld is None:
            self.has_begun = True
            await self.send(message)
        else:
            self.body += message.get("body", b"")

    def refusal(self, method: str) -> Refusal:
        problem = _problem(bytes(self.body))
        code = problem.get("code", "")
        marketo_code = "608" if code in NOT_KNOWN and method == "GET" else CODES.get(code, LAST_RESORT)
        return Refusal(marketo_code, problem.get("detail"))


def _is_foreign(start: Message) -> bool:
    """Whether it is a problem of ours, or what a framework says in plain text or by a redirect."""
    kind = Headers(raw=start["headers"]).get("content-type", "").partition(";")[0]
    return (
        kind == MEDIA_TYPE
        or (start["status"] >= 300 and kind in {"text/plain", "text/html"})
        or (300 <= start["status"] < 400)
    )


def _problem(body: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(body)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
