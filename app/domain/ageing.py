"""Ageing: a part rises in rank while it waits, so that no part waits for ever behind newer ones.

An hour of waiting counts as one step of priority: a part has the same rank as one that is a step more urgent and came
an hour later. Priority still decides which part goes first. But parts that have risen to the rank of the most urgent
waiting part, and are passed over, get one job of four. So the least urgent part makes progress behind any number of
urgent ones, and an urgent import is not delayed.
"""

from datetime import datetime, timedelta

STEP = timedelta(hours=1)  # waiting time that counts as one step of priority; nine steps lead from lowest to highest
SHARE = 4  # one job of this many is for parts that have risen by waiting


def rank(priority: int, since: datetime) -> datetime:
    """The rank of a part, as a time: an earlier time is a higher rank. `since`: when the waiting began."""
    return since - priority * STEP


def seconds_to_rise(priority: int, *, to: int) -> float:
    """How long a part has to wait until its rank is that of a part with priority `to` that arrives at that time."""
    return max(0, to - priority) * STEP.total_seconds()


def has_risen(priority: int, since: datetime, *, to: int, now: datetime) -> bool:
    """Whether a part has waited so long that its rank is that of a part with priority `to` that arrives now."""
    return rank(priority, since) <= rank(to, now)
