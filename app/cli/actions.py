"""`sluice cancel`, `release`, `resolve`, `give-up`, `pause` and `resume`: what a person may do about the work."""

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app.cli.client import read_for_people, service
from app.cli.reading import ImportId

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


def release(import_id: ImportId) -> None:
    """Let an import go that was submitted with --review: it is sent when its turn comes.

    Example: sluice release 42
    """
    with service() as client:
        read_for_people(client.post(f"/v1/imports/{import_id}/release"))
    typer.echo(f"Import {import_id} is released; it goes when its turn comes.")


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
