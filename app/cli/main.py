"""The command `sluice`. Its commands are listed in commands.py."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from app.cli.commands import COMMANDS, LazyGroup
from app.settings import SettingsError

BAD_USAGE = 2

app = typer.Typer(
    name="sluice",
    cls=LazyGroup,
    help="A durable queue in front of Marketo's Bulk Import.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command(command.name, help=command.summary)(lambda: None)  # a placeholder: LazyGroup runs the command itself


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
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
