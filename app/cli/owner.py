"""What the database's owner does: in the database itself, or by the process that has its SQLite file."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from app import logs
from app.cli import owner_socket
from app.cli.client import fail, read_json
from app.cli.database import CANNOT, opened
from app.container import Container
from app.domain.errors import CallerError
from app.settings import load
from app.store.sqlite_file import DatabaseBusy

InDatabase = Callable[[Container], Awaitable[Any]]
OverSocket = Callable[[httpx.Client], httpx.Response]


def in_database_or_over_socket(in_database: InDatabase, over_socket: OverSocket) -> Any:
    """What comes of it in the database; where a service has its file, what that service answers."""

    async def run() -> Any:
        async with opened(settings) as container:
            return await in_database(container)

    settings = load()
    logs.configure(settings)  # to stderr: what a script reads is the answer alone
    try:
        return asyncio.run(run())
    except CallerError as mistake:
        fail(mistake.message)
    except DatabaseBusy as busy:
        return _ask_holder(busy, over_socket)
    except CANNOT as reason:
        fail(str(reason))


def _ask_holder(busy: DatabaseBusy, over_socket: OverSocket) -> Any:
    """The answer of the service that has the SQLite file. Where none listens, the command ends with a sentence."""
    try:
        with owner_socket.client(busy.socket) as service:
            answer = over_socket(service)
    except (httpx.TransportError, OSError):
        fail(str(busy))
    return read_json(answer) if answer.content or not answer.is_success else None
