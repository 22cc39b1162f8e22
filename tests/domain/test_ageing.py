"""How what waits rises."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from app.domain.ageing import has_risen, rank

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("priority", "to", "hours"), [(5, 9, 4), (0, 9, 9), (8, 9, 1), (5, 6, 1), (5, 5, 0)])
def test_an_hour_of_waiting_counts_as_a_step_of_priority(priority: int, to: int, hours: int):
    """Nine hours, from the lowest to the highest."""
    since = NOON - hours * HOUR
    assert has_risen(priority, since, to=to, now=NOON)
    assert not has_risen(priority, since + timedelta(seconds=1), to=to, now=NOON)


def test_ranks_do_not_move_with_the_clock():
    """Who is before whom once, stays so: nobody overtakes by waiting together."""
    waiting = [(priority, NOON - hours * HOUR) for priority, hours in product(range(10), range(0, 30, 3))]
    order = sorted(waiting, key=lambda one: rank(*one))
    for later in (NOON, NOON + 5 * HOUR):
        risen = [has_risen(*one, to=9, now=later) for one in order]
        assert risen == sorted(risen, reverse=True)


def test_a_clock_that_was_set_back_lets_nobody_rise():
    """Nor fail."""
    assert not has_risen(0, NOON + HOUR, to=9, now=NOON)
    assert not has_risen(9, NOON + HOUR, to=9, now=NOON)
