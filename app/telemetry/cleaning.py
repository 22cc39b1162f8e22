"""What leaves the process with a span: attributes that are listed here, and no other.

SECRETS_STAY_IN: an instrumentation may note a whole URL, a header, or an error's words, which quote what a caller sent.
A list of what may go stays true whatever its next release notes; a list of what may not would have gaps.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import Status
from opentelemetry.util.types import AttributeValue

OURS = "sluice."
MOST_LETTERS = 2_000  # of a text: a statement that stores a hundred imports has many more

# The older names of the semantic conventions, and those that OTEL_SEMCONV_STABILITY_OPT_IN asks for instead
ALLOWED = frozenset(
    {
        "db.name",
        "db.namespace",
        "db.operation",
        "db.operation.name",
        "db.statement",  # with its placeholders: what stands for them is not in it
        "db.query.text",
        "db.system",
        "db.system.name",
        "error.type",
        "http.flavor",
        "http.method",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "http.scheme",
        "http.status_code",
        "network.protocol.version",
        "url.scheme",
    }
)
OF_CALLS = frozenset({"net.peer.name", "net.peer.port", "server.address", "server.port"})  # whom we call
URLS = frozenset({"http.url", "url.full"})  # what we call; what callers ask us for is told by its route alone
ERROR_TYPE = "exception.type"


class CleaningExporter(SpanExporter):
    """Hands spans on to another exporter, without what may not leave the process."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([cleaned(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def cleaned(span: ReadableSpan) -> ReadableSpan:
    """The same span with the attributes that are allowed, and of errors their types alone."""
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_allowed(span.attributes or {}, is_call=span.kind is SpanKind.CLIENT),
        events=[_without_words(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Mapping[str, AttributeValue], *, is_call: bool) -> dict[str, AttributeValue]:
    kept: dict[str, AttributeValue] = {}
    for name, value in attributes.items():
        if is_call and name in URLS:
            kept[name] = _place(str(value))
        elif name in ALLOWED or name.startswith(OURS) or (is_call and name in OF_CALLS):
            kept[name] = value[:MOST_LETTERS] if isinstance(value, str) else value
    return kept


def _place(url: str) -> str:
    """A URL without its user, its query and its fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _without_words(event: Event) -> Event:
    attributes = event.attributes or {}
    kept = {ERROR_TYPE: attributes[ERROR_TYPE]} if ERROR_TYPE in attributes else {}
    return Event(event.name, attributes=kept, timestamp=event.timestamp)
