"""A part of an import: its rows by their outcome."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.parts import Rows


@given(
    total=st.integers(0, 10**6),
    imported=st.integers(0, 10**7),
    failed=st.integers(0, 10**7),
    warned=st.integers(0, 10**7),
)
def test_rows_always_add_up_whatever_marketo_claims(total: int, imported: int, failed: int, warned: int):
    """imported + failed + pending = total, and none of them is negative."""
    rows, too_many = Rows.counted(total, imported=imported, failed=failed, warned=warned)
    assert too_many == (rows != Rows(total, imported, failed, warned))
    assert rows.imported + rows.failed + rows.pending == total
    assert min(rows.imported, rows.failed, rows.pending, rows.warned) >= 0
    assert rows.warned <= total


def test_counts_beyond_the_parts_rows_are_reduced_and_failed_rows_win():
    """What Marketo says of failed rows is worth more: each of them has to be shown."""
    assert Rows.counted(10, imported=8, failed=4, warned=12) == (Rows(10, imported=6, failed=4, warned=10), True)
    assert Rows.counted(10, imported=6, failed=4, warned=1) == (Rows(10, imported=6, failed=4, warned=1), False)


def test_the_rows_of_parts_are_added_up():
    """None of them is settled twice; without rows everything is."""
    rows = Rows.sum([Rows(10, 5, 1, 2), Rows(30, 4, 0, 0)])
    assert rows == Rows(total=40, imported=9, failed=1, warned=2)
    assert (rows.pending, rows.settled_share) == (30, 0.25)
    assert Rows.sum([]).settled_share == 1.0
