"""Bodies packed so that undoing it is the work, not what comes out."""

import gzip
from collections.abc import Callable

import pytest

from app.domain.errors import BrokenUpload
from app.files.compression import pack
from app.files.decompression import unpacker
from tests.support.growth import calls

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
