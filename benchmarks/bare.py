"""Baselines: Starlette endpoints.

One writes the body to a file and syncs it, one reads it, one streams silence, one is a page that never changes.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


async def take(request: Request) -> PlainTextResponse:
    with tempfile.TemporaryFile(dir=sys.argv[2]) as file:
        async for chunk in request.stream():
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return PlainTextResponse("kept", 202)


async def read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())), 202)


async def live(_: Request) -> PlainTextResponse:
    return PlainTextResponse("yes")


async def page(_: Request) -> Response:
    """As a page that has not changed: not even that is looked up."""
    return Response(status_code=304, headers={"ETag": 'W/"same"'})


async def silence() -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    while True:
        await asyncio.sleep(15)
        yield b":\n\n"


async def events(_: Request) -> StreamingResponse:
    return StreamingResponse(silence(), media_type="text/event-stream")


app = Starlette(
    routes=[
        Route("/v1/imports", take, methods=["POST"]),
        Route("/read", read, methods=["POST"]),
        Route("/events", events),
        Route("/page", page),
        Route("/livez", live),
    ],
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", lifespan="off", access_log=False, timeout_keep_alive=75)
