"""The tracer that a service starts with."""

import sys

import pytest

from app.cli.tracing import build_tracer
from app.settings import SettingsError
from app.tracing import NO_TRACER


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of traces."""
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


def test_traces_are_off_unless_they_are_asked_for():
    assert build_tracer() is NO_TRACER


async def test_traces_are_on_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    tracer = build_tracer()
    assert tracer.is_on
    await tracer.close()


def test_without_the_extra_a_warning_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The service works: whoever starts containers may set these variables for all of them."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.delitem(sys.modules, "app.telemetry.setup", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    assert build_tracer() is NO_TRACER
    assert "install marketo-sluice[otel]" in capsys.readouterr().out


def test_an_exporter_that_is_not_there_stops_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(SettingsError, match="no traces exporter 'zipkin' here, but these: console"):
        build_tracer()


def test_a_value_that_cannot_be_stops_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-3")
    with pytest.raises(SettingsError, match=r"OTEL_\*: max_queue_size must be"):
        build_tracer()
