"""`sluice serve` and `sluice migrate`. What they run is loaded when they do: no other command waits for it."""

import importlib
from enum import StrEnum
from typing import Annotated

import typer

from app.settings import load


class Role(StrEnum):
    ALL = "all"
    API = "api"
    WORKER = "worker"


def serve(
    host: Annotated[str | None, typer.Option(help="Where the API listens (SLUICE_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Where the API listens (SLUICE_PORT).")] = None,
    role: Annotated[Role, typer.Option(help="What this process does.")] = Role.ALL,
) -> None:
    """Run the service: API and scheduler in one process, or one of them.

    Example: sluice serve --port 8000
    """
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load(**given)
    importlib.import_module("app.cli.server").run(settings, role)


def migrate() -> None:
    """Bring the database's schema up to date.

    Example: SLUICE_DATABASE_URL=postgresql://sluice:secret@db.example.com/sluice sluice migrate
    """
    revision = importlib.import_module("app.cli.database").migrate(load())
    typer.echo(f"The schema is at revision {revision}.")
