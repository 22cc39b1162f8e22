"""`sluice migrate`: bring the database's schema up to date."""

from typing import Annotated

import typer

from app.cli import database
from app.settings import load


def migrate(
    wait: Annotated[
        float, typer.Option(help="How many seconds to wait for a database that cannot be opened yet.", min=0)
    ] = 0,
) -> None:
    """Bring the database's schema up to date.

    Example: SLUICE_DATABASE_URL=postgresql://sluice:secret@db.example.com/sluice sluice migrate --wait 60
    """
    typer.echo(f"The schema is at revision {database.migrate(load(), wait_seconds=wait)}.")
