"""The service itself, from its start to its end: what `sluice serve` runs."""

import asyncio
import importlib
import os
import signal
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import structlog

try:
    import uvloop
except ImportError:  # there is none for Windows
    uvloop = None  # type: ignore[assignment]
from app import logs
from app.api.webhook_data import WebhookData
from app.cli import memory, owner_socket, sign_of_life
from app.cli.client import fail
from app.cli.database import CANNOT, opened
from app.cli.preload import preload
from app.cli.startup import listening, url_of
from app.cli.tracing import build_tracer
from app.container import Container
from app.masking import masked_url
from app.settings import Settings, SettingsError, variable
from app.webhooks.duty import WebhookDuty
from app.worker.instance_worker import build_instance_worker
from app.worker.leases import Leases
from app.worker.maintenance import build_maintenance
from app.worker.runner import Worker
from app.worker.webhook_duty import build_webhook_duty

if TYPE_CHECKING:
    from app.cli.http_api import HttpApi

log = structlog.get_logger()


class Role(StrEnum):
    """What a process of the service does."""

    ALL = "all"
    API = "api"
    WORKER = "worker"


def run(settings: Settings, role: str, *, paused: bool = False) -> None:
    """Run the service until a signal comes. What prevents its start ends the command. Errors: SettingsError."""
    logs.configure(settings)
    preload()
    memory.keep_small()
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(running(settings, role=role, paused=paused))
    except CANNOT as reason:
        fail(str(reason))
    log.info("stopped")


def _loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed: reading while a file streams in takes half the time with it."""
    return uvloop.new_event_loop() if uvloop else asyncio.new_event_loop()


async def running(
    settings: Settings,
    *,
    role: str = Role.ALL,
    paused: bool = False,
    ready: asyncio.Event | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run the service in this event loop until `stop` is set, or SIGTERM or SIGINT comes; then drain and end.

    `paused`: with every instance paused, before anything is sent. `ready` is set once the API listens and the worker
    has begun. Errors: SettingsError, CannotStart, DatabaseBusy.
    """
    _check(settings, role)
    _warn(settings)
    stop = stop or asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals(stop, settings.shutdown_seconds))
        door = None if role == Role.WORKER else stack.enter_context(listening(settings.host, settings.port))
        container = await stack.enter_async_context(opened(settings, tracer=build_tracer()))
        if stop.is_set():  # it came while the database was opened, or its schema brought up to date
            return
        if paused:
            await container.restored.start_paused()
        file = container.db.file
        name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        worker = None if role == Role.API else await _worker(container, name)
        webhooks = None if role == Role.API else _webhook_duty(container, name)
        server, owners_server = _http_apis(container) if door else (None, None)
        owners_door = stack.enter_context(owner_socket.listening(file.socket)) if server and file else None
        if server and settings.auth == "on" and not await container.keys.everyone():
            log.warning("nobody has a key yet: make one with `sluice keys create`")
        await stack.enter_async_context(_sign_of_life(role, worker, door, stop))
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(duty) for duty in _duties(container)]
            timekeeping = group.create_task(container.timekeeper.run())
            working = [group.create_task(duty.run(stop)) for duty in (worker, webhooks) if duty]
            if server and door:
                beside.append(group.create_task(container.reports.monitor.run()))
                beside.append(group.create_task(memory.Trim(container.admission).run()))
                group.create_task(server.serve_until(door, stop))
            if owners_server and owners_door:
                group.create_task(owners_server.serve_until(owners_door, stop))
            group.create_task(_announce(server, door, ready or asyncio.Event(), stop))
            await stop.wait()
            container.subscriptions.end()  # those who wait are answered now, and can ask another process
            for task in beside:
                task.cancel()
            if working:  # what its last calls bring is written by the clock that counts, also if that is set meanwhile
                await asyncio.wait(working)
            timekeeping.cancel()


