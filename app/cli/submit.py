"""`sluice submit`: upload a file to a running service, and watch what becomes of it."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from app.cli import tables
from app.cli.client import command, fail, followed, remarked_rows, result_rows, service, told
from app.cli.import_options import (
    CharsetOption,
    FormatOption,
    InstanceOption,
    LabelOption,
    MetadataOption,
    NotBeforeOption,
    OnUnconfirmedOption,
    PreflightOption,
    PriorityOption,
)
from app.cli.progress import Shown, progress_bar
from app.cli.retrying_client import RetryingClient
from app.cli.target_options import takes_target
from app.cli.upload import format_by_name, named, opened, size_of, upload
from app.domain.imports import Preflight
from app.terminal import harmless_json

SHOWN_ROWS = 20


@takes_target
def submit(
    file: Annotated[Path, typer.Argument(help="The file; - reads standard input.", allow_dash=True)],
    target: dict[str, Any],
    instance: InstanceOption = None,
    format_: FormatOption = None,
    charset: CharsetOption = None,
    priority: PriorityOption = None,
    not_before: NotBeforeOption = None,
    preflight: PreflightOption = None,
    on_unconfirmed: OnUnconfirmedOption = None,
    label: LabelOption = None,
    metadata: MetadataOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Watch to the end; exit 1 if rows failed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Upload a file to a running service (SLUICE_URL, SLUICE_API_KEY). A .gz or .zst file is sent as it is.

    Example: sluice submit leads.csv --lookup-field email --wait
    """
    options: dict[str, Any] = {
        "object_type": target.pop("object_type"),
        "instance": instance,
        "format": format_ or format_by_name(file),
        "charset": charset,
        **target,
        "priority": priority,
        "not_before": not_before,
        "preflight": preflight,
        "on_unconfirmed": on_unconfirmed,
        "label": label,
        "metadata": json.dumps(_pairs(metadata)) if metadata else None,
    }
    given = {name: str(value) for name, value in options.items() if value is not None}
    with opened(file) as source, service() as client, progress_bar() as bar:
        shown = Shown(bar, size_bytes=size_of(source))
        asking = RetryingClient(client, shown.broken)
        answer = upload(asking, source, path="/v1/imports", name=named(file), parameters=given, sent=shown.sent)
        made = told(answer, again=lambda say: _again(file, given | say, metadata or [], wait=wait))
        shown.taken(made)
        final = _watched(asking, made, shown, looked_at=not bar.disable) if wait else made
        rows = result_rows(client, final["id"], "failures", most=SHOWN_ROWS) if wait and final["rows"]["failed"] else []
        remarked = remarked_rows(client, final["id"]) if preflight is Preflight.ROWS else 0
    if as_json:
        typer.echo(json.dumps(final, indent=2))
    else:
        _show(harmless_json(final), rows, remarked)
    if wait and (final["status"] != "complete" or final["rows"]["failed"]):
        raise typer.Exit(1)


def _again(file: Path, parameters: dict[str, str], metadata: list[str], *, wait: bool) -> str:
    """The same command with these parameters."""
    options = {name: value for name, value in parameters.items() if name != "metadata"}
    words = [word for pair in metadata for word in ("--metadata", pair)] + (["--wait"] if wait else [])
    return f"{command(['sluice', 'submit', str(file)], options)} {shlex.join(words)}".strip()


def _watched(asking: RetryingClient, made: dict[str, Any], shown: Shown, *, looked_at: bool) -> dict[str, Any]:
    """To its end. Whoever is interrupted, or hears nothing any more, is told where to look."""
    there = f"Import {made['id']} is with the service and goes on: sluice status {made['id']} --watch"
    try:
        for found in followed(asking, made["id"], looked_at=looked_at):
            made = found
            shown.stands(harmless_json(found))
    except KeyboardInterrupt:
        fail(there)
    except httpx.TransportError as error:
        fail(f"The connection broke ({type(error).__name__}). {there}")
    return made


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if wrong := [key for key, sign, _ in pairs if not sign]:
        raise typer.BadParameter(f"--metadata {wrong[0]}: use key=value")
    return {key: value for key, _, value in pairs}


def _show(final: dict[str, Any], rows: list[dict[str, Any]], remarked: int) -> None:
    console = tables.console()
    console.print(tables.of_imports([final], title=f"Import {final['id']}"))
    if final["error"]:
        console.print(escape(f"error: {final['error']['code']}: {final['error']['message']}"))
    if ragged := final["file"]["ragged_rows"]:
        noun = "row has" if ragged == 1 else "rows have"
        console.print(f"{ragged:,} {noun} another number of cells than the header; sent as written")
    if remarked:
        noun = "row" if remarked == 1 else "rows"
        console.print(f"{remarked:,} {noun} remarked upon by pre-flight: sluice failures {final['id']} --warnings")
    if rows:
        console.print(tables.of_rows(rows, title="Rejected rows"))
        if final["rows"]["failed"] > len(rows):
            console.print(f"… and more: sluice failures {final['id']}")
