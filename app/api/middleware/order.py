"""What a request passes on its way to a route, in this order; its answer passes the same in reverse.

To add a middleware, write its module beside this one and put it into one of these two lists, with the reason for its
place.
"""

from collections.abc import Collection, Iterable, Sequence

from starlette.middleware import Middleware
from starlette.types import ASGIApp

from app.api.marketo_compat.envelope import Envelope
from app.api.middleware.body_pace import BodyPace
from app.api.middleware.bulkhead import Bulkhead
from app.api.middleware.head_requests import HeadRequests
from app.api.middleware.lingering_close import LingeringClose
from app.api.middleware.loopback_only import LoopbackOnly
from app.api.middleware.path_spelling import PathSpelling
from app.api.middleware.plain_errors import PlainErrors
from app.api.middleware.request_bounds import RequestBounds
from app.api.middleware.request_log import RequestLog
from app.api.middleware.route_name import RouteName
from app.api.middleware.stopping import Stopping
from app.container import Container


def outside(
    container: Container, paths_with_slash: Collection[str], html_errors: Sequence[Middleware]
) -> Sequence[Middleware]:
    """Outermost first: what sees every answer, also the one to an unexpected error, which FastAPI itself gives."""
    settings = container.settings
    return (
        # Outside the log, so that its line says when the answer went out, and not when the connection was closed.
        Middleware(LingeringClose),
        # Outside everything that looks at a path.
        Middleware(PathSpelling, ending=paths_with_slash),
        # Outside the log, whose line names the trace. It is there only where traces are on.
        *((Middleware(container.tracer.around),) if container.tracer.is_on else ()),
        # Outside everything that answers, so that no answer is without a request id and a line in the log.
        Middleware(RequestLog),
        # Inside the log, whose line says HEAD; outside everything that answers, for a HEAD gets only the answer's head.
        Middleware(HeadRequests),
        # Outside everything that refuses a request of a browser: it makes a page of the problem (app/pages/errors.py).
        *html_errors,
        # Outside everything that could answer on one of Marketo's paths in another form than Marketo's.
        Middleware(Envelope, now=container.now),
        # Outside everything that parses a header: it turns requests away for their head alone.
        Middleware(RequestBounds),
        # Outside the reading of bodies: a request that waits for its turn has read nothing.
        Middleware(Bulkhead),
        # Next to whatever reads a body: it measures how fast that one gets it.
        Middleware(
            BodyPace,
            idle_seconds=settings.upload_idle_seconds,
            least_bytes_per_second=settings.upload_least_bytes_per_second,
        ),
    )


# FastAPI's own ServerErrorMiddleware stands here: it calls the handler for unexpected errors (errors.py).


def inside(container: Container) -> Sequence[Middleware]:
    """Outermost first: what stands between FastAPI's handler for unexpected errors and the routes."""
    loopback_only = (Middleware(LoopbackOnly),) if container.settings.auth == "off" else ()
    return (
        # Outside all that works for a request, for it turns some away by their head alone.
        *loopback_only,
        # Outside all that a stop can cut off.
        Middleware(Stopping),
        # Inside all that copies a request's scope, in which the router writes which route it is.
        *((Middleware(RouteName),) if container.tracer.is_on else ()),
        # Next to the router, whose plain answers it replaces.
        Middleware(PlainErrors),
    )


def wrap(app: ASGIApp, layers: Iterable[Middleware]) -> ASGIApp:
    """The application with these around it, the first one outermost."""
    for layer in reversed(tuple(layers)):
        app = layer.cls(app, *layer.args, **layer.kwargs)
    return app
