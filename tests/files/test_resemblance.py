"""Rows found by the columns that still agree."""

import numpy as np
import pytest

from app.files.resemblance import Resemblance, agree
from app.files.sent_rows import NOWHERE, Sent, SentRows

PART = b"email,Name,born\na@x,Ann,2026-11-23\nb@x,Bob,2026-11-24\nc@x,Ann,\n"


def resemblance(*free: bool) -> Resemblance:
    sent = Sent((PART,), ",", ("email", "Name", "born"), ("email",))
    return Resemblance(SentRows(sent, [0, 1, 2], in_pieces=True), np.array(free or (True, True, True)))


@pytest.mark.parametrize(
    ("values", "row"),
    [
        (["x@y", "bob", "2026-11-24"], NOWHERE),
        (["b", "bob", "11/24/2026"], 1),
        (["c", "ann", ""], 2),
        (["?@x", "ann", ""], 2),
        (["?", "?", "?"], NOWHERE),
    ],
    ids=["another cell", "a cut and a date", "empty", "a question mark", "nothing certain"],
)
def test_a_row_is_found_if_no_other_one_can_be_meant(values: list[str], row: int):
    """At least one cell has to be the same. NOT_A_GUESS."""
    assert resemblance().only_one(values) == row


def test_only_free_rows_are_found():
    """A row that is another result row's already is not looked at."""
    assert resemblance(True, False, True).only_one(["b", "bob", "2026-11-24"]) == NOWHERE
    assert resemblance(False, True, True).only_one(["b", "bob", "2026-11-24"]) == 1


def test_two_that_may_be_meant_are_none():
    """However much they agree."""
    assert resemblance().only_one(["?@x", "ann", "?"]) == NOWHERE


def test_equal_rows_have_the_same_number():
    """By their loose form; a row that no free one is equal to has none."""
    numbers, of_free = resemblance().groups([["c@x", "ann", ""], ["d@x", "ann", ""]])
    assert numbers.tolist() == [of_free.tolist()[2], NOWHERE]


def test_rows_agree_in_a_cell_that_is_certain():
    """Neither an empty one nor one with a question mark."""
    assert agree(["a", "b"], ["a", "c"])
    assert not agree(["", "b?"], ["", "b?"])
