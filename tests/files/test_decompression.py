"""Compressed bodies: members and frames, bombs, and what costs too much."""

import gzip
from collections.abc import Callable

import pytest

from app.domain.errors import BrokenUpload, UnsupportedMedia
from app.files.compression import pack, zstd
from app.files.decoding import Decoder
from app.files.decompression import unpacker
from tests.support.growth import calls


def decoded(body: bytes, *, encoding: str | None = None, charset: str = "utf-8", step: int = 7) -> bytes:
    decoder = Decoder(content_encoding=encoding, charset=charset, limit_bytes=10**6)
    found = [text for at in range(0, len(body), step) for text in decoder.feed(body[at : at + step])]
    return b"".join([*found, *decoder.finish()])


def test_a_zstd_window_that_would_fill_the_memory_is_refused_with_a_remedy():
    """RFC 9659 asks for 8 MiB; a frame may demand gigabytes."""
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
    wide = zstd.ZstdCompressor(options=options)
    body = wide.compress(b"email\na\n" * 1000) + wide.flush()
    with pytest.raises(BrokenUpload) as refused:
        decoded(body, encoding="zstd")
    assert refused.value.code == "zstd_window"
    assert "--long" in refused.value.message


def test_many_tiny_members_are_handed_on_as_few_pieces():
    """With each piece all that is held of a record is looked at again."""
    body = b"".join(gzip.compress(b"x") for _ in range(2_000))
    assert len(list(Decoder(content_encoding="gzip", charset="utf-8", limit_bytes=10**6).feed(body))) == 1


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": pack}


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("content", [b"", b"a"])
def test_a_body_of_very_many_tiny_members_is_refused(encoding: str, content: bytes):
    """Half a megabyte of them took five seconds: what follows on each was copied, and each made anew."""
    body = PACKERS[encoding](content) * 20_000
    with pytest.raises(BrokenUpload) as refused:
        list(unpacker(encoding).feed(body))
    assert "10001 tiny pieces" in refused.value.message


@pytest.mark.parametrize("encoding", PACKERS)
def test_many_members_are_taken_where_they_are_of_some_size(encoding: str):
    """As block-wise compressors make them; whatever follows on a member is not copied with it."""
    rows = b"".join(b"person%06d@example.com,Pat,%d\n" % (n, n * n) for n in range(5))
    member = PACKERS[encoding](rows)
    body = member * 12_000
    assert len(member) > 64

    def unpacked() -> bytes:
        return b"".join(unpacker(encoding).feed(body))

    assert unpacked() == rows * 12_000
    assert calls(unpacked) < 12 * 12_000


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("step", [1, 5, 1_000])
def test_members_and_frames_in_a_row_are_one_body_however_they_come(encoding: str, step: int):
    """As `cat a.gz b.gz` makes them."""
    body, unpack = PACKERS[encoding](b"email\n") + PACKERS[encoding](b"a@example.com\n"), unpacker(encoding)
    text = b"".join(piece for at in range(0, len(body), step) for piece in unpack.feed(body[at : at + step]))
    unpack.finish()
    assert text == b"email\na@example.com\n"


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_body_that_ends_in_the_middle_or_is_no_such_thing_is_refused(encoding: str):
    """Half a file must not pass for the whole."""
    unpack = unpacker(encoding)
    list(unpack.feed(PACKERS[encoding](b"email\n" * 100)[:-3]))
    with pytest.raises(BrokenUpload, match="ends in the middle"):
        unpack.finish()
    with pytest.raises(BrokenUpload, match=f"is not the {encoding}"):
        list(unpacker(encoding).feed(b"email,firstName\n" * 10))


@pytest.mark.parametrize("encoding", PACKERS)
def test_what_is_unpacked_comes_in_pieces_of_a_megabyte_at_most(encoding: str):
    """So that a bomb is noticed before it has gone off."""
    pieces = list(unpacker(encoding).feed(PACKERS[encoding](b" " * 3_500_000)))
    assert sum(map(len, pieces)) == 3_500_000
    assert max(map(len, pieces)) <= 1 << 20


def test_an_encoding_is_known_by_its_names():
    """Whatever their case; without one the body is taken as it is."""
    for name in (None, "", "identity", " Identity "):
        plain = unpacker(name)
        assert (list(plain.feed(b"a")), list(plain.feed(b"")), plain.memory_bytes) == ([b"a"], [], 0)
        plain.finish()
    for name in ("gzip", "x-gzip", "GZIP"):
        assert b"".join(unpacker(name).feed(gzip.compress(b"a"))) == b"a"
    with pytest.raises(UnsupportedMedia) as refused:
        unpacker("br")
    assert refused.value.code == "unsupported_encoding"
    assert "gzip, zstd or none" in refused.value.message


def test_a_window_counts_as_memory():
    """gzip's is 32 KiB; zstd's as large as what came out, up to 8 MiB."""
    assert unpacker("gzip").memory_bytes == 32_768
    unpack = unpacker("zstd")
    assert unpack.memory_bytes == 0
    compressor = zstd.ZstdCompressor()
    list(unpack.feed(compressor.compress(b"a" * 100_000) + compressor.flush(compressor.FLUSH_BLOCK)))
    assert unpack.memory_bytes == 100_000
