"""A SQLite database's file: one process has it, and it is for its owner alone."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger()

PRIVATE = 0o600  # the mode of the file and of all that is beside it
LOG = "-wal"
BESIDE = (LOG, "-shm", "-journal")


class DatabaseBusy(Exception):
    """Another process has this SQLite file open. A service listens to the file's owner at `socket`."""

    def __init__(self, message: str, socket: Path) -> None:
        super().__init__(message)
        self.socket = socket


@dataclass
class SqliteFile:
    path: Path
    _lock: IO[str] | None = None

    def claim(self) -> None:
        """Make this process the file's only one; the lock dies with the process. Errors: DatabaseBusy."""
        if self._lock:
            return
        handle = _opened(self._beside(".lock"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            raise DatabaseBusy(
                f"Another process has {self.path}. SQLite takes one process; stop that one, or use PostgreSQL.",
                self.socket,
            ) from None
        self._lock = handle
        _opened(self._resolved).close()  # made by us, it is private from its first byte
        for name in BESIDE:
            if (file := self._beside(name)).exists():
                _make_private(file)

    def release(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    @contextmanager
    def migrating(self) -> Iterator[None]:
        """Those who bring the schema up to date take turns: wait until nobody else does."""
        with _opened(self._beside(".migrate.lock")) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @property
    def socket(self) -> Path:
        """Where the process that has the file can be spoken to."""
        return self._beside(".socket")

    @property
    def log_bytes(self) -> int:
        """Size of the write-ahead log beside it."""
        with suppress(FileNotFoundError):
            return self._log.stat().st_size
        return 0

    @cached_property
    def folder(self) -> Path:
        """Where it and what is beside it are."""
        return self._resolved.parent

    @cached_property
    def _log(self) -> Path:
        return self._beside(LOG)

    @cached_property
    def _resolved(self) -> Path:
        return self.path.resolve()  # by whatever name it is called

    def _beside(self, name: str) -> Path:
        return self._resolved.with_name(self._resolved.name + name)


def _opened(file: Path) -> IO[str]:
    """A file for its owner alone, made where there is none. Errors: OSError."""
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, PRIVATE))
    _make_private(file)
    return file.open("r+")


def _make_private(file: Path) -> None:
    """SQLite gives what it puts beside its file the same mode."""
    if stat.S_IMODE(file.stat().st_mode) & ~PRIVATE:
        try:
            file.chmod(PRIVATE)
        except PermissionError:
            log.warning("others may read this file, and it is not ours to change that", file=str(file))
