"""The record key of each row, that is the values by which Marketo finds its record, as a digest of 64 bits.

Two rows with the same key must have the same digest, or they may be at Marketo at the same time and become two records.
Two keys with the same digest only wait for each other. So keys that Marketo takes for equal are made equal here, and
some more: case, blanks around, accents, quotes and leading zeros of a whole number do not count. Values that are
written in two ways, such as `1.5` and `1.50` or a date in two forms, are different keys.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.ma  # np.unique loads it when first asked: nothing is loaded while the service works
from numpy.typing import NDArray

from app.files.records import QUOTE, STEP_BYTES, Flags, Offsets, Records, RecordScanner, buffer_of

Digests = NDArray[np.uint64]

LONGEST_BYTES = 64  # of a normalised key; a longer one is first hashed to 16 bytes
LARGE_CHARACTERS = 1 << 16  # a longer cell is no key: Marketo's longest field has 30,000 bytes
STRETCH_CHARACTERS = 1 << 12  # of a cell that are normalised at once
BLANK = 0x20  # the blank; below it are the tabulator and other invisible characters
SHOW_NOTHING = "".join(letter for letter in map(chr, range(0x3001)) if letter <= " " or letter.isspace())
MOST_BLANKS = 64  # that are removed for all rows at once

NONE, ONE = np.uint64(0), np.uint64(1)
SPREAD, MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)  # odd, so multiplying loses no bits
ONES = 0x0101010101010101  # a one in each byte: eight bytes are processed as one word
HIGH = np.uint64(0x80 * ONES)
QUOTES = np.uint64(QUOTE * ONES)
BELOW = np.array([(1 << 8 * size) - 1 for size in range(8)] + [(1 << 64) - 1], np.uint64)  # the first bytes of a word


def key_places(columns: Sequence[str], key_columns: Iterable[str]) -> list[int]:
    """The positions of the key's columns in a row, in the order in which they are digested. Case does not count."""
    names = [name.lower() for name in columns]
    return [names.index(name.lower()) for name in sorted(key_columns, key=str.lower)]


def digests_of(records: Records, columns: Sequence[int]) -> Digests:
    """The digest of each row's key; NONE for a row whose key's cells are all blank."""
    mixed, has_key = np.zeros(len(records), np.uint64), np.zeros(len(records), bool)
    for column in columns:
        digests, has_value = _of_column(records, column)
        mixed = _mixed(mixed, digests)
        has_key |= has_value
    return np.where(has_key, np.maximum(mixed, ONE), NONE)


def digests_of_file(text: bytes, delimiter: str, columns: Sequence[int]) -> Digests:
    """The digest of each row's key in a whole file, without the header."""
    scanner = RecordScanner(delimiter)
    blocks = [digests_of(scanner.feed(text[at : at + STEP_BYTES]), columns) for at in range(0, len(text), STEP_BYTES)]
    return np.concatenate([*blocks, digests_of(scanner.finish(), columns)])[1:]


def distinct(digests: Digests) -> Digests:
    """The digests without NONE, sorted, each once: the form in which a part's keys are stored and compared."""
    ordered = np.sort(digests[digests != NONE])
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(ordered)]]


def as_bytes(digests: Digests) -> bytes:
    """The stored form of digests: eight bytes each, little-endian."""
    return digests.astype("<u8").tobytes()


def from_bytes(stored: bytes) -> Digests:
    return np.frombuffer(stored, "<u8")


def _of_column(records: Records, column: int) -> tuple[Digests, Flags]:
    starts, ends, there = records.cells(column)
    padded = records.text + bytes(8)
    inner_starts, inner_ends = _trimmed(padded, *_unquoted(padded, starts, ends))
    sizes = np.where(there, inner_ends - inner_starts, 0)
    there = sizes > 0
    digests, plain = _of_plain(padded, inner_starts, np.minimum(sizes, LONGEST_BYTES))
    special = np.flatnonzero(there & ~(plain & (sizes <= LONGEST_BYTES)))
    if len(special):
        keys = [_normalised(records.text[starts[row] : ends[row]]) for row in special]
        digests[special] = _of_bytes(keys)
        there[special] = [bool(key) for key in keys]
    return digests, there


def _unquoted(padded: bytes, starts: Offsets, ends: Offsets) -> tuple[Offsets, Offsets]:
    quoted = (buffer_of(padded)[starts] == QUOTE) & (ends > starts + 1)
    return starts + quoted, ends - quoted


