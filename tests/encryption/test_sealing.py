"""Sealed content: any change of it, of its order or of its place is found."""

import pytest

from app.encryption.errors import BrokenSeal
from app.encryption.sealing import CHUNK_BYTES, DataKey, unwrap, wrap

SEALED_CHUNK = 65_536 + 16
HEAD = 1 + 16  # version and salt
KEY = DataKey(bytes(range(32)))
CONTENT = b"".join(b"%06d," % number for number in range(30_000))  # four chunks


def chunks_of(sealed: bytes) -> list[bytes]:
    return [sealed[at : at + SEALED_CHUNK] for at in range(HEAD, len(sealed), SEALED_CHUNK)]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
def test_what_was_sealed_comes_back(size: int):
    """Around the chunks' ends, too; nothing of it can be read before."""
    content = CONTENT[:size]
    sealed = KEY.seal(content, "a")
    assert KEY.open(sealed, "a") == content
    assert content[:20] not in sealed or size < 20
    assert len(sealed) == HEAD + size + 16 * max(1, -(-size // CHUNK_BYTES))


def test_equal_contents_are_sealed_differently():
    """So nobody sees that two are equal."""
    assert KEY.seal(CONTENT, "a") != KEY.seal(CONTENT, "a")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[: HEAD + SEALED_CHUNK],  # as if the first chunk were all
        lambda sealed: sealed[: HEAD + 2 * SEALED_CHUNK],
        lambda sealed: sealed[:HEAD] + b"".join(reversed(chunks_of(sealed))),
        lambda sealed: sealed[:HEAD] + b"".join(chunks_of(sealed)[1:]),
        lambda sealed: sealed[:HEAD] + b"".join([chunks_of(sealed)[1], chunks_of(sealed)[0], *chunks_of(sealed)[2:]]),
        lambda sealed: sealed + chunks_of(sealed)[-1],
        lambda sealed: sealed + b"\0",
        lambda sealed: b"\x02" + sealed[1:],
        lambda sealed: sealed[:5] + bytes([sealed[5] ^ 1]) + sealed[6:],  # the salt
        lambda sealed: sealed[:-40] + bytes([sealed[-40] ^ 1]) + sealed[-39:],
        lambda sealed: sealed[:HEAD],
        lambda sealed: sealed[:7],
        lambda _: b"",
    ],
)
def test_a_cut_a_reordered_and_a_changed_chunk_are_found(spoil):
    """Each chunk knows its number, and whether it is the last."""
    with pytest.raises(BrokenSeal):
        KEY.open(spoil(KEY.seal(CONTENT, "a")), "a")


def test_it_opens_only_at_its_place_and_by_its_key():
    """What is another part's cannot stand for it."""
    sealed = KEY.seal(b"rows", "part-file/1/1")
    for key, context in ((KEY, "part-file/1/2"), (KEY, "part-file/11"), (DataKey.new(), "part-file/1/1")):
        with pytest.raises(BrokenSeal):
            key.open(sealed, context)


def test_a_chunk_of_another_sealing_does_not_fit():
    """Each has a key of its own."""
    one, other = KEY.seal(CONTENT, "a"), KEY.seal(CONTENT, "a")
    with pytest.raises(BrokenSeal):
        KEY.open(one[: HEAD + SEALED_CHUNK] + other[HEAD + SEALED_CHUNK :], "a")


def test_texts_are_sealed_with_their_place():
    """A row's cells open where they stand and nowhere else."""
    seal = KEY.for_texts("result-rows/1")
    sealed = seal.seal('["Ää", null]', "failures/1/7")
    assert seal.open(sealed, "failures/1/7") == '["Ää", null]'
    assert sealed != seal.seal('["Ää", null]', "failures/1/7")
    for other, place in ((seal, "failures/1/8"), (KEY.for_texts("result-rows/2"), "failures/1/7")):
        with pytest.raises(BrokenSeal):
            other.open(sealed, place)
    for broken in ("", "no base64!", sealed[:-4], sealed[:8]):
        with pytest.raises(BrokenSeal):
            seal.open(broken, "failures/1/7")


def test_equal_reasons_of_one_import_are_sealed_alike_and_of_another_differently():
    """A database can count them, and whoever reads it cannot compare imports."""
    seal, other = KEY.for_texts("result-rows/1"), KEY.for_texts("result-rows/2")
    assert seal.seal_alike("no email") == seal.seal_alike("no email") != seal.seal_alike("no emai1")
    assert seal.seal_alike("no email") != other.seal_alike("no email")
    assert seal.open(seal.seal_alike("no email")) == "no email"


def test_a_wrapped_key_opens_for_its_owner_alone():
    """And by the key that wrapped it."""
    master = bytes(range(1, 33))
    wrapped = wrap(master, b"a data key", "data-key/import/1/file")
    assert unwrap(master, wrapped, "data-key/import/1/file") == b"a data key"
    for secret, owner in ((master, "data-key/import/2/file"), (bytes(range(32)), "data-key/import/1/file")):
        with pytest.raises(BrokenSeal):
            unwrap(secret, wrapped, owner)
    with pytest.raises(BrokenSeal):
        unwrap(master, wrapped[:5], "data-key/import/1/file")


def test_a_data_key_shows_itself_to_nobody():
    """It would stand in a traceback."""
    assert repr(KEY.secret) not in repr(KEY)
