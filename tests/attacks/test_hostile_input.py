"""What a caller with a key may write: however it is meant, it costs no more than its length."""

import tracemalloc
import unicodedata

import numpy as np
import pytest

from app.domain.answers import Field
from app.domain.preflight import complaint
from app.files.record_keys import _normalised, digests_of
from app.files.records import RecordScanner
from tests.support.growth import calls

BLOCK = 1 << 16  # of a file that comes in

LONG_LINES = {  # of one record each, over and over
    "quotes inside cells": b'a"b,',
    "quotes behind quoted cells": b'"a"b,',
    "one cell full of quotes": b'x"',
    "one quoted cell": b'"a""',
    "cells": b"a,",
    "one quoted cell of delimiters and line ends": b'"",\r\n',
}


class CountingScanner(RecordScanner):
    """Counts the bytes that are searched for the ends of cells."""

    searched = 0

    def _stops_of(self, text):
        self.searched += len(text)
        return super()._stops_of(text)


def scanned(line: bytes) -> tuple[bytes, int]:
    """(the first record of a file that is this line and another one, and comes a block at a time; bytes searched)."""
    scanner = CountingScanner(",")
    text, found = line + b"\nb\n", []
    for at in range(0, len(text), BLOCK):
        records = scanner.feed(text[at : at + BLOCK])
        found += [records[index] for index in range(len(records))]
    assert len(found) == 2
    return found[0], scanner.searched


@pytest.mark.parametrize("name", LONG_LINES)
def test_a_line_is_looked_at_once_however_long_it_is(name: str):
    """It used to be looked at anew with each block that came: 9 MB took 20 seconds."""
    one = LONG_LINES[name]
    short, long = [one * (blocks * BLOCK // len(one)) for blocks in (4, 8)]
    if name == "one quoted cell of delimiters and line ends":
        short, long = [b'"' + line + b'"' for line in (short, long)]
    record, searched = scanned(long)
    assert record == long + b"\n"
    assert searched < len(record) + 100
    assert calls(lambda: scanned(long)) < 2.1 * calls(lambda: scanned(short))


NUMBERS = [
    ("float", "1" * 100_000 + "x"),
    ("currency", "1" * 100_000 + "."),
    ("float", "1." + "1" * 100_000 + "e"),
    ("integer", "1" * 100_000),
    ("email", "a" * 100_000 + "@"),
    ("email", "a@" + "b." * 50_000),
    ("email", "a@" + "b" * 100_000 + "!"),
    ("date", "2026-11-23" * 10_000),
    ("datetime", "2026-11-23T10:00:00." + "1" * 100_000),
    ("boolean", "true" * 25_000),
]


@pytest.mark.parametrize(("kind", "cell"), NUMBERS)
def test_a_cell_is_measured_before_it_is_read(kind: str, cell: str):
    """40,000 digits took 95 seconds."""
    field = Field("amount", type=kind)
    assert complaint(field, cell) == f"amount has {len(cell)} characters, too many for a field of the type {kind}"
    some = cell[:999]
    assert calls(lambda: complaint(field, some)) < 20


@pytest.mark.parametrize("begun", ["0", "+0", "é", "\u0301", "ﷺ", "\u00a0", '"'], ids=str.encode)
def test_a_key_is_brought_to_its_form_in_a_time_that_goes_with_its_length(begun: str):
    """One that becomes eighteen letters must not become a gigabyte."""
    short, long = [(begun * n + "x").encode() for n in (2_000, 20_000)]
    assert calls(lambda: _normalised(long)) < 11 * calls(lambda: _normalised(short))
    tracemalloc.start()
    assert len(_normalised(long)) <= 64
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 16_000_000


def key_of(cell: str) -> int:
    scanner = RecordScanner(",")
    return int(digests_of(scanner.feed(f"{cell}\n".encode()), [0])[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0" * 5000 + "7", "7"),
        ("+" + "0" * 70_000 + "7", "7"),
        ("  " * 50_000 + "a@example.com", "A@example.com"),
        ("é" * 70_000, "E\u0301" * 70_000),
        ("0" * 5000, "+0"),
    ],
)
def test_equal_keys_have_one_digest_however_long_they_are_written(one: str, other: str):
    """ONE_KEY_AT_A_TIME needs it; above some length a cell is normalised in stretches."""
    assert key_of(one) == key_of(other)
    assert key_of(one + "x") != key_of(other)


def test_digests_do_not_depend_on_how_a_long_cell_falls_into_stretches():
    """A letter and its accent may be parted."""
    cell = "a" * 65_535 + "e\u0301" * 10
    assert key_of(cell) == key_of(unicodedata.normalize("NFC", cell))
    assert np.uint64(key_of(cell)) != 0
