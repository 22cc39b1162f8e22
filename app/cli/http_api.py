"""Serves the HTTP API with uvicorn. A process whose role is `worker` does not load this module, nor `app.api`."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from app.api.app import create_app
from app.api.connections import SPARE_CONNECTIONS, Connections
from app.api.owner import for_owner
from app.api.protocol import BoundedProtocol
from app.container import Container
from app.pages import site
from app.settings import Settings

log = structlog.get_logger()

TICKS_PER_SECOND = 10  # uvicorn's
OWNERS_CONNECTIONS = 10
OTHER_FILES = 1_128  # open files for the database, Marketo, forms' temporary files, the log; 1,000 for webhooks


class HttpApi(uvicorn.Server):
    """uvicorn with an application."""

    def __init__(self, app: ASGIApp, settings: Settings, connections: int) -> None:
        self._connections = Connections(connections)
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(BoundedProtocol, self._connections),  # type: ignore[arg-type]  # uvicorn only calls it
                ws="none",
                log_config=None,
                access_log=False,
                lifespan="off",
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_keep_alive=settings.keep_alive_seconds,  # type: ignore[arg-type]  # a timer takes fractions too
                timeout_graceful_shutdown=max(1, round(settings.shutdown_seconds)),
            )
        )

    async def serve_until(self, door: socket.socket, stop: asyncio.Event) -> None:
        """Answer what comes to this socket until `stop` is set. Sets it itself when serving ends otherwise."""

        async def end() -> None:
            await stop.wait()
            self.should_exit = True

        ending = asyncio.create_task(end())
        try:
            await self.serve(sockets=[door])
        finally:
            ending.cancel()
            stop.set()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SECOND == 0:
            self._connections.end_overdue(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to us: uvicorn would raise them again at its end, before the worker has drained."""
        yield


def build_app(container: Container) -> FastAPI:
    """API and pages, as one application."""
    app = create_app(container, routes=site.ROUTES, html_errors=site.ERRORS)
    site.install(app, container.now)
    return app


def build_http_apis(container: Container) -> tuple[HttpApi, HttpApi]:
    """(the API for everybody, the same for whoever comes by the socket of the database's owner)."""
    app, settings = build_app(container), container.settings
    return (
        HttpApi(app, settings, _possible_connections(settings.connections)),
        HttpApi(for_owner(app, container), settings, OWNERS_CONNECTIONS),
    )


def _possible_connections(limit: int) -> int:
    """How many connections there are open files for: each is a file, and enough files must be left for all else."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limit + SPARE_CONNECTIONS + OTHER_FILES
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    possible = max(1, soft - SPARE_CONNECTIONS - OTHER_FILES)
    if possible < limit:
        log.warning("fewer connections than SLUICE_CONNECTIONS: the limit of open files", limit=possible, files=soft)
    return min(limit, possible)
