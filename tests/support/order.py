"""What came first: some of a request's body, or its answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.types import Message, Receive, Scope, Send

from app.api.app import create_app
from app.container import Container


@asynccontextmanager
async def in_order(container: Container) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """(a client of the house's, a log of what it saw: `body`, `answer`)."""
    app, log = create_app(container), []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def heard() -> Message:
            message = await receive()
            log.append("body")
            return message

        async def told(message: Message) -> None:
            if message.get("body"):
                log.append("answer")
            await send(message)

        await app(scope, heard, told)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(watched), base_url="http://127.0.0.1") as api:
        yield api, log
