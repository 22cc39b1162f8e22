"""The pages behind a socket of their own, on the database of a day; no worker, so that the day stays as it is."""

import asyncio
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from app.cli.http_api import build_app
from app.container import build_container
from app.domain.api_keys import Scope
from app.settings import exactly
from tests.support import databases
from tests.support.days import seed

INSTANCE = {"base_url": "https://123-abc-456.example.com", "client_id": "id", "client_secret": "secret"}


@dataclass(frozen=True)
class Site:
    url: str
    keys: dict[str, str]  # by scope, where keys are asked for; `own` is the client `crm-sync` with `submit`


@contextmanager
def site(day: str, *, auth: str = "off", **settings: Any) -> Iterator[Site]:
    """Served by a thread until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        path = Path(folder)
        (path / "template").mkdir()
        url = databases.sqlite_copy(databases.sqlite_template(path / "template"), path)
        names = ["default"] if day == "empty" else ["default", "eu-west"]
        known = exactly(
            database_url=url, auth=auth, disk_floor_bytes=0, instances=dict.fromkeys(names, INSTANCE), **settings
        )
        listener = socket.create_server(("127.0.0.1", 0))
        keys: dict[str, str] = {}
        ready, loop = threading.Event(), asyncio.new_event_loop()
        servers: list[uvicorn.Server] = []

        async def serve() -> None:
            container = build_container(known)
            try:
                await seed(container.db, day, datetime.now(UTC))
                for scope in Scope:
                    client = "crm-sync" if scope is Scope.SUBMIT else f"{scope}-person"
                    keys[scope] = (await container.keys.create(client, [scope]))[1]
                config = uvicorn.Config(build_app(container), log_config=None, lifespan="off")
                servers.append(uvicorn.Server(config))
                ready.set()
                await servers[0].serve(sockets=[listener])
            finally:
                ready.set()
                await container.close()

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
        thread.start()
        ready.wait()
        try:
            yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", keys)
        finally:
            if servers:
                servers[0].should_exit = True
            thread.join()
            loop.close()
            listener.close()
