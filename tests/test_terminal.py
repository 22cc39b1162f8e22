"""Text that others wrote, made fit for a terminal: what would order it something is written out."""

import pytest

from app.terminal import harmless, harmless_json, is_harmless

BIDI = "".join(map(chr, [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
C1 = "".join(map(chr, range(0x80, 0xA0)))


@pytest.mark.parametrize("letter", [*map(chr, range(0x20)), "\x7f", *C1, *BIDI, "\u2028", "\u2029", "\ufeff", "\ud800"])
def test_a_character_that_orders_something_is_written_out(letter: str):
    """C0, C1, what turns the direction, other line ends, half a character."""
    shown = harmless(f"a{letter}b")
    assert shown.isascii()
    assert shown.isprintable()
    assert shown.encode().decode("unicode_escape") == f"a{letter}b"


@pytest.mark.parametrize("text", ["plain", "größe.csv", "名簿　三", "نامه‌ها", "👩‍👩‍👧", "naïve", "a\u00a0b", "[x]"])
def test_a_text_of_any_alphabet_is_left_as_it_is(text: str):
    """Orders are taken out, not letters."""
    assert harmless(text) == text


def test_letters_that_are_to_be_kept_are_kept():
    """A text of several lines, say."""
    assert harmless("a\nb\x1bc", keep="\n") == "a\nb\\x1bc"
    assert is_harmless("naïve")
    assert not is_harmless("a\nb")


def test_every_text_in_a_json_value_is_made_fit():
    """Names, too; numbers and the shape stay."""
    told = {"a\x1b": ["b\x1b", {"c": None, "d": 1.5}], "e": True}
    assert harmless_json(told) == {"a\\x1b": ["b\\x1b", {"c": None, "d": 1.5}], "e": True}
