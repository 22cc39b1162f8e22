"""The tracer of a service: OpenTelemetry's where OTEL_* asks for it. It is loaded here, and nowhere otherwise."""

import importlib

import structlog

from app.settings import SettingsError, trace_exporters
from app.tracing import NO_TRACER, Tracer

log = structlog.get_logger()

LIBRARY = "opentelemetry"


def build_tracer() -> Tracer:
    """One that traces nothing, with a warning, where the extra is not installed: whoever starts containers may set
    these variables for all of them. Errors: SettingsError, where their values cannot be.
    """
    exporters = trace_exporters()
    if not exporters:
        return NO_TRACER
    try:
        setup = importlib.import_module("app.telemetry.setup")
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith(LIBRARY):
            raise
        log.warning("OTEL_* asks for traces, and nothing is traced: install marketo-sluice[otel]", missing=missing.name)
        return NO_TRACER
    try:
        tracer: Tracer = setup.build_tracer(exporters)
    except (ValueError, setup.NoSuchExporter) as mistake:
        raise SettingsError([f"OTEL_*: {mistake}"]) from None
    log.info("traces are on", exporters=exporters)
    return tracer
