"""The simulator's own endpoints, under /simulator/: report, faults, clock, jobs of others, records, reset.

They ask for no key.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from app.simulator.faults import fault_from_json
from app.simulator.simulator import Simulator

_FURTHEST_SECONDS = 100 * 365 * 86_400.0
_MOST_ORDERS = 1000
_LARGEST_BODY_BYTES = 1_000_000

_View = Callable[[Request], Awaitable[Response]]


def create_control(simulator: Simulator) -> ASGIApp:
    endpoints = _Endpoints(simulator)
    return Router(
        routes=[
            Route("/simulator/report", _answering(endpoints.report), methods=["GET"]),
            Route("/simulator/mischief", _answering(endpoints.mischief), methods=["GET"]),
            Route("/simulator/mischief", _answering(endpoints.order), methods=["POST"]),
            Route("/simulator/mischief", _answering(endpoints.call_off), methods=["DELETE"]),
            Route("/simulator/clock", _answering(endpoints.clock), methods=["POST"]),
            Route("/simulator/occupy", _answering(endpoints.occupy), methods=["POST"]),
            Route("/simulator/jobs/{batch_id:int}", _answering(endpoints.job), methods=["GET"]),
            Route("/simulator/records/{name}", _answering(endpoints.records), methods=["GET"]),
            Route("/simulator/reset", _answering(endpoints.reset), methods=["POST"]),
        ]
    )


class _Endpoints:
    """The control endpoints. Each answers with what it returns; a ValueError is the caller's mistake."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def report(self, _: Request) -> object:
        return self._simulator.report()

    async def mischief(self, _: Request) -> object:
        return {"pending": self._simulator.pending(), "struck": self._simulator.report()["mischief"]}

    async def order(self, request: Request) -> object:
        """One fault, or a list of them; all of them or none."""
        body = await _body(request)
        orders = body if isinstance(body, list) else [body]
        if len(orders) > _MOST_ORDERS:
            raise ValueError(f"at most {_MOST_ORDERS} faults at once")
        faults = [fault_from_json(order) for order in orders]
        for fault in faults:
            self._simulator.order(fault)
        return {"ordered": [fault.as_dict() for fault in faults]}

    async def call_off(self, _: Request) -> object:
        self._simulator.call_off()
        return {"pending": []}

    async def clock(self, request: Request) -> object:
        body = _only(await _body(request), {"advance_seconds"})
        self._simulator.advance(_number(body, "advance_seconds", least=0, most=_FURTHEST_SECONDS))
        return {"now": self._simulator.clock()}

    async def occupy(self, request: Request) -> object:
        body = _only(await _body(request), {"slots", "seconds"})
        slots = _number(body, "slots", least=1, most=1000)
        if slots != int(slots):
            raise ValueError("slots must be a whole number")
        seconds = _number(body, "seconds", least=0, most=_FURTHEST_SECONDS)
        return {"occupied": self._simulator.occupy(int(slots), seconds)}

    async def job(self, request: Request) -> object:
        return self._simulator.carried(request.path_params["batch_id"])

    async def records(self, request: Request) -> object:
        return {"records": self._simulator.records(request.path_params["name"])}

    async def reset(self, _: Request) -> object:
        self._simulator.reset()
        return {"reset": True}


def _answering(view: Callable[[Request], Awaitable[object]]) -> _View:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await view(request))
        except ValueError as mistake:
            return JSONResponse({"error": str(mistake)}, status_code=400)

    return endpoint


async def _body(request: Request) -> object:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LARGEST_BODY_BYTES:
            raise ValueError(f"the body is larger than {_LARGEST_BODY_BYTES} bytes")
    try:
        return json.loads(bytes(content))
    except (ValueError, RecursionError):
        raise ValueError("the body must be JSON") from None


def _only(body: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(body, dict) or body.keys() - names:
        raise ValueError(f"the body must be a JSON object with {', '.join(sorted(names))}")
    return body


def _number(body: dict[str, Any], name: str, *, least: float, most: float) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number")  # noqa: TRY004  # which becomes a 400
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least:g} and {most:g}")
    return float(value)