def _trimmed(padded: bytes, starts: Offsets, ends: Offsets) -> tuple[Offsets, Offsets]:
    """Cells without blanks around. One with very many blanks keeps some, and so is not plain."""
    buffer = buffer_of(padded)
    for _ in range(MOST_BLANKS):
        if not (blank := (buffer[starts] <= BLANK) & (starts < ends)).any():
            break
        starts = starts + blank
    for _ in range(MOST_BLANKS):
        if not (blank := (buffer[ends - 1] <= BLANK) & (starts < ends)).any():
            break
        ends = ends - blank
    return starts, ends


def _of_plain(padded: bytes, starts: Offsets, sizes: Offsets) -> tuple[Digests, Flags]:
    """(digests of the keys in lower case, which of them are plain): the others have non-ASCII, quotes, or zeros."""
    words = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))  # the eight bytes from each byte on
    buffer = buffer_of(padded)
    first, last = buffer[starts], buffer[starts + np.maximum(sizes - 1, 0)]
    plain = (first != ord("0")) & (first != ord("+")) & (first > BLANK) & (last > BLANK)
    mixed = _begun(sizes)
    for at in range(0, int(sizes.max(initial=0)), 8):
        rest = np.clip(sizes - at, 0, 8)
        word = words[np.minimum(starts + at, len(words) - 1)] & BELOW[rest]
        plain &= ((word & HIGH) == 0) & ~_holds_quote(word)
        mixed = np.where(rest > 0, _mixed(mixed, _lower(word)), mixed)
    return _ended(mixed), plain


def _of_bytes(keys: Iterable[bytes]) -> Digests:
    """The digests of normalised keys: the same that _of_plain gives."""
    lines = list(keys)
    sizes = np.array([len(line) for line in lines], np.int64)
    return _of_plain(b"".join(lines) + bytes(8), np.cumsum(sizes) - sizes, sizes)[0]


def _normalised(cell: bytes) -> bytes:
    """The form of a cell that all equal cells share; at most LONGEST_BYTES."""
    text = _without_zeros(cell.replace(b'"', b"").decode().strip(SHOW_NOTHING))
    digest = hashlib.blake2b(digest_size=16)
    if len(text) <= LARGE_CHARACTERS:
        key = _without_zeros("".join(_bare(text)).strip(SHOW_NOTHING)).encode()
        if len(key) <= LONGEST_BYTES:
            return key
        digest.update(key)
    else:  # no record could be found by such a long value, so its ends are not normalised any further
        for stretch in _bare(text):
            digest.update(stretch.encode())
    return digest.digest()


def _without_zeros(text: str) -> str:
    """A whole number without leading zeros and plus; any other text unchanged."""
    digits = text.removeprefix("+")
    return digits.lstrip("0") or "0" if digits.isascii() and digits.isdigit() else text


def _bare(text: str) -> Iterator[str]:
    """A text without accents and case, in blocks: one letter may become eighteen."""
    for at in range(0, len(text), STRETCH_CHARACTERS):
        letters = unicodedata.normalize("NFKD", text[at : at + STRETCH_CHARACTERS])
        bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
        yield unicodedata.normalize("NFKD", bare.casefold())


def _holds_quote(word: Digests) -> Flags:
    """Which of these words have a quote among their eight bytes."""
    unlike = word ^ QUOTES
    has_quote: Flags = ((unlike - np.uint64(ONES)) & ~unlike & HIGH) != 0
    return has_quote


def _lower(word: Digests) -> Digests:
    """Eight ASCII letters in lower case, at once: 0x20 is added to those from A to Z."""
    seven = word & ~HIGH
    from_a, beyond_z = seven + np.uint64((0x80 - ord("A")) * ONES), seven + np.uint64((0x7F - ord("Z")) * ONES)
    capital: Digests = from_a & ~beyond_z & ~word & HIGH
    return word | capital >> np.uint64(2)


def _begun(sizes: Offsets) -> Digests:
    return sizes.astype(np.uint64) * MIX


def _mixed(digests: Digests, word: Digests) -> Digests:
    digests = (digests ^ word) * SPREAD
    return digests ^ digests >> np.uint64(29)


def _ended(digests: Digests) -> Digests:
    digests = digests * MIX
    return digests ^ digests >> np.uint64(32)


def share_any(first: Digests, second: Digests) -> bool:
    """Whether two parts have a record key in common."""
    less, more = sorted((first, second), key=len)
    return bool(len(less)) and bool((more[np.minimum(np.searchsorted(more, less), len(more) - 1)] == less).any())
