"""`sluice cancel`, `retry`, `resolve`, `give-up`, `pause` and `resume`: what a person may do about the work."""

from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app.cli.client import read_for_people, service, spell_command
from app.cli.reading import ImportId
from app.cli.retrying_client import RetryingClient
from app.cli.upload import name_of, open_file, upload
from app.domain.formats import Format

InstanceName = Annotated[str, typer.Argument(help="The Marketo instance.", metavar="INSTANCE")]


class Outcome(StrEnum):
    RESUBMIT = "resubmit"
    ACCEPTED = "accepted"


def cancel(import_id: ImportId) -> None:
    """Cancel what still waits; what Marketo already has runs to its end.

    Example: sluice cancel 42
    """
    with service() as client:
        import_ = read_for_people(client.post(f"/v1/imports/{import_id}/cancel"))
    at_marketo = import_["parts"]["at_marketo"]
    rest = f" {at_marketo} of its parts are at Marketo and run to their end." if at_marketo else ""
    typer.echo(f"Import {import_id} is {import_['status']}.{rest}")


def retry(
    import_id: ImportId,
    file: Annotated[
        Path | None, typer.Argument(help="With --failures: the rows, mended; - reads standard input.", allow_dash=True)
    ] = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="The rows that Marketo rejected, instead of the parts left behind.")
    ] = False,
    format_: Annotated[Format | None, typer.Option("--format", help="FILE's, if not the import's.")] = None,
    charset: Annotated[str | None, typer.Option(help="FILE's, if not UTF-8.")] = None,
) -> None:
    """Send again what an import left behind, as a new import: the rows of its failed and cancelled parts.

    With --failures the rows that Marketo rejected, as they were uploaded or as they stand mended in FILE.

    Example: sluice retry 42 --failures mended.csv
    """
    parameters = {name: value for name, value in (("format", format_), ("charset", charset)) if value}
    if file is not None and not failures:
        raise typer.BadParameter("FILE goes with --failures: without it the stored rows are sent again")
    if parameters and file is None:
        raise typer.BadParameter("--format and --charset say how FILE is to be read, and there is none")
    path = f"/v1/imports/{import_id}/{'retry-failures' if failures else 'retry'}"
    with open_file(file) if file else nullcontext() as source, service() as client:
        if file and source:
            command_words = ["sluice", "retry", str(import_id), "--failures", str(file)]
            answer = upload(RetryingClient(client), source, path=path, name=name_of(file), parameters=dict(parameters))
            new_import = read_for_people(answer, again=lambda say: spell_command(command_words, parameters | say))
        else:
            new_import = read_for_people(client.post(path))
    typer.echo(f"Import {new_import['id']} has {new_import['rows']['total']:,} rows of import {import_id}.")
    if new_import["left_out"]:
        typer.echo(f"Left out: {new_import['left_out']['reason']}")


def resolve(
    import_id: ImportId,
    part: Annotated[int, typer.Argument(help="The part's number within it.", metavar="PART")],
    outcome: Annotated[Outcome, typer.Argument(help="Send it again, or Marketo has it.")],
    batch_id: Annotated[int | None, typer.Option(help="With accepted: Marketo's number for it.")] = None,
) -> None:
    """Decide an unconfirmed part, once you have looked in Marketo.

    Example: sluice resolve 42 3 accepted --batch-id 3404
    """
    if (outcome is Outcome.ACCEPTED) != (batch_id is not None):
        raise typer.BadParameter("--batch-id goes with accepted, and only with it")
    resolution = {"outcome": outcome} | ({"batch_id": batch_id} if batch_id is not None else {})
    with service() as client:
        decided = read_for_people(client.post(f"/v1/imports/{import_id}/parts/{part}/resolve", json=resolution))
        parts = read_for_people(client.get(f"/v1/imports/{import_id}/parts"))["items"]
    outcome_text = "goes to Marketo again" if batch_id is None else f"is followed as Marketo's batch {batch_id}"
    if any(listed_part["number"] == part and listed_part["state"] == "cancelled" for listed_part in parts):
        outcome_text = "is cancelled, as its import is"
    typer.echo(f"Part {part} of import {import_id} {outcome_text}.")
    _show_bundled(decided)


def give_up(
    import_id: ImportId,
    part: Annotated[int, typer.Argument(help="The part's number within it.", metavar="PART")],
) -> None:
    """Give up a part that Marketo has, or may have, and of which nothing more is expected: it has failed.

    Its place in Marketo's queue is free for others, and so is whoever waits for its records. Marketo may import its
    rows all the same.

    Example: sluice give-up 42 3
    """
    path = f"/v1/imports/{import_id}/parts/{part}/resolve"
    with service() as client:
        decided = read_for_people(client.post(path, json={"outcome": "give_up"}))
    typer.echo(f"Part {part} of import {import_id} is given up; the import is {decided['status']}.")
    _show_bundled(decided)


def _show_bundled(decided: dict[str, Any]) -> None:
    """Whom else a decision went for."""
    if others := decided["bundled_imports"]:
        noun = "import" if len(others) == 1 else "imports"
        typer.echo(f"It went for {noun} {', '.join(map(str, others))} as well: their rows are in the same job.")


def pause(
    instance: InstanceName,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever looks.")] = None,
) -> None:
    """Send nothing new to a Marketo instance; what is there is followed to its end.

    Example: sluice pause sandbox --reason "Moved to another pod until noon"
    """
    with service() as client:
        paused_instance = read_for_people(client.post(f"{path_of_instance(instance)}/pause", json={"reason": reason}))
    _show(paused_instance)


def resume(instance: InstanceName) -> None:
    """Let a paused Marketo instance go on; a blocked one is tried again at once.

    Example: sluice resume sandbox
    """
    with service() as client:
        resumed_instance = read_for_people(client.post(f"{path_of_instance(instance)}/resume"))
    _show(resumed_instance)


def path_of_instance(instance: str) -> str:
    return f"/v1/instances/{quote(instance, safe='')}"


def _show(instance: dict[str, Any]) -> None:
    why = f": {instance['reason']}" if instance["reason"] else "."
    typer.echo(f"Instance {instance['name']} is {instance['state']}{why}")
