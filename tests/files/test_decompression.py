"""Compressed bodies: members and frames, bombs, and what costs too much."""

import gzip

import pytest

from app.domain.errors import BrokenUpload
from app.files.compression import zstd
from app.files.decoding import Decoder


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
