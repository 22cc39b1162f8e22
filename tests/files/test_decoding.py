"""Compression, charset and byte order mark are undone while the bytes arrive."""

import encodings.aliases
import gzip
import hashlib
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadFile, BrokenUpload, CallerError, TooLarge, UnsupportedMedia
from app.files.compression import zstd
from app.files.decoding import Decoder, Unreadable

TEXT = "email,lastName\nzoe@example.com,Zoë\n"


def decoded(body: bytes, *, encoding: str | None = None, charset: str = "utf-8", step: int = 7) -> bytes:
    decoder = Decoder(content_encoding=encoding, charset=charset, limit_bytes=10**6)
    found = [text for at in range(0, len(body), step) for text in decoder.feed(body[at : at + step])]
    return b"".join([*found, *decoder.finish()])


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
@pytest.mark.parametrize("encoding", [None, "gzip", "zstd", "GZIP"])
def test_any_charset_and_compression_becomes_utf8_without_a_bom(charset: str, encoding: str | None):
    """Whatever the chunks, and with what Excel puts before the text taken away."""
    pack = {None: bytes, "gzip": gzip.compress, "GZIP": gzip.compress, "zstd": zstd.compress}[encoding]
    named = "utf-8" if charset == "utf-8-sig" else charset
    assert decoded(pack(TEXT.encode(charset)), encoding=encoding, charset=named) == TEXT.encode()


def test_several_members_and_frames_are_one_file():
    """As `cat a.gz b.gz` makes them."""
    halves = TEXT.encode()[:20], TEXT.encode()[20:]
    assert decoded(b"".join(map(gzip.compress, halves)), encoding="gzip") == TEXT.encode()
    assert decoded(b"".join(map(zstd.compress, halves)), encoding="zstd") == TEXT.encode()


@given(text=st.text(st.characters(exclude_characters="\0\ufeff", codec="utf-8")), step=st.integers(1, 9))
def test_chunks_make_no_difference(text: str, step: int):
    """Also where one ends in the middle of a character."""
    assert decoded(text.encode(), step=step) == text.encode()
    assert decoded(text.encode("utf-16"), charset="utf-16", step=step) == text.encode()


def test_size_and_digest_are_those_of_the_uploaded_file():
    """After decompression, before the charset is undone."""
    raw = TEXT.encode("utf-16")
    decoder = Decoder(content_encoding="gzip", charset="utf-16", limit_bytes=10**6)
    list(decoder.feed(gzip.compress(raw)))
    list(decoder.finish())
    assert (decoder.size_bytes, decoder.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())


@pytest.mark.parametrize(
    ("body", "encoding", "charset", "error", "code"),
    [
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "gzip", "utf-8", BrokenUpload, "broken_upload"),
        (zstd.compress(TEXT.encode())[:-2], "zstd", "utf-8", BrokenUpload, "broken_upload"),
        (TEXT.encode(), "gzip", "utf-8", BrokenUpload, "broken_upload"),
        (TEXT.encode(), "zstd", "utf-8", BrokenUpload, "broken_upload"),
        (TEXT.encode(), "br", "utf-8", UnsupportedMedia, "unsupported_encoding"),
        (TEXT.encode(), None, "klingon", UnsupportedMedia, "unsupported_charset"),
        (TEXT.encode(), None, "base64", UnsupportedMedia, "unsupported_charset"),
        (TEXT.encode(), None, "rot13", UnsupportedMedia, "unsupported_charset"),
        (TEXT.encode(), None, "utf-7", UnsupportedMedia, "unsupported_charset"),
        (TEXT.encode(), None, "punycode", UnsupportedMedia, "unsupported_charset"),
    ],
)
@pytest.mark.parametrize("step", [3, 10**6])
def test_what_cannot_be_undone_is_refused(
    body: bytes, encoding: str | None, charset: str, error: type[CallerError], code: str, step: int
):
    """The code is stable."""
    with pytest.raises(error) as refused:
        decoded(body, encoding=encoding, charset=charset, step=step)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("body", "charset", "code", "good"),
    [
        (b"email\nZo\xc3\xab\xff\n", "utf-8", "bad_bytes", "email\nZoë"),
        (b"email\nZo\xc3", "utf-8", "bad_bytes", "email\nZo"),
        (b"email\n\xed\xa0\x80", "utf-8", "bad_bytes", "email\n"),
        (b"email\nZo\xeb", "ascii", "bad_bytes", "email\nZo"),
        (b"\xff\xfee\0m\0\n\0\x00\xd8x\0", "utf-16", "bad_bytes", "em\n"),
        (b"email\na\0b", "utf-8", "nul_byte", "email\na"),
        ("email\na".encode("utf-16-le"), "utf-8", "nul_byte", "e"),
    ],
)
@pytest.mark.parametrize("step", [1, 3, 10**6])
def test_what_is_no_text_is_told_behind_all_the_text_before_it(
    body: bytes, charset: str, code: str, good: str, step: int
):
    """So that whoever reads the text knows where it is."""
    decoder = Decoder(content_encoding=None, charset=charset, limit_bytes=10**6)
    found = b""
    with pytest.raises(Unreadable) as reason:
        for at in range(0, len(body), step):
            for text in decoder.feed(body[at : at + step]):
                found += text
        for text in decoder.finish():
            found += text
    assert reason.value.code == code
    assert found == good.encode()


