"""The table of moves, restated."""

import ast
from pathlib import Path

from app.domain.lifecycle import (
    AT_MARKETO,
    FINAL,
    HOLDING_SLOT,
    JOB_ENDED,
    OF_PARTS,
    TABLE,
    JobState,
    Move,
    PartState,
    job_state,
)
from tests.support.lifecycle import MOVES

APP = Path(__file__).parents[2] / "app"
MODULES = {
    "schedule": "pipeline/schedule.py",
    "submit": "pipeline/submit.py",
    "poll": "pipeline/poll.py",
    "collect": "pipeline/collect.py",
    "recovery": "worker/recovery.py",
    "cancel": "operations/cancel.py",
    "resolve": "operations/resolve.py",
    "store": "store/parts.py",
}


def test_the_table_is_the_one_that_was_drawn():
    """Every move has these sources and this one target."""
    assert {str(move): ({str(s) for s in edge.sources}, str(edge.target)) for move, edge in TABLE.items()} == MOVES


def test_every_move_is_made_where_the_table_says_and_nowhere_else():
    """By the calls of claim(), move() and move_all() in the code: no other place makes a move, and no entry is dead."""
    made: dict[str, set[str]] = {}
    for module in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "jobs.claim":
                made.setdefault("claim", set()).add(str(module.relative_to(APP)))
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"move", "move_all"}:
                for move in [ast.unparse(arg) for arg in node.args if ast.unparse(arg).startswith("Move.")]:
                    made.setdefault(move.removeprefix("Move.").lower(), set()).add(str(module.relative_to(APP)))
    assert made == {str(move): {MODULES[step] for step in edge.by} for move, edge in TABLE.items()}


def test_a_move_is_named_where_it_is_made():
    """Outside the store nobody hands one on as a variable: the test above would not see it."""
    for module in sorted(APP.rglob("*.py")):
        if module.parent != APP / "store":
            for node in ast.walk(ast.parse(module.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in {"jobs.move", "parts.move_all"}:
                    assert ast.unparse(node.args[2]).startswith("Move."), (module, node.lineno)


def test_nothing_leaves_a_final_state():
    """A part that has ended stays as it ended."""
    assert {"complete", "failed", "cancelled"} == FINAL


def test_only_parts_that_marketo_has_or_may_have_hold_a_slot():
    """SLOTS_NOT_OVERSOLD counts these four states."""
    assert {"submitting", "unconfirmed", "queued", "importing"} == AT_MARKETO


def test_NEVER_TWICE_BY_ACCIDENT_a_submission_is_left_by_an_answer_or_for_unconfirmed_only():
    """No move but an answer's leads from submitting back to waiting."""
    leaving = {str(move): str(edge.target) for move, edge in TABLE.items() if "submitting" in edge.sources}
    answers = {"accept": "queued", "turn_away": "waiting", "refuse": "failed", "separate": "waiting"}
    assert leaving == answers | {"lose": "unconfirmed"}
    assert [move for move, edge in TABLE.items() if edge.target == "waiting"] == ["turn_away", "resubmit", "separate"]


def test_a_job_is_where_its_parts_are_and_its_moves_are_not_those_of_waiting_parts():
    """One word for both; where its parts wait again, the job is over."""
    for state in {PartState(edge.target) for move, edge in TABLE.items() if move not in OF_PARTS}:
        assert job_state(state) == ("over" if state is PartState.WAITING else state)
    assert {Move.CANCEL, Move.ABANDON} == OF_PARTS
    assert set(map(str, HOLDING_SLOT)) == set(map(str, AT_MARKETO))
    assert set(JobState) - JOB_ENDED - HOLDING_SLOT == {JobState.COLLECTING}
