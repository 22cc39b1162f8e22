"""Errors that the framework words by itself."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import answer_http_exception


class PlainErrors:
    """Makes a problem of what the framework answers in plain text, such as a body over its limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def pass_on(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] >= 400:
                replaced = Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")
                if replaced:
                    answer = await answer_http_exception(Request(scope), HTTPException(message["status"]))
                    await answer(scope, receive, send)
            if not replaced:
                await send(message)

        await self._app(scope, receive, pass_on if scope["type"] == "http" else send)
