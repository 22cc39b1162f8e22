"""The HTTP API, put together."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from app.container import House
from app.settings import Settings
from app.web import (
    contract,
    deeds,
    file_checks,
    history,
    imports,
    instances,
    metrics,
    problem_pages,
    problems,
    results,
    status,
)
from app.web.auth import LoopbackOnly
from app.web.bounds import Bounds
from app.web.bulkhead import Bulkhead
from app.web.facade import routes as facade
from app.web.facade.envelope import Envelope
from app.web.heads import Heads
from app.web.health import Probe
from app.web.monitor import Monitor
from app.web.outlooks import Outlooks
from app.web.pace import Paced
from app.web.rates import Rates
from app.web.requests import Requests
from app.web.spelling import Spelling
from app.web.streams import OpenStreams
from app.web.unread import Unread

ROUTERS = (
    imports.router,
    file_checks.router,
    history.router,
    deeds.router,
    results.router,
    instances.router,
    status.guarded,
    status.router,
    metrics.router,
    problem_pages.router,
)


def create_app(house: House) -> FastAPI:
    app = routed(house.settings)
    app.state.house = house
    app.state.probe = Probe(house)
    app.state.rates = Rates(house.settings.client_requests_per_minute, house.now)
    app.state.outlooks = Outlooks(house)
    keyless = house.settings.auth == "off"  # one client is everybody then
    app.state.streams = OpenStreams(house.settings.connections if keyless else house.settings.client_streams)
    app.state.monitor = Monitor(house, app.state.probe)
    problems.install(app)
    if house.settings.auth == "off":
        app.add_middleware(LoopbackOnly)
    app.router.routes.extend(facade.ROUTES)
    inner = app.build_middleware_stack
    # behind what sees every answer: FastAPI's own for an unexpected error, too
    app.build_middleware_stack = lambda: _around(inner(), app, house)  # type: ignore[method-assign]
    return app


def _around(inner: ASGIApp, app: FastAPI, house: House) -> ASGIApp:
    ending = {route.path for route in iter_route_contexts(app.routes) if route.path and route.path.endswith("/")}
    paced = Paced(
        inner,
        idle_seconds=house.settings.upload_idle_seconds,
        least_bytes_per_second=house.settings.upload_least_bytes_per_second,
    )
    return Unread(Spelling(Requests(Heads(Envelope(Bounds(Bulkhead(paced)), house.now))), ending=ending))


def routed(settings: Settings) -> FastAPI:
    """Every route, and the document that tells of them; nothing yet that could answer."""
    app = FastAPIOffline(  # its page at /docs needs nothing from elsewhere
        title="Sluice",
        version=version("marketo-sluice"),
        redoc_url=None,
        redirect_slashes=False,
        static_url="/docs/static",
        generate_unique_id_function=_operation_id,
    )
    for router in ROUTERS:
        app.include_router(router)
    contract.publish(app, settings, beside=facade.DOCUMENT)
    return app


def _operation_id(route: APIRoute) -> str:
    return "_".join([*map(str, route.tags[:1]), route.name])
