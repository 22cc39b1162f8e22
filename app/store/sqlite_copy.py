"""A copy of a SQLite database, made while the service goes on writing to it.

The copy is of one moment: it is read in one transaction, which keeps no writer waiting. Meanwhile the log beside the
file cannot begin anew, so it grows by what is written.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.store.sqlite_file import BESIDE, PRIVATE

PAGES_AT_ONCE = 2_000  # of 4 KiB: then progress is told, and whoever stops the command is heard
LOCKED_SECONDS = 30.0  # how long a lock is waited for, which others hold for a moment
UNFINISHED = ".unfinished"

Progress = Callable[[int, int], None]
"""Is told how many of how many pages are copied."""


class CopyFailed(Exception):
    """There is no copy, and the sentence says why. Nothing is left behind."""


@dataclass(frozen=True, slots=True)
class Copy:
    path: Path
    size_bytes: int
    revision: str  # of its schema


def copy(source: Path, target: Path, *, progress: Progress = lambda _done, _all: None) -> Copy:
    """Copy a database of any size, in little memory; check the copy, and give it its name only then.

    The source is opened for reading alone, so this may be done beside the process that has it. Nothing is overwritten,
    and the copy is for its owner alone. Errors: CopyFailed.
    """
    if not source.exists():
        raise CopyFailed(f"There is no database at {source}.")
    refuse_to_overwrite(target)
    try:
        with _unfinished(target) as unfinished:
            _read_into(source, unfinished, progress)
            revision = checked(unfinished)
            size_bytes = _kept(unfinished, target)
    except sqlite3.Error as reason:
        raise CopyFailed(f"The database could not be copied: {reason}.") from reason
    except OSError as reason:
        raise CopyFailed(f"{target} could not be written: {reason.strerror}.") from reason
    return Copy(target, size_bytes, revision)


def refuse_to_overwrite(target: Path) -> None:
    """Errors: CopyFailed."""
    if os.path.lexists(target):
        raise CopyFailed(f"{target} is there already, and is not overwritten: name another file.")
    if not target.parent.is_dir():
        raise CopyFailed(f"There is no directory {target.parent}.")


def checked(path: Path) -> str:
    """The revision of the schema in a file that nobody writes to, once SQLite finds it whole. Errors: CopyFailed."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as found:
        complaints = [row[0] for row in found.execute("PRAGMA integrity_check(3)")]
        if complaints != ["ok"]:
            raise CopyFailed(f"The copy is not whole, and is not kept: {'; '.join(complaints)}.")
        try:
            row = found.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            row = None
    if row is None:
        raise CopyFailed("This is no database of Sluice: it has no schema.")
    return str(row[0])


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """An empty file beside the target, for its owner alone from its first byte; gone afterwards, however that ends."""
    path = target.with_name(f".{target.name}.{os.getpid()}{UNFINISHED}")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE))
        yield path
    finally:
        for name in ("", *BESIDE):
            with suppress(FileNotFoundError):
                path.with_name(path.name + name).unlink()


def _read_into(source: Path, target: Path, progress: Progress) -> None:
    """Errors: sqlite3.Error."""

    def told(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)
        os.fdatasync(file.fileno())  # little by little: whoever commits meanwhile waits behind what is not yet synced

    address = f"file:{quote(str(source.resolve()))}?mode=ro"
    with (
        target.open("rb") as file,
        closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=LOCKED_SECONDS)) as read,
        closing(sqlite3.connect(target, isolation_level=None)) as written,
    ):
        written.execute("PRAGMA synchronous = OFF")  # we see to that
        read.execute("BEGIN")
        read.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # from here on it is that moment's
        read.backup(written, pages=PAGES_AT_ONCE, progress=told, sleep=0)
        read.execute("ROLLBACK")
        written.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it


def _kept(unfinished: Path, target: Path) -> int:
    """Give the whole copy its name, once it is on the disk. Its size. Errors: OSError, CopyFailed."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
        size_bytes = os.fstat(file.fileno()).st_size
    try:
        os.link(unfinished, target)  # where a rename would overwrite what came there meanwhile
    except FileExistsError:
        refuse_to_overwrite(target)
    except OSError:  # a file system without links
        refuse_to_overwrite(target)
        unfinished.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size_bytes
