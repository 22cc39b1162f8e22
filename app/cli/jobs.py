"""`sluice jobs`: what Marketo has of an instance's work, and what it had."""

import json
from typing import Annotated

import typer

from app.cli import tables
from app.cli.actions import path_of_instance
from app.cli.client import read_for_people, read_json, service
from app.cli.reading import AsJson
from app.clock import machine_clock
from app.domain.lifecycle import JobState


def jobs(
    instance: Annotated[str, typer.Argument(help="The Marketo instance.", metavar="INSTANCE")] = "default",
    state: Annotated[JobState | None, typer.Option(help="Only those in this state.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the jobs of a Marketo instance, the newest first: what one submission took along, and what came of it.

    Example: sluice jobs default --state importing
    """
    with service() as client:
        answer = client.get(f"{path_of_instance(instance)}/jobs", params={"state": state} if state else {})
        if as_json:
            typer.echo(json.dumps(read_json(answer), indent=2))
        else:
            page = read_for_people(answer)
            tables.console().print(tables.jobs_table(page["items"], machine_clock()))
