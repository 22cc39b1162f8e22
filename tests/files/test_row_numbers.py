"""Which rows a part holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.files import row_numbers


@given(st.lists(st.integers(0, 2**40), min_size=1))
def test_numbers_are_read_as_they_were_written(numbers: list[int]):
    """Any order; 0 for one that nobody knows."""
    kept = row_numbers.written(np.array(numbers))
    assert row_numbers.read(kept, first_row=numbers[0], rows=len(numbers)).tolist() == numbers


@pytest.mark.parametrize(("numbers", "kept"), [([5, 6, 7], False), ([5], False), ([5, 7], True), ([2, 1], True)])
def test_numbers_that_follow_each_other_need_no_keeping(numbers: list[int], kept: bool):
    """Which is nearly all parts."""
    assert (row_numbers.written(np.array(numbers)) is not None) is kept


def test_counted_and_given_numbers_come_in_their_order():
    """A retried row has the number it had in the upload."""
    counted, given_ = row_numbers.counted(), row_numbers.Given()
    assert [counted(2).tolist(), counted(3).tolist()] == [[1, 2], [3, 4, 5]]
    given_.add(np.array([7, 3]))
    given_.add(np.array([9]))
    assert [given_(1).tolist(), given_(2).tolist()] == [[7], [3, 9]]
