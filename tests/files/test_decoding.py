"""Compression, charset and byte order mark are undone while the bytes arrive."""

import gzip
import hashlib
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadFile, BrokenUpload, CallerError, TooLarge, UnsupportedMedia
from app.files.decoding import Decoder

TEXT = "email,lastName\nzoe@example.com,Zoë\n"


def decoded(body: bytes, *, encoding: str | None = None, charset: str = "utf-8", step: int = 7) -> bytes:
    decoder = Decoder(content_encoding=encoding, charset=charset, limit_bytes=10**6)
    found = [decoder.feed(body[at : at + step]) for at in range(0, len(body), step)]
    return b"".join([*found, decoder.finish()])


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
@pytest.mark.parametrize("encoding", [None, "gzip", "zstd", "GZIP"])
def test_any_charset_and_compression_becomes_utf8_without_a_bom(charset: str, encoding: str | None):
    """Whatever the chunks, and with what Excel puts before the text taken away."""
    pack = {None: bytes, "gzip": gzip.compress, "GZIP": gzip.compress, "zstd": zstandard.compress}[encoding]
    named = "utf-8" if charset == "utf-8-sig" else charset
    assert decoded(pack(TEXT.encode(charset)), encoding=encoding, charset=named) == TEXT.encode()


def test_several_members_and_frames_are_one_file():
    """As `cat a.gz b.gz` makes them."""
    halves = TEXT.encode()[:20], TEXT.encode()[20:]
    assert decoded(b"".join(map(gzip.compress, halves)), encoding="gzip") == TEXT.encode()
    assert decoded(b"".join(map(zstandard.compress, halves)), encoding="zstd") == TEXT.encode()


@given(text=st.text(st.characters(exclude_characters="\0\ufeff", codec="utf-8")), step=st.integers(1, 9))
def test_chunks_make_no_difference(text: str, step: int):
    """Also where one ends in the middle of a character."""
    assert decoded(text.encode(), step=step) == text.encode()
    assert decoded(text.encode("utf-16"), charset="utf-16", step=step) == text.encode()


def test_size_and_digest_are_those_of_the_uploaded_file():
    """After decompression, before the charset is undone."""
    raw = TEXT.encode("utf-16")
    decoder = Decoder(content_encoding="gzip", charset="utf-16", limit_bytes=10**6)
    decoder.feed(gzip.compress(raw))
    decoder.finish()
    assert (decoder.size_bytes, decoder.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())


@pytest.mark.parametrize(
    ("body", "encoding", "charset", "error", "code", "row"),
    [
        (b"email\na@example.com\n\xff\n", None, "utf-8", BadFile, "bad_bytes", 2),
        (b"email\na\nb\nc\0\n", None, "utf-8", BadFile, "nul_byte", 3),
        ("email\na\n".encode("utf-16-le"), None, "utf-8", BadFile, "nul_byte", 0),
        (b"email\nZo\xc3", None, "utf-8", BadFile, "bad_bytes", 1),
        (gzip.compress(TEXT.encode())[:-9], "gzip", "utf-8", BrokenUpload, "broken_upload", None),
        (zstandard.compress(TEXT.encode())[:-2], "zstd", "utf-8", BrokenUpload, "broken_upload", None),
        (TEXT.encode(), "gzip", "utf-8", BrokenUpload, "broken_upload", None),
        (TEXT.encode(), "zstd", "utf-8", BrokenUpload, "broken_upload", None),
        (TEXT.encode(), "br", "utf-8", UnsupportedMedia, "unsupported_encoding", None),
        (TEXT.encode(), None, "klingon", UnsupportedMedia, "unsupported_charset", None),
        (TEXT.encode(), None, "base64", UnsupportedMedia, "unsupported_charset", None),
        (TEXT.encode(), None, "rot13", UnsupportedMedia, "unsupported_charset", None),
    ],
)
@pytest.mark.parametrize("step", [3, 10**6])
def test_what_cannot_be_undone_is_refused_with_its_row(
    body: bytes, encoding: str | None, charset: str, error: type[CallerError], code: str, row: int | None, step: int
):
    """The code is stable; the row is counted from 1 after the header."""
    with pytest.raises(error) as refused:
        decoded(body, encoding=encoding, charset=charset, step=step)
    assert refused.value.code == code
    assert [detail.row for detail in refused.value.details] == ([] if row is None else [row])


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_bomb_is_refused_before_it_has_gone_off(encoding: str, pack):
    """A gigabyte of blanks in a few kilobytes costs a few megabytes."""
    bomb = pack(b" " * (1 << 26))
    decoder = Decoder(content_encoding=encoding, charset="utf-8", limit_bytes=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            decoder.feed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
