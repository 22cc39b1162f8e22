"""A cell of a result file, compared with a cell that was sent."""

import pytest

from app.files.cell_comparison import (
    begins_like,
    certain_beginning,
    exact_form,
    is_same_date,
    loose_form,
    may_be,
    one_line_end,
)


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("a  b\t c", "a b c"),
        ("a b", "a\u00a0b"),
        ("Zo\u00eb", "Zoe\u0308"),
        ("Zo\u00eb", "ZOE"),
        ("\u200bada", "ada"),
        ("42", "42.0"),
        ("42.50", "42.5"),
        ("+1.0", "+1"),
        ('say "hi"', "say hi"),
        ("", "null"),
        ("", "NULL"),
        ("a\ufffdb", "a?b"),
        (b"a\xe9b".decode("utf-8", "surrogateescape"), "a?b"),
    ],
)
def test_what_marketo_changes_disappears_in_the_loose_form(sent: str, returned: str):
    """Case, blanks, accents, zeros behind a point, `null` for nothing, bytes that are no letters."""
    assert loose_form(sent) == loose_form(returned)


@pytest.mark.parametrize(("one", "other"), [("42", "420"), ("1.5", "15"), ("1.2.0", "1.2"), ("a", "b"), ("", "0")])
def test_what_is_another_value_stays_another_one(one: str, other: str):
    """A version number, for example, is no decimal number."""
    assert loose_form(one) != loose_form(other)


def test_the_exact_form_differs_from_the_cells_in_outer_blanks_and_line_ends_only():
    """So two rows with the same exact form are the same but for what any program changes."""
    assert exact_form([" a ", "b\r\nc"]) == exact_form(["a", "b\rc"]) == "a\0b\nc"
    assert exact_form(["a", "b"]) != exact_form(["A", "b"])
    assert exact_form(["a", "b"]) != exact_form(["ab", ""])
    assert one_line_end("a\r\nb\rc\nd") == "a\nb\nc\nd"


@pytest.mark.parametrize(
    ("given", "sent", "possible"),
    [
        ("same", "same", True),
        ("beg", "beginning", True),
        ("inning", "beginning", False),
        ("", "anything", False),
        ("null", "", True),
        ("m?ller", "müller", True),
        ("m?x", "müller", False),
        ("11/23/2026", "2026-11-23", True),
        ("11/23/2026", "no date", False),
    ],
)
def test_what_a_sent_cell_may_have_become(given: str, sent: str, possible: bool):
    """The same, its beginning, with question marks for letters, or a date in another form."""
    assert may_be(given, sent) is possible


def test_a_question_mark_stands_for_any_letters_but_the_rest_keeps_its_order():
    """And what comes before the first one is certain."""
    assert begins_like("a?c?e", "abbbcde and more")
    assert not begins_like("a?e?c", "abcde")
    assert certain_beginning("m?ller") == "m"
    assert certain_beginning("ada") == "ada"


def test_a_date_is_compared_with_whatever_has_a_digit():
    """It is not known how Marketo writes dates, nor which of the two was written anew."""
    assert is_same_date("2026-11-23", "nov 23")
    assert is_same_date("23 nov", "23.11.2026")
    assert not is_same_date("nov", "november")
    assert not is_same_date("42", "43")