LEADS_16 = "email,firstName\r\nzoe@example.com,Zoë\r\n"


@pytest.mark.parametrize(
    ("charset", "written", "says"),
    [
        ("utf-16", "utf-16-le", "`charset=utf-16-le`"),
        ("utf-16", "utf-16-be", "`charset=utf-16-be`"),
        ("utf_16", "utf-16-le", "`charset=utf-16-le`"),
        ("utf-32", "utf-32-le", "`charset=utf-32-le`"),
        ("utf-32", "utf-32-be", "`charset=utf-32-be`"),
        ("utf-16", "utf-8", "`charset=utf-8`"),
        ("utf-8", "utf-16", "`charset=utf-16`"),
        ("utf-8", "utf-16-le", "`charset=utf-16-le`"),
        ("utf-8", "cp1252", "`charset=cp1252`"),
        ("ascii", "utf-8", "`charset=utf-8`"),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_NOT_A_GUESS_a_wrong_charset_is_told_the_right_one(charset: str, written: str, says: str, step: int):
    """UTF-16 and UTF-32 without the mark that says their bytes' order too: it is said, not assumed."""
    body = LEADS_16.encode(written)
    decoder = Decoder(content_encoding=None, charset=charset, limit_bytes=10**6)
    with pytest.raises(Unreadable) as reason:
        for at in range(0, len(body), step):
            list(decoder.feed(body[at : at + step]))
        list(decoder.finish())
    if step == 10**6:  # what has come is what is looked at
        assert says in reason.value.remedy


def charsets() -> list[str]:
    """All that Python has, and that are taken here."""
    found = []
    for name in sorted({*encodings.aliases.aliases.values(), "utf-8-sig"}):
        with suppress(UnsupportedMedia):
            Decoder(content_encoding=None, charset=name, limit_bytes=10)
            found.append(name)
    return found


@pytest.mark.parametrize("charset", charsets())
@pytest.mark.parametrize(
    "body",
    [
        bytes(range(256)),
        bytes(range(255, -1, -1)),
        b"\xff" * 9,
        b"\x1b$B\x80",
        b"~{\xff",
        b"+AA-",
        b"a\0b\0",
        "é,ñ".encode(),
    ],
)
def test_whatever_the_bytes_and_the_charset_they_are_text_or_unreadable(charset: str, body: bytes):
    """No codec's own error comes through."""
    for step in (1, 3, 1000):
        with suppress(Unreadable, BadFile):
            decoded(body, charset=charset, step=step)


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_a_bomb_is_refused_before_it_has_gone_off(encoding: str, pack):
    """64 MiB of blanks in some kilobytes cost a few megabytes."""
    bomb = pack(b" " * (1 << 26))
    decoder = Decoder(content_encoding=encoding, charset="utf-8", limit_bytes=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            list(decoder.feed(bomb))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_body_that_unpacks_to_a_thousand_times_its_size_is_refused_whatever_the_limit():
    """Nobody's rows shrink so; small files may."""
    packed = zstd.compress(b"a,b\n" * (1 << 25))
    assert len(packed) * 1000 < 1 << 26
    decoder = Decoder(content_encoding="zstd", charset="utf-8", limit_bytes=1 << 40)
    with pytest.raises(TooLarge) as refused:
        for _ in decoder.feed(packed):
            pass
    assert refused.value.code == "compression_bomb"
    assert decoded(zstd.compress(b"a,b\n" * 100_000), encoding="zstd", step=10**6) == b"a,b\n" * 100_000
