"""The HTTP API, put together."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from app.api import errors
from app.api.auth import LoopbackOnly
from app.api.marketo_compat import routes as facade
from app.api.marketo_compat.envelope import Envelope
from app.api.middleware.body_pace import BodyPace
from app.api.middleware.bulkhead import Bulkhead
from app.api.middleware.head_requests import HeadRequests
from app.api.middleware.lingering_close import LingeringClose
from app.api.middleware.path_spelling import PathSpelling
from app.api.middleware.request_bounds import RequestBounds
from app.api.middleware.request_log import RequestLog
from app.api.open_streams import OpenStreams
from app.api.openapi import document
from app.api.rate_limits import RateLimits
from app.api.routers import actions, file_checks, history, imports, instances, metrics, problem_pages, results, status
from app.container import Container
from app.settings import Settings

ROUTERS = (
    imports.router,
    file_checks.router,
    history.router,
    actions.router,
    results.router,
    instances.router,
    status.guarded,
    status.router,
    metrics.router,
    problem_pages.router,
)


def create_app(container: Container) -> FastAPI:
    app = routed(container.settings)
    app.state.container = container
    app.state.rates = RateLimits(container.settings.client_requests_per_minute, container.now)
    keyless = container.settings.auth == "off"  # one client is everybody then
    app.state.streams = OpenStreams(container.settings.connections if keyless else container.settings.client_streams)
    errors.install(app)
    if container.settings.auth == "off":
        app.add_middleware(LoopbackOnly)
    app.router.routes.extend(facade.ROUTES)
    inner = app.build_middleware_stack
    # behind what sees every answer: FastAPI's own for an unexpected error, too
    app.build_middleware_stack = lambda: _around(inner(), app, container)  # type: ignore[method-assign]
    return app


def _around(inner: ASGIApp, app: FastAPI, container: Container) -> ASGIApp:
    ending = {route.path for route in iter_route_contexts(app.routes) if route.path and route.path.endswith("/")}
    paced = BodyPace(
        inner,
        idle_seconds=container.settings.upload_idle_seconds,
        least_bytes_per_second=container.settings.upload_least_bytes_per_second,
    )
    return LingeringClose(
        PathSpelling(RequestLog(HeadRequests(Envelope(RequestBounds(Bulkhead(paced)), container.now))), ending=ending)
    )


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
    document.publish(app, settings, beside=facade.DOCUMENT)
    return app


def _operation_id(route: APIRoute) -> str:
    return "_".join([*map(str, route.tags[:1]), route.name])
