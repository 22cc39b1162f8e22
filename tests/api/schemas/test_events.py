"""Events as they are answered, and the token that opens a stream of them."""

from datetime import UTC, datetime

from app.api.schemas import events
from app.store.events import Event

AT = datetime(2026, 11, 4, 12, tzinfo=UTC)


def test_an_event_of_an_import_says_which_part_it_is_about():
    """With its facts as they are stored."""
    shown = events.Event.of(Event(7, AT, "accept", 2, {"batch_id": 3404})).model_dump(mode="json")
    assert shown == {
        "id": 7,
        "at": "2026-11-04T12:00:00.000Z",
        "type": "accept",
        "part": 2,
        "data": {"batch_id": 3404},
    }


def test_an_event_of_an_instance_is_about_no_part():
    """It has the field all the same."""
    shown = events.InstanceEvent.of(Event(7, AT, "paused", None, {"by": "ann"})).model_dump(mode="json")
    assert shown["part"] is None


def test_a_stream_token_says_in_utc_when_it_ends():
    """As every time that is answered."""
    shown = events.StreamToken(token="t", expires_at=AT).model_dump(mode="json")
    assert shown == {"token": "t", "expires_at": "2026-11-04T12:00:00.000Z"}
