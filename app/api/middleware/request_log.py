"""The id of each request, and its line in the log: without its query, its headers and its body."""

import re
import time
import uuid
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.middleware.request_bounds import PROBES

log = structlog.get_logger(__name__)

HEADER = "X-Request-Id"
SANE = re.compile(r"[\x21-\x7e]{1,200}")
PATH_CHARACTERS = 200  # of a path that is logged


class RequestLog:
    """Gives each request an id, which its answer carries, and writes its line into the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, began, status = _id(scope), time.monotonic(), 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        scope.setdefault("state", {})
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, note_status)
            finally:
                _write_line(scope, status or None, time.monotonic() - began)


def _id(scope: Scope) -> str:
    """The caller's own id where it may be repeated safely; a new one otherwise."""
    request_id = Headers(scope=scope).get(HEADER, "")
    return request_id if SANE.fullmatch(request_id) else uuid.uuid4().hex


def _write_line(scope: Scope, status: int | None, seconds: float) -> None:
    """`status` is None where the caller hung up before there was an answer."""
    caller = scope["state"].get("caller")
    (log.debug if scope["path"] in PROBES else log.info)(
        "request",
        method=scope["method"],
        path=quote(scope["path"], safe="/:@,;=+")[:PATH_CHARACTERS],
        status=status,
        duration_seconds=round(seconds, 6),
        client=caller.client if caller else None,
    )
