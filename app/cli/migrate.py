"""`sluice migrate`: bring the database's schema up to date."""

import typer

from app.cli import database
from app.settings import load


def migrate() -> None:
    """Bring the database's schema up to date.

    Example: SLUICE_DATABASE_URL=postgresql://sluice:secret@db.example.com/sluice sluice migrate
    """
    typer.echo(f"The schema is at revision {database.migrate(load())}.")
