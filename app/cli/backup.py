"""`sluice backup`: a copy of a SQLite database while it is served."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

import migrations
from app.cli import tables
from app.cli.client import fail
from app.cli.reading import AsJson
from app.clock import machine_clock, machine_seconds, rfc3339
from app.settings import load
from app.store.database import sqlite_path
from app.store.schema import refusal
from app.store.sqlite_copy import Copy, CopyFailed, copy


def backup(
    to: Annotated[Path, typer.Argument(metavar="TO", help="The file to write. It must not be there yet.")],
    as_json: AsJson = False,
) -> None:
    """Copy a SQLite database while it is served. The copy is checked, is of one moment, and is for its owner alone.

    Nobody has to wait for it. It has all that Sluice keeps. For PostgreSQL use its own tools.

    Example: sluice backup /var/backups/sluice-2026-11-23.db
    """
    settings = load()
    if not settings.on_sqlite:
        fail("SLUICE_DATABASE_URL: `sluice backup` copies SQLite. For PostgreSQL use pg_dump, or its base back-ups.")
    began_at, began = machine_clock(), machine_seconds()
    try:
        made = _copied(sqlite_path(settings.database_url), to, quiet=as_json)
    except CopyFailed as reason:
        fail(str(reason))
    seconds = round(machine_seconds() - began, 1)
    if as_json:
        about = {"path": str(made.path), "bytes": made.size_bytes, "revision": made.revision}
        typer.echo(json.dumps(about | {"seconds": seconds, "began_at": rfc3339(began_at)}))
        return
    megabytes = f"{made.size_bytes / 1e6:,.1f} MB"
    typer.echo(f"{made.path}: {megabytes} in {seconds} s, whole, with the schema {made.revision}.")
    typer.echo(f"To restore it: sluice serve --paused, then sluice restored --since {rfc3339(began_at)}")
    if why := refusal(made.revision, migrations.head()):
        typer.echo(f"It is another version's: {why}.")


def _copied(source: Path, target: Path, *, quiet: bool) -> Copy:
    """Errors: CopyFailed."""
    with Progress(console=tables.console(), transient=True, disable=quiet) as shown:
        bar = shown.add_task("Copying", total=None)
        return copy(source, target, progress=lambda done, all_: shown.update(bar, completed=done, total=all_))
