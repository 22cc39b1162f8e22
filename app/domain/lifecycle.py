"""The life of a part and of a job: one page, one table. Every other statement of it is derived from this one, by test.

A job is what one POST gives to Marketo. While a part is in a job, its state is the job's, by the same word.
"""

from enum import StrEnum
from typing import NamedTuple


class PartState(StrEnum):
    WAITING = "waiting"  # on disk here, not at Marketo
    SUBMITTING = "submitting"  # its POST may be under way
    UNCONFIRMED = "unconfirmed"  # nobody can know whether Marketo has it
    QUEUED = "queued"  # Marketo accepted it
    IMPORTING = "importing"  # Marketo is working on it
    COLLECTING = "collecting"  # Marketo is done; its result files are still to be fetched
    COMPLETE = "complete"  # every row's fate is stored here
    FAILED = "failed"  # Marketo will never import it, or a person gave it up
    CANCELLED = "cancelled"  # it was stopped before it was sent: by a person, or as nobody released its import


class JobState(StrEnum):
    SUBMITTING = "submitting"  # its POST may be under way
    UNCONFIRMED = "unconfirmed"  # nobody can know whether Marketo has it
    QUEUED = "queued"  # Marketo accepted it
    IMPORTING = "importing"  # Marketo is working on it
    COLLECTING = "collecting"  # Marketo is done; its result files are still to be fetched
    COMPLETE = "complete"  # every row's fate is stored here
    FAILED = "failed"  # Marketo will never import it, or a person gave it up
    OVER = "over"  # nothing more is expected of it, and its parts wait again


class Move(StrEnum):
    CLAIM = "claim"
    ACCEPT = "accept"
    TURN_AWAY = "turn_away"
    REFUSE = "refuse"
    LOSE = "lose"
    RESUBMIT = "resubmit"
    SEPARATE = "separate"
    START = "start"
    FINISH = "finish"
    FAIL = "fail"
    GIVE_UP = "give_up"
    COLLECT = "collect"
    CANCEL = "cancel"
    ABANDON = "abandon"
    FORGET = "forget"


class Step(StrEnum):
    """Whoever makes a move. A test holds the table against the places in the code."""

    SCHEDULE = "schedule"
    SUBMIT = "submit"
    POLL = "poll"
    COLLECT = "collect"
    RECOVERY = "recovery"  # after a crash, or when the settling time is over
    CANCEL = "cancel"  # a person; or an import is under review for too long
    RESOLVE = "resolve"  # a person
    STORE = "store"  # where a part comes back to waiting, and its import was cancelled meanwhile


class Edge(NamedTuple):
    sources: frozenset[PartState]
    target: PartState
    by: tuple[Step, ...]


S, M = PartState, Move

TABLE: dict[Move, Edge] = {
    M.CLAIM: Edge(frozenset({S.WAITING}), S.SUBMITTING, (Step.SCHEDULE,)),
    M.ACCEPT: Edge(frozenset({S.SUBMITTING, S.UNCONFIRMED}), S.QUEUED, (Step.SUBMIT, Step.RESOLVE)),
    M.TURN_AWAY: Edge(frozenset({S.SUBMITTING}), S.WAITING, (Step.SUBMIT, Step.SCHEDULE)),
    M.REFUSE: Edge(frozenset({S.SUBMITTING}), S.FAILED, (Step.SUBMIT,)),
    M.LOSE: Edge(frozenset({S.SUBMITTING}), S.UNCONFIRMED, (Step.SUBMIT, Step.RECOVERY)),
    M.RESUBMIT: Edge(frozenset({S.UNCONFIRMED}), S.WAITING, (Step.RECOVERY, Step.RESOLVE)),
    # NO_SHARED_BLAME: Marketo refused or failed a job with several parts as a whole; each goes again, alone
    M.SEPARATE: Edge(
        frozenset({S.SUBMITTING, S.QUEUED, S.IMPORTING, S.COLLECTING}),
        S.WAITING,
        (Step.SUBMIT, Step.POLL, Step.COLLECT),
    ),
    M.START: Edge(frozenset({S.QUEUED}), S.IMPORTING, (Step.POLL,)),
    M.FINISH: Edge(frozenset({S.QUEUED, S.IMPORTING}), S.COLLECTING, (Step.POLL,)),
    M.FAIL: Edge(frozenset({S.QUEUED, S.IMPORTING}), S.FAILED, (Step.SUBMIT, Step.POLL)),
    # a person expects nothing more of it, and wants its place, and those who wait for it, to be free
    M.GIVE_UP: Edge(frozenset({S.UNCONFIRMED, S.QUEUED, S.IMPORTING, S.COLLECTING}), S.FAILED, (Step.RESOLVE,)),
    M.COLLECT: Edge(frozenset({S.COLLECTING}), S.COMPLETE, (Step.COLLECT,)),
    M.FORGET: Edge(frozenset({S.QUEUED, S.IMPORTING}), S.UNCONFIRMED, (Step.POLL,)),  # Marketo knows it no more
    M.CANCEL: Edge(frozenset({S.WAITING}), S.CANCELLED, (Step.CANCEL, Step.STORE)),
    M.ABANDON: Edge(frozenset({S.WAITING}), S.FAILED, (Step.SUBMIT,)),  # its import can no longer succeed
}

AT_MARKETO = frozenset({S.SUBMITTING, S.UNCONFIRMED, S.QUEUED, S.IMPORTING})
"""States that hold a slot: Marketo has the part, or may have it."""

LIVE = AT_MARKETO | {S.WAITING}
"""States from which a part still touches Marketo's records, now or later."""

SLOW = frozenset({S.IMPORTING, S.COLLECTING})
"""States that a part leaves by itself before long; in Marketo's queue it may stand behind others."""

OF_PARTS = frozenset(move for move, edge in TABLE.items() if edge.sources == {S.WAITING} and move is not M.CLAIM)
"""Moves of a part that is in no job. All others are a job's, and its parts go with it; the claim makes the job."""

FINAL = frozenset(S) - {source for edge in TABLE.values() for source in edge.sources}
"""States that nothing leaves."""

SLOW_JOBS = frozenset(JobState(state.value) for state in SLOW)
"""The same states, of a job."""

HOLDING_SLOT = frozenset(JobState(state.value) for state in AT_MARKETO)
"""States of a job that Marketo has, or may have."""

JOB_ENDED = frozenset({JobState.COMPLETE, JobState.FAILED, JobState.OVER})
"""States that no job leaves."""


def job_state(state: PartState) -> JobState:
    """Where a job is whose parts come into this state."""
    return JobState.OVER if state is PartState.WAITING else JobState(state.value)
