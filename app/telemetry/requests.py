"""A span for each request that is answered, by OpenTelemetry's own middleware."""

import structlog
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span
from opentelemetry.util.http import get_excluded_urls, sanitize_method
from starlette.types import ASGIApp, Receive, Scope, Send

from app.telemetry.spans import OtelSpan
from app.tracing import answering

NOT_TRACED = ("/livez", "/readyz", "/metrics")  # asked all day long by machines


class _Excluded:
    """Paths whose requests are no spans: those of probes, and what OTEL_PYTHON_EXCLUDED_URLS names."""

    def __init__(self) -> None:
        self._asked_for = get_excluded_urls("ASGI")

    def url_disabled(self, url: str) -> bool:
        return url.endswith(NOT_TRACED) or self._asked_for.url_disabled(url)


class OtelRequest(OtelSpan):
    """The span of a request."""

    def __init__(self, span: Span, method: str) -> None:
        super().__init__(span)
        self._method = method

    def name_route(self, route: str) -> None:
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attribute("http.route", route)


class _Answering:
    """Lets everything inside know the span of its request, and every line of the log its trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = trace.get_current_span()
        if scope["type"] != "http" or not span.get_span_context().is_valid:
            await self._app(scope, receive, send)
            return
        request = OtelRequest(span, _method(scope))
        with answering(request), structlog.contextvars.bound_contextvars(trace_id=request.trace_id):
            await self._app(scope, receive, send)


def traced(app: ASGIApp, provider: TracerProvider) -> ASGIApp:
    """A request's span has its method as its name until its route is known (RequestTrace.name_route)."""
    return OpenTelemetryMiddleware(
        _Answering(app),
        excluded_urls=_Excluded(),  # type: ignore[arg-type]  # it has the one method that is called
        default_span_details=lambda scope: (_method(scope), {}),
        tracer_provider=provider,
        exclude_spans=["receive", "send"],
    )


def _method(scope: Scope) -> str:
    """One that is known, or `HTTP`: a caller may send any word."""
    method: str = sanitize_method(scope.get("method", ""))
    return "HTTP" if method == "_OTHER" else method