def _duties(container: Container) -> list[Coroutine[Any, Any, None]]:
    """What every process does besides its work, until it stops."""
    return [
        container.pg_notify.run(),
        container.follow.run(),
        container.cleanup.run(),
        container.schema_watch.run(),
    ]


def _check(settings: Settings, role: str) -> None:
    """Refuse a start that could not work, or that would let anybody in. Errors: SettingsError."""
    lines = []
    if not settings.instances:
        lines.append(
            "No Marketo instance is configured: set SLUICE_INSTANCES__DEFAULT__BASE_URL, "
            "SLUICE_INSTANCES__DEFAULT__CLIENT_ID and SLUICE_INSTANCES__DEFAULT__CLIENT_SECRET."
        )
    if role != Role.WORKER and settings.auth == "off" and not settings.on_loopback:
        lines.append(
            f"SLUICE_HOST: with SLUICE_AUTH=off the service listens on loopback only, and {settings.host} is not."
        )
    if role != Role.ALL and settings.on_sqlite:
        lines.append(f"--role {role}: SQLite takes one process; use --role all, or PostgreSQL.")
    if lines:
        raise SettingsError(lines)


def _warn(settings: Settings) -> None:
    """Warn of settings that work and are probably a mistake."""
    for name, instance in settings.instances.items():
        for knob, url in instance.in_clear.items():
            where = variable(f"instances__{name}__{knob}")
            log.warning(
                "credentials and rows go over the network unencrypted: use https", where=where, url=masked_url(url)
            )


async def _worker(container: Container, worker_name: str) -> Worker:
    maintenance = build_maintenance(container)
    if container.settings.on_sqlite:
        await maintenance.forget_uploads()
    return Worker(
        instance_workers={name: build_instance_worker(container, name) for name in container.settings.instances},
        maintenance=maintenance,
        leases=Leases(db=container.db, now=container.now, worker=worker_name, seconds=container.settings.lease_seconds),
        wakeup=container.wakeup,
        now=container.now,
        tick_seconds=container.settings.tick_seconds,
        shutdown_seconds=container.settings.shutdown_seconds,
        hit=container.hit,
    )


def _webhook_duty(container: Container, worker_name: str) -> WebhookDuty:
    """What webhooks say is in the words of the API, whose schemas are loaded here without the API itself."""
    return build_webhook_duty(container, WebhookData(), worker=worker_name)


def _http_apis(container: Container) -> "tuple[HttpApi, HttpApi]":
    """HTTP for everybody and for the database's owner, loaded only in a process that serves it.

    A worker alone starts sooner and takes less memory without.

    This is the only module that is loaded when it is needed; everything else is imported where it is used.
    """
    servers: tuple[HttpApi, HttpApi] = importlib.import_module("app.cli.http_api").build_http_apis(container)
    return servers


async def _announce(
    server: "HttpApi | None", door: socket.socket | None, ready: asyncio.Event, stop: asyncio.Event
) -> None:
    """Say where the API listens once it does."""
    while server and not server.started and not stop.is_set():  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    if door and not stop.is_set():
        log.info("serving", url=url_of(door), pages=f"{url_of(door)}/")
    ready.set()


@asynccontextmanager
async def _sign_of_life(
    role: str, worker: Worker | None, door: socket.socket | None, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Answers `sluice health`. Where that cannot be, a warning says so, and the service runs all the same."""

    def sign() -> dict[str, Any]:
        return {
            "is_stopping": stop.is_set(),
            "works": worker is not None,
            "beat_age_seconds": worker and worker.beat_age_seconds,
            "url": url_of(door) if door else None,
        }

    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(sign_of_life.answering(role, sign))
        except OSError as reason:
            log.warning("`sluice health` will not work", folder=str(sign_of_life.folder()), reason=reason.strerror)
        yield


@contextmanager
def _signals(stop: asyncio.Event, shutdown_seconds: float) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; where this is not the main thread, its owner sets it."""

    def begin_to_stop(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name, within_seconds=shutdown_seconds)
        stop.set()

    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin_to_stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
