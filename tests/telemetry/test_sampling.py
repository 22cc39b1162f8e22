"""Which spans are kept."""

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import Link, SpanKind

from app.telemetry.contexts import context_of, span_context_of
from app.telemetry.sampling import FollowingSampler
from tests.telemetry.traced import CALLERS

LEFT_OUT = CALLERS.removesuffix("01") + "00"


def is_kept(sampler: FollowingSampler, parent: str = "", kind: SpanKind = SpanKind.INTERNAL, *links: str) -> bool:
    context = context_of(parent) if parent else Context()
    to = [Link(span_context_of(each)) for each in links]
    return sampler.should_sample(context, 1, "name", kind, links=to).decision.is_sampled()


def test_a_call_or_a_statement_is_kept_within_a_span_only():
    """Or each look of a worker for work would be a trace."""
    sampler = FollowingSampler(ParentBased(ALWAYS_ON))
    assert not is_kept(sampler, "", SpanKind.CLIENT)
    assert is_kept(sampler, CALLERS, SpanKind.CLIENT)
    assert is_kept(sampler)


@pytest.mark.parametrize(
    ("links", "kept"), [([CALLERS], True), ([LEFT_OUT], False), ([LEFT_OUT, CALLERS], True), ([LEFT_OUT] * 2, False)]
)
@pytest.mark.parametrize("root", [ALWAYS_ON, ALWAYS_OFF])
def test_what_is_linked_is_kept_where_any_of_its_requests_was(root: object, links: list[str], kept: bool):
    """The throw of the dice was theirs."""
    assert is_kept(FollowingSampler(ParentBased(root)), "", SpanKind.PRODUCER, *links) is kept


def test_all_else_is_as_the_environment_says():
    sampler = FollowingSampler(ParentBased(ALWAYS_OFF))
    assert not is_kept(sampler)
    assert not is_kept(sampler, LEFT_OUT, SpanKind.INTERNAL, CALLERS)
    assert "ParentBased" in sampler.get_description()
