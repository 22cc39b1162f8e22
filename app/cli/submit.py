"""`sluice submit`: upload a file to a running service, and watch what becomes of it."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from app.cli import tables
from app.cli.client import fail, follow, read_json, remarked_rows, result_rows, service, spell_command
from app.cli.import_options import (
    BundleOption,
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
from app.cli.progress import UploadProgress, progress_bar
from app.cli.retrying_client import RetryingClient
from app.cli.target_options import takes_target
from app.cli.upload import format_by_name, name_of, open_file, size_of, upload
from app.domain.imports import Preflight
from app.terminal import harmless_json

SHOWN_ROWS = 20


# Long because Typer reads a command's options off its signature.
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
    bundle: BundleOption = None,
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
        "bundle": bundle,
        "label": label,
        "metadata": json.dumps(_pairs(metadata)) if metadata else None,
    }
    parameters = {name: str(value) for name, value in options.items() if value is not None}
    with open_file(file) as source, service() as client, progress_bar() as bar:
        progress = UploadProgress(bar, size_bytes=size_of(source))
        retrying = RetryingClient(client, progress.show_broken)
        answer = upload(
            retrying, source, path="/v1/imports", name=name_of(file), parameters=parameters, sent=progress.show_sent
        )
        new_import = read_json(answer, again=lambda say: _again(file, parameters | say, metadata or [], wait=wait))
        progress.show_accepted(new_import)
        final = _watched(retrying, new_import, progress, is_watched=not bar.disable) if wait else new_import
        rows = result_rows(client, final["id"], "failures", size=SHOWN_ROWS) if wait and final["rows"]["failed"] else []
        remarked_count = remarked_rows(client, final["id"]) if preflight is Preflight.ROWS else 0
    if as_json:
        typer.echo(json.dumps(final, indent=2))
    else:
        _show(harmless_json(final), rows, remarked_count)
    if wait and (final["status"] != "complete" or final["rows"]["failed"]):
        raise typer.Exit(1)


def _again(file: Path, parameters: dict[str, str], metadata: list[str], *, wait: bool) -> str:
    """The same command with these parameters."""
    options = {name: value for name, value in parameters.items() if name != "metadata"}
    words = [word for pair in metadata for word in ("--metadata", pair)] + (["--wait"] if wait else [])
    return f"{spell_command(['sluice', 'submit', str(file)], options)} {shlex.join(words)}".strip()


def _watched(
    client: RetryingClient, import_: dict[str, Any], progress: UploadProgress, *, is_watched: bool
) -> dict[str, Any]:
    """Follow an import to its end. An interrupt or a broken connection ends the command with a hint where to look."""
    hint = f"Import {import_['id']} is with the service and goes on: sluice status {import_['id']} --watch"
    try:
        for latest in follow(client, import_["id"], is_watched=is_watched):
            import_ = latest
            progress.show_import(harmless_json(latest))
    except KeyboardInterrupt:
        fail(hint)
    except httpx.TransportError as error:
        fail(f"The connection broke ({type(error).__name__}). {hint}")
    return import_


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [key for key, sign, _ in pairs if not sign]:
        raise typer.BadParameter(f"--metadata {wrong[0]}: use key=value")
    return {key: value for key, _, value in pairs}


def _show(final: dict[str, Any], rows: list[dict[str, Any]], remarked_count: int) -> None:
    console = tables.console()
    console.print(tables.imports_table([final], title=f"Import {final['id']}"))
    if final["error"]:
        console.print(escape(f"error: {final['error']['code']}: {final['error']['message']}"))
    if ragged := final["file"]["ragged_rows"]:
        noun = "row has" if ragged == 1 else "rows have"
        console.print(f"{ragged:,} {noun} another number of cells than the header; sent as written")
    if remarked_count:
        noun = "row" if remarked_count == 1 else "rows"
        console.print(
            f"{remarked_count:,} {noun} remarked upon by pre-flight: sluice failures {final['id']} --warnings"
        )
    if rows:
        console.print(tables.rows_table(rows, title="Rejected rows"))
        if final["rows"]["failed"] > len(rows):
            console.print(f"… and more: sluice failures {final['id']}")
