"""The mistakes of callers: their status, their code and their words."""

import pytest

from app.domain import errors
from app.domain.errors import BadFile, CallerError, Detail, TooLarge, in_one_sentence, quoted


def test_an_error_has_the_code_of_its_class_or_a_more_precise_one():
    """The status is its class's in any case."""
    plain, precise = TooLarge("too large"), TooLarge("a bomb", code="compression_bomb")
    assert (plain.status, plain.code, plain.message, str(plain)) == (413, "file_too_large", "too large", "too large")
    assert (precise.status, precise.code) == (413, "compression_bomb")
    assert BadFile("x").code == "invalid_file"
    assert (plain.details, plain.retry_after_seconds) == ((), None)


def test_the_tree_at_the_top_of_the_module_is_the_real_one():
    """Each class with its status; none is missing."""
    drawn = {
        words[1]: int(words[2])
        for line in (errors.__doc__ or "").splitlines()
        if line.startswith(("├", "└")) and (words := line.split())
    }
    assert drawn == {kind.__name__: kind.status for kind in CallerError.__subclasses__()}
    assert not any(kind.__subclasses__() for kind in CallerError.__subclasses__())


def test_nobody_who_calls_is_told_500():
    """A fault of ours is no caller's mistake."""
    assert 500 not in {kind.status for kind in CallerError.__subclasses__()}


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, ""),
        (1, "f0: m0"),
        (5, "f0: m0; f1: m1; f2: m2; f3: m3; f4: m4"),
        (7, "f0: m0; f1: m1; f2: m2; f3: m3; f4: m4; and 2 more"),
    ],
)
def test_a_sentence_names_five_details_and_counts_the_others(count: int, sentence: str):
    """A detail without a field is its message alone."""
    assert in_one_sentence([Detail(f"m{n}", field=f"f{n}") for n in range(count)]) == sentence
    assert in_one_sentence([Detail("no JSON")]) == "no JSON"


def test_a_callers_text_is_quoted_and_bounded():
    """Invisible characters are spelt out."""
    assert quoted("a\n\x1b") == r"'a\n\x1b'"
    assert quoted("x" * 60) == repr("x" * 60)
    assert quoted("x" * 61) == repr("x" * 60) + "…"
