"""What a fault makes of an answer."""

import json
import random

import pytest

from app.simulator import Fault, Rules
from app.simulator.answers import Answer, Envelopes
from app.simulator.corruption import Corruption
from app.simulator.tokens import Tokens

ANSWER = Answer(b'{"success":true}', content_type="application/json")


def corrupted(name: str, **order: object) -> Answer:
    corruption = Corruption(Tokens(Rules(), random.Random(0)), Envelopes())
    return corruption.corrupt(Fault(name, **order), ANSWER, 0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "cut_at"), [("lost_response", 0), ("lost_request", 0), ("half_body", 8), ("empty_body", None)]
)
def test_an_answer_breaks_off_where_the_fault_says(name: str, cut_at: int | None):
    """Its body stays known, for its length is announced; an empty body is a whole one."""
    answer = corrupted(name)
    assert answer.cut_at == cut_at
    assert answer.body == (b"" if name == "empty_body" else ANSWER.body)


@pytest.mark.parametrize(("name", "status"), [("html_502", 502), ("http_500", 500), ("html_200", 200)])
def test_a_page_of_a_gateway_comes_in_its_place(name: str, status: int):
    """Not JSON, whatever its status."""
    assert (corrupted(name).status, corrupted(name).content_type) == (status, "text/html")


def test_an_error_is_in_the_envelope_or_the_gateways():
    """413 and 5xx are the gateway's own."""
    assert json.loads(corrupted("json_error:606").body)["errors"][0]["code"] == "606"
    assert json.loads(corrupted("json_error:606", message="so").body)["errors"][0]["message"] == "so"
    assert corrupted("executed_then:413").status == 413
    assert corrupted("bad_json").body == b'{"succes'


def test_a_hang_takes_half_a_minute_unless_it_is_told_otherwise():
    """In real seconds. What does not concern an answer leaves it as it is."""
    assert corrupted("hang").delay_seconds == 30.0
    assert corrupted("hang", seconds=0.0).delay_seconds == 0.0
    assert corrupted("slow_queue") == ANSWER
