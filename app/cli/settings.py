"""`sluice settings`: what is configured, and from where."""

import json
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app import settings as knobs
from app.cli import tables
from app.terminal import harmless


def settings(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False) -> None:
    """Show every setting, its value (secrets masked) and where it comes from.

    Example: sluice settings
    """
    rows = knobs.sources(knobs.load())
    if as_json:
        typer.echo(json.dumps([dict(zip(("variable", "value", "source"), row, strict=True)) for row in rows], indent=2))
        return
    table = Table()
    for name in ("variable", "value", "source"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*[escape(harmless(cell)) for cell in row])
    tables.console().print(table)
