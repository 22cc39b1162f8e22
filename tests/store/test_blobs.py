"""Checksums of bytes: over several values, none of which may become part of another."""

import itertools

import pytest

from app.store import blobs


async def test_no_two_ways_to_divide_the_same_bytes_have_one_checksum():
    """A value that is missing is another thing than an empty one."""
    values = [(b"ab", b""), (b"a", b"b"), (b"", b"ab"), (b"ab", None), (None, b"ab"), (b"ab",), (b"-",), (None,)]
    sums = [await blobs.checksum(*contents) for contents in values]
    assert all(one != other for one, other in itertools.combinations(sums, 2))
    assert {len(one) for one in sums} == {32}


async def test_large_values_have_the_same_checksum_as_small_ones_would():
    """They are summed up in a thread."""
    halves = (b"x" * (1 << 17), b"y" * (1 << 17))
    assert await blobs.checksum(*halves) == blobs._summed(halves)


@pytest.mark.parametrize(
    ("content", "is_whole"), [(b"blob", True), (b"b1ob", False), (b"blo", False), (b"", False), (None, False)]
)
async def test_a_value_is_whole_where_its_checksum_is_still_the_same(content: bytes | None, is_whole: bool):
    """What has none passes: there were none once."""
    assert await blobs.is_whole(await blobs.checksum(b"blob"), content) is is_whole
    assert await blobs.is_whole(None, content)
