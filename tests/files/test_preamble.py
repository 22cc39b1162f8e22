"""What may stand before a header is taken off."""

import pytest

from app.files.preamble import Beginning, without_beginning

HEADER = b"email;firstName\r\n"


def taken(text: bytes, step: int) -> bytes:
    beginning = Beginning()
    found = [beginning.without(text[at : at + step], ends=False) for at in range(0, len(text), step)]
    return b"".join([*found, beginning.without(b"", ends=True)])


@pytest.mark.parametrize("step", [1, 4, 100])
@pytest.mark.parametrize(
    "before",
    [b"", b"\xef\xbb\xbf", b"sep=;\r\n", b"SEP=;\n", b'"sep=;"\r\n', b"sep=\t\n", b"sep=|\r", b"\xef\xbb\xbfsep=;\r\n"],
)
def test_mark_and_separator_line_are_taken_off(before: bytes, step: int):
    """As Excel does, and however the text comes."""
    assert taken(before + HEADER, step) == HEADER


@pytest.mark.parametrize(
    "text", [b"sep=;;email\nx", b"sep,email\n", b"sep=;email\n", b"\n", b"e", b"", b"email\nsep=;\n"]
)
def test_what_only_looks_like_it_stays(text: bytes):
    """A column may be called so."""
    assert taken(text, 1) == text


def test_the_line_says_which_separator_it_names():
    """For whoever looks what a file seems to be."""
    assert without_beginning(b"\xef\xbb\xbfsep=;\r\n" + HEADER) == (HEADER, ";")
    assert without_beginning(b"sep=;") == (b"", ";")
    assert without_beginning(HEADER) == (HEADER, None)
