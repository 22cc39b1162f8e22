"""How many parts to keep at Marketo."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.pacing import Pace, room

WORLD = {"max_queued": 10, "max_importing": 2, "poll_min_seconds": 5.0}


@given(
    used=st.integers(0, 10), others=st.integers(0, 10), rows=st.integers(0, 10**9), rate=st.none() | st.floats(1, 1e6)
)
def test_there_is_never_room_beyond_the_ten(used: int, others: int, rows: int, rate: float | None):
    """Ours, theirs and what may still go are ten at most."""
    free = room(slots_used=used, slots_of_others=others, rows_there=rows, rows_per_second=rate, **WORLD)
    assert 0 <= free <= max(0, 10 - used - others)


def test_importers_and_as_many_behind_them_are_always_kept_busy():
    """However large the parts are: with three there, a fourth may go."""
    assert room(slots_used=3, slots_of_others=0, rows_there=10**9, rows_per_second=1.0, **WORLD) > 0


def test_large_parts_wait_here_where_they_can_still_be_cancelled():
    """Four parts with minutes of work each are enough there."""
    assert room(slots_used=4, slots_of_others=0, rows_there=400_000, rows_per_second=1000.0, **WORLD) == 0


def test_small_parts_fill_the_queue_so_that_importers_do_not_idle_between_two_looks():
    """Four parts of ten rows would be done before we look again."""
    assert room(slots_used=4, slots_of_others=0, rows_there=40, rows_per_second=1000.0, **WORLD) == 6


def test_the_pace_follows_what_parts_took():
    """The first part sets it; later ones pull it their way."""
    pace = Pace()
    pace.observe(1000, 1)
    assert pace.rows_per_second == 1000
    pace.observe(2000, 1)
    assert 1000 < pace.rows_per_second < 2000
    pace.observe(5, 0)
    assert 1000 < pace.rows_per_second < 2000
