"""Frames of zstd, one behind the other."""

from app.files.compression import STEP_BYTES, pack, unpacked


def test_packed_things_that_are_joined_unpack_as_one():
    """A part is packed piece by piece."""
    pieces = [b"email\n", b"a" * (3 * STEP_BYTES), b"", b"b\n"]
    assert b"".join(unpacked(b"".join(map(pack, pieces)))) == b"".join(pieces)


def test_what_is_unpacked_comes_in_bounded_steps():
    """Whoever sends it on never holds it whole."""
    assert max(map(len, unpacked(pack(b"a" * (5 * STEP_BYTES))))) <= STEP_BYTES
    assert list(unpacked(b"")) == []
