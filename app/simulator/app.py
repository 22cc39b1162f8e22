"""The simulator over HTTP: a plain ASGI app. Marketo's paths here, the simulator's own under /simulator/."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from app.simulator.answers import Answer
from app.simulator.calls import Call
from app.simulator.control import create_control
from app.simulator.simulator import Simulator

_DRAIN_BYTES = 64 * 1024 * 1024  # of a body that is too large: read and thrown away, so that its sender hears the 413


Sleep = Callable[[float], Awaitable[None]]


def create_app(simulator: Simulator, *, sleep: Sleep = asyncio.sleep) -> ASGIApp:
    """`sleep` is how long a `hang` takes: tests give their own."""
    control = create_control(simulator)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["path"].startswith("/simulator"):
            await control(scope, receive, send)
        else:
            await _marketo(simulator, sleep, scope, receive, send)

    return app


async def _marketo(simulator: Simulator, sleep: Sleep, scope: Scope, receive: Receive, send: Send) -> None:
    path: str = scope["path"]
    simulator.arrive(path)
    answer: Answer | None = None
    admitted_at: float | None = None
    try:
        call = await _read_call(scope, receive, simulator.rules.body_bytes)
        if call is None:
            return
        answer, admitted_at = simulator.handle(call)
        if answer.delay_seconds:
            await sleep(answer.delay_seconds)
        await _send(answer, send)
    finally:
        simulator.leave(path, answer, admitted_at)


async def _read_call(scope: Scope, receive: Receive, limit_bytes: int) -> Call | None:
    """The call with its body, which is held up to the limit only; None if the caller hung up before it was in."""
    query = scope["query_string"].decode("latin-1")
    call = Call(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        uri_bytes=len(scope.get("raw_path") or scope["path"].encode()) + len(query) + 1,
    )
    body = bytearray()
    received = 0
    more = True
    while more and received <= limit_bytes + _DRAIN_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(chunk)
        if received > limit_bytes:
            body.clear()
        else:
            body += chunk
    call.body, call.too_large = bytes(body), received > limit_bytes
    return call


async def _send(answer: Answer, send: Send) -> None:
    """Sends the answer. Where it is to break off, returns in the middle of the body: the server then hangs up."""
    headers = [("content-type", answer.content_type), ("content-length", str(len(answer.body))), *answer.headers]
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    if answer.cut_at is not None:
        # One byte more than there is, so that even an empty body is seen to be incomplete.
        encoded[1] = (b"content-length", str(len(answer.body) + 1).encode())
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": answer.body[: answer.cut_at], "more_body": True})
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
