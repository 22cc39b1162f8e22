"""The container with its database open: for the service, and for commands that work without a running service."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import typer
from sqlalchemy.exc import OperationalError

import migrations
from app import logs
from app.cli.client import fail
from app.cli.startup import CannotStart
from app.clock import machine_seconds
from app.container import Container, build_container
from app.settings import Settings
from app.store import data_keys, instances, schema
from app.store.sqlite_file import DatabaseBusy
from app.terminal import harmless
from app.tracing import NO_TRACER, Tracer

CANNOT = (CannotStart, DatabaseBusy)
LOOK_SECONDS = 0.5  # between two tries to open a database that is waited for


@asynccontextmanager
async def opened(settings: Settings, *, tracer: Tracer = NO_TRACER) -> AsyncIterator[Container]:
    """The container with its database claimed, its schema one that this version works with, a row for each instance.

    Errors: CannotStart, DatabaseBusy.
    """
    container = build_container(settings, tracer=tracer)
    try:
        why, is_newer = await asyncio.to_thread(_claim, container)
        if why and settings.on_sqlite and not is_newer:
            await asyncio.to_thread(migrations.upgrade, settings.database_url)
        elif why:
            raise CannotStart(f"SLUICE_DATABASE_URL: {why}.")
        await _check_keys(container)
        await container.timekeeper.begin()
        async with container.db.write() as tx:
            await instances.ensure(tx, settings.instances)
        yield container
    finally:
        await container.close()


async def _check_keys(container: Container) -> None:
    """Refuse to work where something is sealed by a key that is not in the settings. Errors: CannotStart."""
    async with container.db.read() as tx:
        if missing := await data_keys.what_is_missing_here(tx):
            raise CannotStart(f"{missing}.")


@asynccontextmanager
async def opened_for_reading(settings: Settings) -> AsyncIterator[Container]:
    """The container on a database that is only read: its schema must be this version's, and is not changed.

    Errors: CannotStart, DatabaseBusy.
    """
    container = build_container(settings)
    try:
        why, _ = await asyncio.to_thread(_claim, container)
        if why:
            raise CannotStart(f"SLUICE_DATABASE_URL: {why}.")
        yield container
    finally:
        await container.close()


def _claim(container: Container) -> tuple[str | None, bool]:
    """Open the database, for this process alone where it is a file.

    (why this version cannot work with its schema, or None; whether that schema is newer). Errors: CannotStart,
    DatabaseBusy.
    """
    try:
        container.db.claim_file()
        revision, oldest = migrations.revisions(container.settings.database_url)
    except (OSError, OperationalError) as reason:
        raise _cannot_open(reason) from None
    return schema.refusal(revision, migrations.head(), oldest), schema.is_newer(revision, migrations.head())


def _cannot_open(reason: Exception) -> CannotStart:
    why = str(getattr(reason, "orig", None) or reason).strip().splitlines()[0]
    return CannotStart(f"SLUICE_DATABASE_URL: the database cannot be opened: {why}")


def migrate(settings: Settings, *, wait_seconds: float = 0) -> str:
    """Bring the schema up to date and return its revision. What prevents that ends the command.

    Several at once take turns: each but the first has nothing left to do. A database that cannot be opened is waited
    for, whatever the reason: one that is just being set up refuses its user, too. A newer schema that this version
    works with is left as it is.
    """
    logs.configure(settings)
    try:
        with build_container(settings).db.migrating():
            _wait_for(settings, wait_seconds)
            _migrate(settings)
    except OSError as reason:
        fail(str(_cannot_open(reason)))
    except CANNOT as reason:
        fail(str(reason))
    return str(migrations.revision(settings.database_url))


def _wait_for(settings: Settings, wait_seconds: float) -> None:
    """Return once the server can be reached and has the database, or the time is up. Each reason is told once.

    A file needs no waiting for.
    """
    if settings.on_sqlite:
        return
    until = machine_seconds() + wait_seconds
    told = ""
    while (left := until - machine_seconds()) > 0:
        try:
            migrations.revision(settings.database_url)
        except OperationalError as reason:
            if told != (told := str(_cannot_open(reason))):
                typer.echo(harmless(f"{told}. Waiting for {left:.0f} seconds at most."), err=True)
            time.sleep(min(LOOK_SECONDS, left))
        else:
            return


def _migrate(settings: Settings) -> None:
    """Errors: CannotStart, DatabaseBusy."""
    container = build_container(settings)
    try:
        why, is_newer = _claim(container)
        if why and is_newer:
            raise CannotStart(f"SLUICE_DATABASE_URL: {why}.")
        if not is_newer:
            migrations.upgrade(settings.database_url)
    except migrations.StillLocked as reason:
        raise CannotStart(f"SLUICE_DATABASE_URL: {reason}.") from None
    finally:
        asyncio.run(container.close())
