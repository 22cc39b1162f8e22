"""The keys of SLUICE_ENCRYPTION_KEYS as they are written."""

import base64

import pytest

from app.encryption.keyring import read_keys
from tests.support.keys import FIRST, SECOND

SECRET = bytes(range(32))


@pytest.mark.parametrize(
    "written",
    [
        base64.b64encode(SECRET).decode(),
        base64.b64encode(SECRET).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET).decode(),
        SECRET.hex(),
        SECRET.hex().upper(),
        f"  {SECRET.hex()} ",
    ],
)
def test_a_key_is_32_bytes_in_base64_or_hexadecimal(written: str):
    """However it is written, it is the same key, with the same name."""
    ring = read_keys(written)
    assert ring.first is not None
    assert ring.first.secret == SECRET
    assert ring.first.fingerprint == read_keys(SECRET.hex()).first.fingerprint  # type: ignore[union-attr]


def test_the_first_key_writes_and_all_read():
    """In the order in which they are written."""
    ring = read_keys(f"{FIRST}, {SECOND}")
    assert ring.first == read_keys(FIRST).first
    assert set(ring.keys) == {*read_keys(FIRST).keys, *read_keys(SECOND).keys}
    assert ring.missing([*ring.keys, "another"]) == ["another"]


def test_clear_in_the_first_place_writes_in_the_clear():
    """The keys behind it read; none may be left out only by that word."""
    ring = read_keys(f"clear,{FIRST}")
    assert (ring.first, list(ring.keys)) == (None, list(read_keys(FIRST).keys))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "key 1 is not 32 bytes"),
        ("short", "key 1 is not 32 bytes"),
        (f"{FIRST},{SECRET[:31].hex()}", "key 2 is not 32 bytes"),
        (f"{FIRST},", "key 2 is not 32 bytes"),
        (f"{FIRST},{FIRST}", "stands there twice"),
        (f"{FIRST},clear", "only stand in the first place"),
        ("00" * 32, "one byte 32 times over"),
        ("no base64 at all, neither", "key 1 is not 32 bytes"),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_told(written: str, why: str):
    """The sentence says which one it is, and nothing of it."""
    with pytest.raises(ValueError, match=why) as refused:
        read_keys(written)
    assert not any(
        word.strip() and word.strip() in str(refused.value) for word in written.split(",") if word != "clear"
    )


def test_a_fingerprint_and_a_representation_give_nothing_away():
    """They stand in logs and in tracebacks."""
    first = read_keys(SECRET.hex()).first
    assert first is not None
    assert len(first.fingerprint) == 16
    assert first.fingerprint not in SECRET.hex()
    assert repr(SECRET) not in repr(read_keys(SECRET.hex()))
