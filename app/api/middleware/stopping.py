"""Requests that the service's stop cuts off."""

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import problem
from app.domain.timeouts import STOPPING_RETRY_SECONDS


class Stopping:
    """Answers a request that is cancelled because it outlasts SLUICE_SHUTDOWN_SECONDS: uvicorn would say a bare 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def note_start(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except asyncio.CancelledError:
            if has_begun or scope["type"] != "http":
                raise
            answer = problem(
                Request(scope),
                status=503,
                code="stopping",
                detail="Whether this request was carried out is not known. Look before you send it again.",
                headers={"Retry-After": str(STOPPING_RETRY_SECONDS)},
            )
            await answer(scope, receive, send)
