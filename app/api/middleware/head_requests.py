"""HEAD for every path that has a GET (RFC 9110, 9.1): the same answer without its body."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """Answers HEAD with the head of what GET would answer. An answer that goes on without end is cancelled there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        has_ended = False

        async def pass_head(message: Message) -> None:
            nonlocal has_ended
            if message["type"] == "http.response.start":
                await send(message)
                return
            if not has_ended:
                has_ended = True
                await send({"type": "http.response.body"})
            if message.get("more_body", False):
                answering.cancel()
                await asyncio.Event().wait()  # until the cancellation arrives here

        answering = asyncio.ensure_future(self._app({**scope, "method": "GET"}, receive, pass_head))
        try:
            await answering
        except asyncio.CancelledError:
            if not has_ended:
                raise
