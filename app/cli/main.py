"""The command `sluice`: one line for each of its commands."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from app.cli import keys
from app.cli.actions import cancel, pause, resolve, resume, retry
from app.cli.check import check
from app.cli.check_database import check_database
from app.cli.demo import demo
from app.cli.reading import failures, status
from app.cli.serve import migrate, serve
from app.cli.settings import settings
from app.cli.simulate import simulate
from app.cli.submit import submit
from app.settings import SettingsError

BAD_USAGE = 2

app = typer.Typer(
    name="sluice",
    help="A durable queue in front of Marketo's Bulk Import.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
COMMANDS = (
    *(serve, migrate, simulate, demo),
    *(check, submit, status, failures),
    *(cancel, retry, resolve, pause, resume),
    *(settings, check_database),
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(keys.app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sluice {version('marketo-sluice')}")
        raise typer.Exit


@app.callback()
def sluice(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A durable queue in front of Marketo's Bulk Import."""


def main() -> None:
    """Exits 0 on success, 1 on failure, 2 on bad usage or settings."""
    try:
        app()
    except SettingsError as reason:
        for line in reason.lines:
            typer.echo(line, err=True)
        sys.exit(BAD_USAGE)
