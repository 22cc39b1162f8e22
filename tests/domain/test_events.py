"""Which events stand in which history."""

from app.domain.events import OF_IMPORTS, OF_INSTANCES, WARNED, Occurrence
from app.domain.lifecycle import Move


def test_every_event_is_of_imports_or_of_instances_and_none_of_both():
    """A part's moves are in the history of its import."""
    assert set(OF_IMPORTS) & set(OF_INSTANCES) == set()
    assert set(OF_IMPORTS) | set(OF_INSTANCES) == {*Occurrence, *Move}
    assert len(OF_IMPORTS) + len(OF_INSTANCES) == len(Occurrence) + len(Move)


def test_no_event_and_no_move_share_a_word():
    """A caller tells them apart by it."""
    assert {str(occurrence) for occurrence in Occurrence} & {str(move) for move in Move} == set()


def test_what_is_good_news_is_not_warned_of():
    """NO_SILENCE asks for a warning where work does not flow."""
    good = {"accepted", "finished", "resumed", "unblocked", "recovered", "retried"}
    assert good & {str(event) for event in WARNED} == set()
    assert {"paused", "blocked", "unreachable", "queue_full", "stuck", "results_late"} <= {
        str(event) for event in WARNED
    }
