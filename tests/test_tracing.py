"""Traces that are off, as they mostly are."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.tracing import NO_SPAN, NO_TRACER, answering, request_trace
from tests.support.processes import ROOT

STARTED_AND_ENDED = """
import asyncio, sys
from app.cli.server import running
from app.settings import exactly
import app.cli.http_api
instance = {"base_url": "http://127.0.0.1:9", "client_id": "a", "client_secret": "b"}
settings = exactly(database_url="sqlite:///" + sys.argv[1], port=0, auth="off", disk_floor_bytes=0, log_level="error",
                   instances={"default": instance})

async def main():
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(running(settings, ready=ready, stop=stop))
    await ready.wait()
    stop.set()
    await serving

asyncio.run(main())
"""
LOADED = 'import sys; print("loaded:", *(name for name in sys.modules if name.startswith({names})))'
ANY = ("opentelemetry", "app.telemetry")
ALL_BUT_THE_API = ("app.telemetry", "google.protobuf", *(f"opentelemetry.{room}" for room in ("sdk", "exporter",
                   "instrumentation", "proto", "semconv", "util.http")))  # fmt: skip


def loaded_by(code: str, names: tuple[str, ...], *words: str) -> list[str]:
    """Which modules with these names a new Python has loaded at the end; the extra is installed, as it is here."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    whole = f"{code}\n{LOADED.format(names=names)}"
    ended = subprocess.run(
        [sys.executable, "-c", whole, *words], cwd=ROOT, env=bare, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.rpartition("loaded:")[2].split()


def test_nothing_of_opentelemetry_is_loaded_by_a_worker_where_traces_are_off():
    assert loaded_by("import app.cli.serve", ANY) == []


def test_nothing_is_loaded_by_a_whole_service_but_the_names_that_fastapi_itself_loads(tmp_path: Path):
    """From its start to its end. FastAPI needs OpenTelemetry's API, which does nothing by itself; no SDK is there."""
    assert loaded_by(STARTED_AND_ENDED, ALL_BUT_THE_API, str(tmp_path / "s.db")) == []


def test_a_span_of_no_tracer_is_none():
    with NO_TRACER.span("any", facts={"a": 1}, links=["x"]) as span:
        span.note(a=1)
        assert span is NO_SPAN
    assert span.traceparent is None
    application = object()
    assert NO_TRACER.around(application) is application
    asyncio.run(NO_TRACER.close())


def test_the_trace_of_a_request_is_known_while_it_is_answered():
    """To its own task, and to no other."""

    class Trace(type(NO_SPAN)):
        traceparent = "00-a-b-01"

    with answering(Trace()):
        assert request_trace().traceparent == "00-a-b-01"
    assert request_trace().traceparent is None
    with pytest.raises(KeyError), answering(Trace()):
        raise KeyError
    assert request_trace() is NO_SPAN
