"""The tracer that OTEL_* asks for: exporters by their names; all else the SDK reads by itself."""

from collections.abc import Sequence
from importlib.metadata import entry_points, version

from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from app.telemetry.cleaning import CleaningExporter
from app.telemetry.sampling import FollowingSampler
from app.telemetry.tracer import NAME, OtelTracer

EXPORTERS = "opentelemetry_traces_exporter"  # the entry points by which exporters are found


class NoSuchExporter(Exception):
    """OTEL_TRACES_EXPORTER names one that is not installed."""


def build_tracer(exporter_names: Sequence[str]) -> OtelTracer:
    """`exporter_names`: entry points, as `otlp_proto_http`. Nothing is sent yet. Errors: NoSuchExporter."""
    return tracer_with([BatchSpanProcessor(CleaningExporter(_exporter(name))) for name in exporter_names])


def tracer_with(processors: Sequence[SpanProcessor]) -> OtelTracer:
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    provider.sampler = FollowingSampler(provider.sampler)
    for processor in processors:
        provider.add_span_processor(processor)
    return OtelTracer(provider)


def _exporter(name: str) -> SpanExporter:
    installed = entry_points(group=EXPORTERS)
    if name not in installed.names:
        known = ", ".join(sorted(installed.names))
        raise NoSuchExporter(f"There is no traces exporter {name!r} here, but these: {known}.")
    exporter: SpanExporter = installed[name].load()()
    return exporter


def _resource() -> Resource:
    """With OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; where they name no service, it is `sluice`."""
    asked_for = Resource.create()
    is_named = not str(asked_for.attributes[SERVICE_NAME]).startswith("unknown_service")
    ours = Resource({SERVICE_NAME: NAME, SERVICE_VERSION: version("marketo-sluice")})
    return ours.merge(asked_for) if is_named else ours.merge(asked_for).merge(Resource({SERVICE_NAME: NAME}))
