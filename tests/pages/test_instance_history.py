"""What befell an instance, in sentences."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.events import Occurrence
from app.pages.instance_history import REFUSALS, tell
from app.store.events import Event

AT = datetime(2026, 11, 4, 12, tzinfo=UTC)


def told(type_: str, **data: Any) -> tuple[str, str]:
    line = tell(Event(1, AT, type_, None, data))
    return line.sentence, line.shape


@pytest.mark.parametrize(
    ("type_", "data", "sentence", "shape"),
    [
        (Occurrence.PAUSED, {"by": "anna", "reason": "cleaning"}, "Paused by anna: cleaning", "needs-you"),
        (Occurrence.PAUSED, {}, "Paused.", "needs-you"),
        (Occurrence.RESUMED, {"by": "anna"}, "Resumed by anna.", "done"),
        (Occurrence.RECOVERED, {"what": "rate_limited"}, "Marketo takes calls again.", "done"),
        ("of_a_later_version", {}, "Of a later version.", "waiting"),
    ],
)
def test_who_did_it_and_why_is_in_the_sentence(type_: str, data: dict[str, Any], sentence: str, shape: str):
    assert told(type_, **data) == (sentence, shape)


@pytest.mark.parametrize("type_", REFUSALS)
def test_every_refusal_has_its_words_and_marketo_s(type_: Occurrence):
    sentence, shape = told(type_, reason="603: Access denied")
    assert sentence == f"{REFUSALS[type_]}: 603: Access denied"
    assert shape == "failed"


def test_until_when_it_lasts_is_a_moment():
    line = tell(Event(1, AT, Occurrence.RATE_LIMITED, None, {"until": "2026-11-04T12:00:20+00:00"}))
    assert line.until == datetime(2026, 11, 4, 12, 0, 20, tzinfo=UTC)
