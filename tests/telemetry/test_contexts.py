"""Trace contexts as text."""

import pytest
from opentelemetry import propagate, trace

from app.telemetry.contexts import InwardPropagator, context_of, links_to, send_nothing_outward, span_context_of
from tests.telemetry.traced import CALLERS, CALLERS_SPAN, CALLERS_TRACE


def test_a_context_is_read_as_it_was_written():
    context = span_context_of(CALLERS)
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (CALLERS_TRACE, CALLERS_SPAN)
    assert context.is_remote
    assert context.trace_flags.sampled


@pytest.mark.parametrize("text", ["", "rubbish", f"00-{'0' * 32}-{CALLERS_SPAN}-01", "\u00e9" * 55])
def test_what_is_no_context_is_nothing(text: str):
    """Also where somebody has written into the database."""
    assert not span_context_of(text).is_valid
    assert links_to([text]) == []
    assert context_of(text) == {}


def test_a_context_is_linked_to_once():
    assert len(links_to([CALLERS, "", CALLERS])) == 1


def test_clients_are_given_nothing_to_send_and_what_callers_send_is_heeded():
    """However often it is set: the propagator that OTEL_PROPAGATORS names stays inside."""
    send_nothing_outward()
    first = propagate.get_global_textmap()
    send_nothing_outward()
    assert isinstance(first, InwardPropagator)
    assert propagate.get_global_textmap() is first
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context_of(CALLERS))
    assert carrier == {}
    extracted = trace.get_current_span(propagate.extract({"traceparent": CALLERS})).get_span_context()
    assert extracted == span_context_of(CALLERS)
    assert "traceparent" in first.fields
