"""Ageing: what has waited long rises, so that nothing waits for ever behind what keeps coming.

An hour of waiting counts as one step of priority: a part ranks with what is a step more urgent and came an hour later.
Priority still decides. But what ranks with the most urgent part that waits, and is passed over, gets one job of four:
so the least urgent part gets on behind any number of urgent ones, and an urgent import goes as soon as ever.
"""

from datetime import datetime, timedelta

STEP = timedelta(hours=1)  # of waiting, for one step of priority: it takes nine to rise from the lowest to the highest
SHARE = 4  # jobs, of which one is for what has risen


def rank(priority: int, since: datetime) -> datetime:
    """Ranks are compared like times: the earlier one is the higher. `since`: when the waiting began."""
    return since - priority * STEP


def has_risen(priority: int, since: datetime, *, to: int, now: datetime) -> bool:
    """Whether by its waiting a part of a lower priority ranks with what comes now and has the priority `to`."""
    return rank(priority, since) <= rank(to, now)
