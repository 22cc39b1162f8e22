"""`sluice serve`: run the service."""

from typing import Annotated

import typer

from app.cli.server import Role, run
from app.settings import load


def serve(
    host: Annotated[str | None, typer.Option(help="Where the API listens (SLUICE_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Where the API listens (SLUICE_PORT).")] = None,
    role: Annotated[Role, typer.Option(help="What this process does.")] = Role.ALL,
    paused: Annotated[
        bool, typer.Option("--paused", help="Pause every Marketo instance first: after a back-up was restored.")
    ] = False,
) -> None:
    """Run the service: API and scheduler in one process, or one of them.

    Example: sluice serve --port 8000
    """
    overrides = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    run(load(**overrides), role, paused=paused)
