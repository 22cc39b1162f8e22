"""An import's history in sentences."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.events import OF_IMPORTS
from app.pages.import_history import SENTENCES, tell
from app.store.events import Event


def told(type_: str, **data: Any) -> str:
    return tell(Event(1, datetime(2026, 11, 5, tzinfo=UTC), type_, None, data)).sentence


def test_every_kind_of_event_has_a_sentence_also_without_facts():
    assert set(SENTENCES) == set(OF_IMPORTS)
    for type_ in OF_IMPORTS:
        assert told(type_).endswith(".")
    assert told("of_older_times") == "Of older times."


@pytest.mark.parametrize(
    ("type_", "facts", "sentence"),
    [
        ("accepted", {"rows": 3, "bytes": 2_000}, "Accepted: 3 rows, 2\u202fkB."),
        ("claim", {"slot": 1, "bundled_with": 41}, "Goes to Marketo together with 41 other imports."),
        ("accept", {"batch_id": 1234}, "Marketo accepted it as job 1234."),
        ("turn_away", {"code": "1029", "why": None}, "Marketo turned it away for now: 1029."),
        ("changed", {"by": "ann", "priority": {"from": 5, "to": 8}}, "Changed: priority from 5 to 8 by ann."),
        ("changed", {"by": "ann", "label": {"from": None, "to": "x"}}, "Changed: label from none to x by ann."),
        ("cancel_requested", {"by": "ann"}, "Cancelled by ann."),
        ("erased", {"what": ["file", "results"], "by": "retention"}, "Erased: file and results by retention."),
        (
            "restored",
            {"since": "2026-11-04T12:00:00.000Z", "by": "ann", "waiting": 2},
            (
                "The database is a back-up that was made at 2026-11-04T12:00:00.000Z: what became of it since then is "
                "not known, and a person has to decide."
            ),
        ),
        ("finished", {"status": "complete"}, "Finished: complete."),
    ],
)
def test_a_sentence_says_what_its_facts_say(type_: str, facts: dict[str, Any], sentence: str):
    assert told(type_, **facts) == sentence


def test_a_retry_names_the_import_that_was_made():
    event = Event(1, datetime(2026, 11, 5, tzinfo=UTC), "retried", None, {"by": "ann", "as_import": 9})
    assert tell(event).import_id == 9
