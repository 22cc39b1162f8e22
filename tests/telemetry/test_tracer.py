"""The tracer itself: spans, and its end."""

import threading

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.telemetry import tracer as module
from app.telemetry.setup import NoSuchExporter, build_tracer, tracer_with
from tests.telemetry.traced import CALLERS, ids


def exported(kept: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = [each for each in kept.get_finished_spans() if each.name == name]
    return span


def test_a_span_belongs_to_what_is_said_or_to_the_one_around_it_or_begins_a_trace():
    kept = InMemorySpanExporter()
    tracer = tracer_with([SimpleSpanProcessor(kept)])
    with tracer.span("outer", facts={"parts": 2}) as outer:
        outer.note(batch_id=7)
        with tracer.span("inner"), tracer.span("linked", links=[CALLERS]):
            pass
        with tracer.span("parted", parent=CALLERS):
            pass
    outer_span = exported(kept, "outer")
    inner, linked, parted = (exported(kept, name) for name in ("inner", "linked", "parted"))
    assert outer_span.attributes == {"sluice.parts": 2, "sluice.batch_id": 7}
    assert outer_span.parent is None
    assert (inner.parent.trace_id, inner.parent.span_id) == ids(outer_span)
    assert linked.parent is None
    assert parted.parent.span_id == int(CALLERS.split("-")[2], 16)


@pytest.mark.parametrize(
    ("said", "name"), [({}, "sluice"), ({"OTEL_SERVICE_NAME": "ours"}, "ours"),
                       ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=theirs,team=a"}, "theirs")]
)  # fmt: skip
def test_the_service_is_called_as_the_environment_says(
    said: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
):
    """And `sluice` where it says nothing."""
    for variable, value in said.items():
        monkeypatch.setenv(variable, value)
    kept = InMemorySpanExporter()
    with tracer_with([SimpleSpanProcessor(kept)]).span("one"):
        pass
    resource = exported(kept, "one").resource.attributes
    assert resource["service.name"] == name
    assert resource["service.version"]


def test_an_exporter_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(NoSuchExporter, match="'zipkin' here, but these: console, otlp_proto_http"):
        build_tracer(["zipkin"])


async def test_a_collector_that_is_away_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch):
    """What it does not take in time is lost; the process ends."""
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.01)
    release = threading.Event()

    class Hanging(SpanProcessor):
        def shutdown(self) -> None:
            release.wait()

    try:
        await tracer_with([Hanging()]).close()
    finally:
        release.set()


async def test_the_end_sends_what_is_not_sent_yet():
    ended: list[str] = []

    class Ending(SpanProcessor):
        def shutdown(self) -> None:
            ended.append("shutdown")

    await tracer_with([Ending()]).close()
    assert ended == ["shutdown"]
