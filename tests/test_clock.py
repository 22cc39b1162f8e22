"""A clock that nobody can set under the service's feet, and what was called when."""

from datetime import UTC, datetime, timedelta

from app.clock import Cause, Clock, Jump, Reading, machine_clock, machine_seconds
from tests.support.clock import SteppedClock

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
HOUR, DAY = 3600.0, 86_400.0


def jumped(clock: SteppedClock, seconds: float, cause: Cause = Cause.JUMP) -> Jump:
    """The clock is set, and that is known."""
    before = clock()
    clock.follow(seconds)
    jump = Jump(len(clock.jumps) + 1, cause, before, clock())
    clock.jumps = (*clock.jumps, jump)
    return jump


def test_the_time_goes_on_by_the_time_that_passes_whatever_the_machine_says():
    """Until somebody follows it."""
    clock = SteppedClock(NOON)
    clock.jump(HOUR)
    clock.step(5)
    assert clock() == NOON + timedelta(seconds=5)
    assert clock.off(Reading(clock.wall(), clock.monotonic())) == HOUR


def test_what_is_an_hour_ago_is_so_by_the_time_that_passed():
    """Forward, back, and both: a moment before a jump has the name that it had then."""
    clock = SteppedClock(NOON)
    clock.step(HOUR)
    jumped(clock, 100 * DAY)
    clock.step(0.5 * HOUR)
    assert clock.ago(0.25 * HOUR) == clock() - timedelta(hours=0.25)
    assert clock.ago(HOUR) == NOON + timedelta(hours=0.5)
    jumped(clock, -100 * DAY)
    clock.step(0.5 * HOUR)
    assert clock.ago(2 * HOUR) == NOON
    assert clock.ago(0.75 * HOUR) == NOON + timedelta(days=100, hours=1.25)
    assert clock.ago(3 * HOUR) == NOON - timedelta(hours=1)


def test_a_rest_is_time_that_has_passed():
    """As far as anybody knows."""
    clock = SteppedClock(NOON)
    jumped(clock, 10 * DAY, Cause.GAP)
    assert clock.ago(5 * DAY) == NOON + timedelta(days=5)


def test_how_long_ago_a_jump_was():
    """Over later ones, too."""
    clock = SteppedClock(NOON)
    first = jumped(clock, -HOUR)
    clock.step(60)
    second = jumped(clock, 10 * DAY, Cause.GAP)
    clock.step(30)
    third = jumped(clock, 5 * DAY)
    clock.step(15)
    assert [clock.seconds_since(jump) for jump in (third, second, first)] == [15, 45, 10 * DAY + 105]


def test_the_machines_own_clocks():
    """The one tells the time of day, the other only goes on."""
    clock = Clock()
    assert abs((clock() - machine_clock()).total_seconds()) < 1
    assert machine_seconds() <= clock.monotonic()
    assert clock().tzinfo is UTC
