"""Counters that outlive restarts and retention: what has happened since the database was made.

What a transaction counts is added up in memory and written by its last statement, in the order of the keys. So a
counter is locked for a commit's time only, and two who write the same ones wait for each other, never in a circle.
What many processes do at once, as taking imports in, is counted where a single worker takes it up.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.dialects import upsert
from app.store.tables import counter
from app.store.transaction import Transaction

MOVES = "moves"  # by move
ROWS = "rows"  # of parts that ended, by what became of them
FINISHED = "finished"  # imports, by status
ANSWERS = "answers"  # of Marketo, by call and code
JOBS = "jobs"  # that ended, by how
JOB_PARTS = "job_parts"  # the same, by how many parts they had
CALLS_SAVED = "calls_saved"  # that were not needed, because parts went together; by the call
DELIVERIES = "webhook_deliveries"  # tries, by how they ended
WAITED, RAN, TOOK = "waited_seconds", "ran_seconds", "took_seconds"  # imports, by how long they did

BOUNDS_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400)
BOUNDS_PARTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
LARGEST, SUM = "+Inf", "sum"


async def write(tx: Transaction) -> None:
    """Add what the transaction counted to the stored counters: its last statement before the commit."""
    if not tx.counted:
        return
    rows = [
        {"instance": instance, "name": name, "label": label, "value": value}
        for (instance, name, label), value in sorted(tx.counted.items())
    ]
    adding = upsert(tx, counter)
    values = {"value": counter.c.value + adding.excluded.value}
    await tx.execute(adding.on_conflict_do_update(index_elements=counter.primary_key, set_=values), rows)


def add(tx: Transaction, instance: str, name: str, label: str, value: float = 1) -> None:
    """Count it once the transaction is committed."""
    if value:
        tx.counted[instance, name, label] += value


def add_answers(tx: Transaction, instance: str, answers: Mapping[Any, int]) -> None:
    """Marketo's answers by (call, code)."""
    for (call, code), number in answers.items():
        add(tx, instance, ANSWERS, f"{call} {code}", number)


def observe(tx: Transaction, instance: str, name: str, *, since: datetime, until: datetime) -> None:
    """Count a duration. Its label is the bound, in seconds, that it stays within."""
    _observe(tx, instance, name, max(0.0, (until - since).total_seconds()), BOUNDS_SECONDS)


def observe_parts(tx: Transaction, instance: str, parts: int) -> None:
    """Count a job that had so many parts. Its label is the bound that their number stays within."""
    _observe(tx, instance, JOB_PARTS, parts, BOUNDS_PARTS)


def _observe(tx: Transaction, instance: str, name: str, value: float, bounds: Sequence[int]) -> None:
    place = bisect_left(bounds, value)
    add(tx, instance, name, str(bounds[place]) if place < len(bounds) else LARGEST)
    add(tx, instance, name, SUM, value)


Counters = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By name, by instance, by label."""


async def everything(tx: AsyncConnection) -> Counters:
    """One row for each label that was ever counted: some hundred for an instance."""
    result: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in await tx.execute(select(counter)):
        result[row.name][row.instance][row.label] = row.value
    return result


def buckets(counted: Mapping[str, float], bounds_below: Sequence[int]) -> list[tuple[str, float]]:
    """A histogram as Prometheus has it: each bound with the number of values up to it. The last one is added here.

    What an earlier version counted by another bound goes to the next one above.
    """
    bounds = [float(bound) for bound in bounds_below] + [float("inf")]
    numbers = [0.0] * len(bounds)
    for label, number in counted.items():
        if label != SUM:
            numbers[bisect_left(bounds, float(label))] += number
    names = [f"{bound:.1f}" for bound in bounds[:-1]] + [LARGEST]
    return list(zip(names, accumulate(numbers), strict=True))
