"""Text in any charset to UTF-8, chunk by chunk."""

import pytest

from app.domain.errors import UnsupportedMedia
from app.files.transcoding import converter


def converted(charset: str, chunks: list[bytes]) -> tuple[bytes, int | None]:
    """(the text, the place of the first bad byte in its chunk): conversion ends at that byte."""
    convert, text = converter(charset), b""
    for index, chunk in enumerate(chunks, 1):
        piece, bad_at = convert(chunk, index == len(chunks))
        text += piece
        if bad_at is not None:
            return text, bad_at
    return text, None


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "cp1252", "utf-16", "utf-16-le", "shift_jis", "utf-8-sig"])
@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_chunks_make_no_difference(charset: str, step: int):
    """A letter may come in two of them."""
    text = "é,ñ\n" if charset != "shift_jis" else "名,簿\n"
    encoded = text.encode("utf-8" if charset == "utf-8-sig" else charset)
    chunks = [encoded[at : at + step] for at in range(0, len(encoded), step)]
    assert converted(charset, chunks) == (text.encode(), None)


@pytest.mark.parametrize(
    ("charset", "chunks", "text", "bad_at"),
    [
        ("utf-8", [b"ab\xffcd"], b"ab", 2),
        ("utf-8", [b"ab", b"c\xff"], b"abc", 1),
        ("utf-8", [b"ab\xc3"], b"ab", 2),
        ("cp1252", [b"ab", b"c\x81"], b"abc", 1),
        ("utf-16-le", [b"a\0", b"b\0\0"], b"ab", 2),
        ("ascii", [b"a\xe9"], b"a", 1),
    ],
)
def test_a_bad_byte_is_told_behind_all_the_text_before_it(charset: str, chunks: list[bytes], text: bytes, bad_at: int):
    """Its place is the one in its own chunk; a letter that is not complete at the end is bad too."""
    assert converted(charset, chunks) == (text, bad_at)


def test_a_letter_that_went_bad_in_the_chunk_before_has_no_place_in_this_one():
    """The place is then this chunk's first byte."""
    assert converted("utf-8", [b"a\xc3", b"x"])[1] == 0


@pytest.mark.parametrize(
    "charset",
    ["klingon", "base64", "rot13", "utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"],
)
def test_what_is_no_charset_of_texts_is_refused(charset: str):
    """Neither are codecs that cannot decode in chunks."""
    with pytest.raises(UnsupportedMedia) as refused:
        converter(charset)
    assert refused.value.code == "unsupported_charset"
    assert charset in refused.value.message
