"""A temporary file that nobody else can read."""

import tempfile

from app.encryption.vault import Vault
from tests.support.keys import FIRST, vault

ROWS = b"".join(b"p%d@example.com,zq7mark\n" % number for number in range(20_000))


def test_what_is_written_comes_back_from_the_beginning_and_is_not_on_the_disk():
    """In pieces of any size, and as often as it is read; without keys, or with `clear` first, it is as it was."""
    for keys, is_readable in ((Vault(), True), (vault("clear", FIRST), True), (vault(FIRST), False)):
        with tempfile.TemporaryFile() as file:
            spool = keys.spool(file)
            for at in range(0, len(ROWS), 7_001):
                spool.write(ROWS[at : at + 7_001])
            for size in (65_536, 1_001):
                spool.seek(0)
                assert b"".join(iter(lambda: spool.read(size), b"")) == ROWS  # noqa: B023
            spool.seek(0)
            assert spool.read(10) == ROWS[:10]
            file.seek(0)
            assert (b"zq7mark" in file.read()) is is_readable


def test_no_two_are_written_alike():
    """Each has a key of its own."""
    with tempfile.TemporaryFile() as one, tempfile.TemporaryFile() as other:
        for file in (one, other):
            vault(FIRST).spool(file).write(ROWS)
            file.seek(0)
        assert one.read() != other.read()
