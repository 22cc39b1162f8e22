"""The HTTP API, put together: routers, middleware, the errors' handlers, and the published document."""

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from app.api import errors
from app.api.marketo_compat import routes as marketo
from app.api.middleware import order
from app.api.openapi import document, page
from app.api.routers import (
    actions,
    api_keys,
    file_checks,
    history,
    imports,
    instances,
    metrics,
    problem_pages,
    results,
    status,
    webhooks,
)
from app.container import Container
from app.settings import Settings
from app.web.open_streams import OpenStreams
from app.web.rate_limits import RateLimits

VERSION = version("marketo-sluice")
# Of its own, which notes queries and the words of errors. What traces here is app/telemetry.
NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)

ROUTERS = (
    imports.router,
    file_checks.router,
    history.router,
    actions.router,
    results.router,
    instances.router,
    api_keys.router,
    webhooks.router,
    status.guarded,
    status.router,
    metrics.router,
    problem_pages.router,
)


def create_app(
    container: Container, *, routes: Sequence[BaseRoute] = (), html_errors: Sequence[Middleware] = ()
) -> FastAPI:
    """The API of a container, with its middleware around it, and what else the same server has: the pages' routes."""
    settings = container.settings
    app = routed(settings)
    app.state.container = container
    app.state.rates = RateLimits(settings.client_requests_per_minute, container.now)
    has_one_client = settings.auth == "off"
    app.state.streams = OpenStreams(settings.connections if has_one_client else settings.client_streams)
    errors.install(app)
    app.router.routes.extend(marketo.ROUTES)
    app.router.routes.extend(routes)
    app.user_middleware.extend(order.inside(container))
    layers = order.outside(container, _paths_with_slash(app), html_errors)
    build_inner = app.build_middleware_stack
    # FastAPI has no list for what stands around its handler of unexpected errors: this is the one way to get there.
    app.build_middleware_stack = lambda: order.wrap(build_inner(), layers)  # type: ignore[method-assign]
    return app


def _paths_with_slash(app: FastAPI) -> set[str]:
    """Paths whose last slash belongs to them."""
    return {route.path for route in app.routes if isinstance(route, Route) and route.path.endswith("/")}


def routed(settings: Settings) -> FastAPI:
    """Every route with its document, but without a container: nothing in it could answer yet."""
    app = FastAPIOffline(  # for its copy of Swagger UI: the page at /docs needs nothing from elsewhere
        title="Sluice",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        static_url=page.STATIC,
        telemetry=NO_TELEMETRY,
    )
    page.install(app)
    for router in ROUTERS:  # their routes as they are: `include_router` would build each of them once more
        app.router.routes.extend(router.routes)
    document.publish(app, settings, beside=marketo.DOCUMENT)
    return app
