"""The table of moves, restated."""

from app.domain.lifecycle import AT_MARKETO, FINAL, TABLE
from tests.support.lifecycle import MOVES


def test_the_table_is_the_one_that_was_drawn():
    """Every move has these sources and this one target."""
    assert {str(move): ({str(s) for s in edge.sources}, str(edge.target)) for move, edge in TABLE.items()} == MOVES


def test_every_move_says_who_makes_it():
    """A move without a maker would be dead."""
    assert all(edge.by for edge in TABLE.values())


def test_nothing_leaves_a_final_state():
    """A part that has ended stays as it ended."""
    assert {"complete", "failed", "cancelled"} == FINAL


def test_only_parts_that_marketo_has_or_may_have_hold_a_slot():
    """SLOTS_NOT_OVERSOLD counts these four states."""
    assert {"submitting", "unconfirmed", "queued", "importing"} == AT_MARKETO


def test_NEVER_TWICE_BY_ACCIDENT_a_submission_is_left_by_an_answer_or_for_unconfirmed_only():
    """No move but an answer's leads from submitting back to waiting."""
    leaving = {str(move): str(edge.target) for move, edge in TABLE.items() if "submitting" in edge.sources}
    assert leaving == {"accept": "queued", "turn_away": "waiting", "refuse": "failed", "lose": "unconfirmed"}
    assert [move for move, edge in TABLE.items() if edge.target == "waiting"] == ["turn_away", "resubmit"]
