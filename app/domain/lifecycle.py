"""The life of a part: one page, one table. Every other statement of it is derived from this one, by test."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    WAITING = "waiting"  # on disk here, not at Marketo
    SUBMITTING = "submitting"  # its POST may be under way
    UNCONFIRMED = "unconfirmed"  # nobody can know whether Marketo has it
    QUEUED = "queued"  # Marketo accepted it
    IMPORTING = "importing"  # Marketo is working on it
    COLLECTING = "collecting"  # Marketo is done; its result files are still to be fetched
    COMPLETE = "complete"  # every row's fate is stored here
    FAILED = "failed"  # Marketo will never import it
    CANCELLED = "cancelled"  # a person stopped it before it was sent


class Move(StrEnum):
    CLAIM = "claim"
    ACCEPT = "accept"
    TURN_AWAY = "turn_away"
    REFUSE = "refuse"
    LOSE = "lose"
    RESUBMIT = "resubmit"
    START = "start"
    FINISH = "finish"
    FAIL = "fail"
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
    CANCEL = "cancel"  # a person
    RESOLVE = "resolve"  # a person
    STORE = "store"  # where a part comes back to waiting, and its import was cancelled meanwhile


class Edge(NamedTuple):
    sources: frozenset[State]
    target: State
    by: tuple[Step, ...]


S, M = State, Move

TABLE: dict[Move, Edge] = {
    M.CLAIM: Edge(frozenset({S.WAITING}), S.SUBMITTING, (Step.SCHEDULE,)),
    M.ACCEPT: Edge(frozenset({S.SUBMITTING, S.UNCONFIRMED}), S.QUEUED, (Step.SUBMIT, Step.RESOLVE)),
    M.TURN_AWAY: Edge(frozenset({S.SUBMITTING}), S.WAITING, (Step.SUBMIT, Step.SCHEDULE)),
    M.REFUSE: Edge(frozenset({S.SUBMITTING}), S.FAILED, (Step.SUBMIT,)),
    M.LOSE: Edge(frozenset({S.SUBMITTING}), S.UNCONFIRMED, (Step.SUBMIT, Step.RECOVERY)),
    M.RESUBMIT: Edge(frozenset({S.UNCONFIRMED}), S.WAITING, (Step.RECOVERY, Step.RESOLVE)),
    M.START: Edge(frozenset({S.QUEUED}), S.IMPORTING, (Step.POLL,)),
    M.FINISH: Edge(frozenset({S.QUEUED, S.IMPORTING}), S.COLLECTING, (Step.POLL,)),
    M.FAIL: Edge(frozenset({S.QUEUED, S.IMPORTING}), S.FAILED, (Step.SUBMIT, Step.POLL)),
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

FINAL = frozenset(S) - {source for edge in TABLE.values() for source in edge.sources}
"""States that nothing leaves."""
