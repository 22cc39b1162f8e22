"""What befell an instance, as sentences."""

from datetime import UTC, datetime

import pytest

from app.domain.events import OF_INSTANCES
from app.pages.instance_history import SHAPES, tell
from app.store.events import Event

AT = datetime(2026, 11, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_", "data", "sentence"),
    [
        ("paused", {"by": "anna", "reason": "cleaning"}, "Paused by anna: cleaning"),
        ("paused", {}, "Paused."),
        ("resumed", {"by": "anna"}, "Resumed by anna."),
        (
            "blocked",
            {"reason": "603: Access denied"},
            "Marketo refuses the credentials or the rights: 603: Access denied",
        ),
        ("unblocked", {}, "Marketo takes the credentials again."),
        ("recovered", {"what": "queue_full"}, "There is room in Marketo's queue again."),
        ("recovered", {"what": "worker:default"}, "The check worker:default is well again."),
        ("degraded", {"check": "disk", "detail": "10 MB left"}, "The check disk is not well: 10 MB left"),
        ("forgotten", {"imports": 3, "by": "age"}, "3 imports past their retention were erased by age."),
        ("something_new", {}, "Something new."),
    ],
)
def test_each_is_a_sentence_with_who_and_why(type_: str, data: dict[str, object], sentence: str):
    assert tell(Event(1, AT, type_, None, data)).sentence == sentence


def test_every_event_of_an_instance_has_a_shape():
    assert set(SHAPES) == set(OF_INSTANCES)


def test_until_when_it_is_thought_to_last_is_a_time():
    told = tell(Event(1, AT, "rate_limited", None, {"reason": "606", "until": "2026-11-05T00:00:20Z"}))
    assert told.until == datetime(2026, 11, 5, 0, 0, 20, tzinfo=UTC)
