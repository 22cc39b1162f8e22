"""The socket by which a process of ours answers `sluice health`.

The event loop itself answers, so a process that is stopped or stuck does not, whatever its files and its rows in the
database say. No port is taken, no clock is compared, and a database that is away makes nobody look dead: starting a
process anew brings no database back, and loses what is under way. The socket lies in the folder for temporary files, in
a folder of the user's own, so that nobody else can answer in its place.
"""

import asyncio
import errno
import json
import os
import socket
import stat
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from app.cli.unix_socket import short_name

SUFFIX = ".socket"


def folder() -> Path:
    """Where the sockets of this user's processes are."""
    return Path(tempfile.gettempdir()) / f"sluice-{os.geteuid()}"


@asynccontextmanager
async def answering(name: str, sign: Callable[[], dict[str, Any]]) -> AsyncIterator[None]:
    """Answer whoever connects with the JSON of `sign()`, until the block ends. Errors: OSError where none can be made.

    `name` is what the process is called where it does not answer.
    """

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(json.dumps(sign()).encode())
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    own = _own_folder()
    _clear_left_behind(own)
    path = own / f"{name}-{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}"
    server = await asyncio.start_unix_server(answer, sock=_listening(path))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        server.close()


def _own_folder() -> Path:
    """The folder, made if need be. Errors: OSError where it is another's, or open to others."""
    path = folder()
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, f"{path} is not this user's own folder")
    return path


def _clear_left_behind(own: Path) -> None:
    """Remove the sockets of killed processes: nobody takes a connection there."""
    for path in own.glob(f"*{SUFFIX}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, suppress(OSError), short_name(path) as address:
            line.setblocking(False)  # a frozen process may have no room for one more
            try:
                line.connect(address)
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)


def _listening(path: Path) -> socket.socket:
    """A socket that has its name only once it listens: one with that name that takes nobody is a dead process's."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    begun = path.with_suffix(".new")
    try:
        with short_name(begun) as name:
            door.bind(name)
        door.listen()
        begun.rename(path)
    except OSError:
        door.close()
        begun.unlink(missing_ok=True)
        raise
    return door
