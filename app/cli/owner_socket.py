"""The socket beside an SQLite file, by which commands reach the process that has the file.

SQLite takes one process, so a command cannot open the file of a running service. The socket has the file's mode: it
lets in who could write the file while the service is stopped, and nobody else.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import structlog

from app.cli.unix_socket import short_name
from app.store.sqlite_file import PRIVATE

log = structlog.get_logger()

HOST = "http://localhost"  # what is asked for over it; no name is looked up
TIMEOUT_SECONDS = 30.0


@contextmanager
def listening(path: Path) -> Iterator[socket.socket | None]:
    """A listening socket at this path, for the owner alone; None, with a warning, where there can be none.

    The caller has the database's lock: what is at the path was left by a process that has ended.
    """
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        with short_name(path) as name:
            mask = os.umask(0o777 & ~PRIVATE)  # it must never be open to others, not even for a moment
            try:
                door.bind(name)
            finally:
                os.umask(mask)
        door.listen()
    except OSError as reason:
        door.close()
        log.warning("`sluice keys` will not work while this service runs", socket=str(path), reason=reason.strerror)
        yield None
        return
    try:
        yield door
    finally:
        door.close()
        with suppress(FileNotFoundError):
            path.unlink()


@contextmanager
def client(path: Path) -> Iterator[httpx.Client]:
    """A client of the service that listens there. Errors: httpx.TransportError where there is none."""
    with (
        short_name(path) as name,
        httpx.Client(transport=httpx.HTTPTransport(uds=name), base_url=HOST, timeout=TIMEOUT_SECONDS) as found,
    ):
        yield found
