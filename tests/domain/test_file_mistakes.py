"""Mistakes, told together."""

from app.domain.errors import BadFile, Detail
from app.domain.file_mistakes import Mistake, mistakes_of, refusal


def test_one_refusal_has_all_mistakes_and_what_to_say_at_once():
    """The first stands for all."""
    told = refusal(
        [
            Mistake("bad_bytes", "It is cp1252.", row=1, say="charset=cp1252"),
            Mistake("missing_column", "It has semicolons.", field="format", say="format=ssv"),
        ]
    )
    assert told.code == "bad_bytes"
    assert told.message == "It is cp1252. It has semicolons. Say all of it at once: `charset=cp1252&format=ssv`."
    assert told.details == (Detail("It is cp1252.", row=1), Detail("It has semicolons.", field="format"))


def test_a_refusal_with_very_many_mistakes_tells_the_first_in_words_and_all_in_details():
    """A sentence of a thousand names helps nobody."""
    told = refusal([Mistake("invalid_header", f"No {n}.", field=str(n)) for n in range(1000)])
    assert len(told.details) == 1000
    assert told.message.endswith("No 4. And 995 more.")


def test_what_a_refusal_tells_of_can_be_told_again_with_more():
    """Whether it has details or not."""
    assert mistakes_of(BadFile("x", code="no_rows")) == [Mistake("no_rows", "x")]
    two = BadFile("x", code="blank_column", details=(Detail("a", field="1"), Detail("b", field="2")))
    assert [(item.message, item.field) for item in mistakes_of(two)] == [("a", "1"), ("b", "2")]
