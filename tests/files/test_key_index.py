"""The rows of a job by their record key."""

from app.files.key_index import KeyIndex, form_of


def test_rows_are_found_by_their_key_in_any_form_that_marketo_gives_it():
    """All of them, in their order."""
    index = KeyIndex([["a@example.com"], ["b@example.com"], ["A@EXAMPLE.com"]])
    assert list(index.rows(["a@Example.com "])) == [0, 2]
    assert list(index.rows(["c@example.com"])) == []


def test_a_key_with_an_empty_cell_is_none():
    """Marketo finds no record by it, so it must not find a row either."""
    index = KeyIndex([["a", ""], ["", ""], ["a", "b"]])
    assert list(index.rows(["a", ""])) == []
    assert list(index.rows(["a", "b"])) == [2]
    assert form_of(["a", "null"]) == ""


def test_longer_keys_are_those_that_may_have_been_cut_off_to_this_one():
    """Not the key itself; None where there are too many, or where a letter is not known."""
    index = KeyIndex([["ada"], ["adam"], ["adamant"], ["bob"]])
    assert index.longer(["ada"], most=2) == [1, 2]
    assert index.longer(["ada"], most=1) is None
    assert index.longer(["ad?"], most=9) is None
    assert index.longer(["c"], most=9) == []
