"""`sluice submit`: upload a file to a running service, and watch what becomes of it."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from app.cli import outcome, sent_before
from app.cli.client import read_json, remarked_rows, service, spell_command
from app.cli.import_options import (
    BundleOption,
    CharsetOption,
    FormatOption,
    InstanceOption,
    LabelOption,
    MapOption,
    MetadataOption,
    NotBeforeOption,
    OnUnconfirmedOption,
    PreflightOption,
    PriorityOption,
    ReviewOption,
    SkipOption,
    column_map,
)
from app.cli.progress import UploadProgress
from app.cli.retrying_client import RetryingClient
from app.cli.sent_before import AgainOption
from app.cli.target_options import takes_target
from app.cli.upload import format_by_name, name_of, open_file, size_of, upload
from app.domain.imports import Preflight


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
    review: ReviewOption = False,
    map_: MapOption = None,
    skip: SkipOption = None,
    label: LabelOption = None,
    metadata: MetadataOption = None,
    again: AgainOption = False,
    wait: Annotated[bool, typer.Option("--wait", help="Watch to the end; exit 1 if rows failed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Upload a file to a running service (SLUICE_URL, SLUICE_API_KEY). A .gz or .zst file is sent as it is.

    Example: sluice submit leads.csv --lookup-field email --wait
    """
    if review and wait:
        raise typer.BadParameter("--wait would wait for its release; release it, then: sluice status ID --watch")
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
        "review": "true" if review else None,
        "column_map": column_map(map_, skip),
        "label": label,
        "metadata": json.dumps(_pairs(metadata)) if metadata else None,
    }
    parameters = {name: str(value) for name, value in options.items() if value is not None}

    def send(retrying: RetryingClient, progress: UploadProgress) -> dict[str, Any]:
        answer = upload(
            retrying, source, path="/v1/imports", name=name_of(file), parameters=parameters, sent=progress.show_sent
        )
        repeatable = _repeatable(map_, skip, metadata)
        return dict(read_json(answer, again=lambda say: _again(file, parameters | say, repeatable, wait=wait)))

    with open_file(file) as source, service() as client:
        if not again:
            sent_before.ask(source, sent_before.newest(client, parameters), is_refused=False)
        _, final = outcome.send_and_watch(client, send, size_bytes=size_of(source), wait=wait)
        outcome.show(client, final, as_json=as_json)
        if preflight is Preflight.ROWS and not as_json:
            _show_remarked(client, final["id"])
        if review and not as_json:
            typer.echo(f"Nothing is sent yet. sluice release {final['id']} lets it go, sluice cancel discards it.")
    if wait and not outcome.has_gone_well(final):
        raise typer.Exit(1)


def _repeatable(
    mapped: list[str] | None, skipped: list[str] | None, metadata: list[str] | None
) -> list[tuple[str, str]]:
    """The options that may be given several times, as they were given."""
    given = {"--map": mapped, "--skip": skipped, "--metadata": metadata}
    return [(option, value) for option, values in given.items() for value in values or []]


def _again(file: Path, parameters: dict[str, str], repeatable: list[tuple[str, str]], *, wait: bool) -> str:
    """The same command with these parameters."""
    options = {name: value for name, value in parameters.items() if name not in ("metadata", "column_map", "review")}
    flags = [flag for flag, is_given in (("--review", "review" in parameters), ("--wait", wait)) if is_given]
    words = [word for pair in repeatable for word in pair] + flags
    return f"{spell_command(['sluice', 'submit', str(file)], options)} {shlex.join(words)}".strip()


def _show_remarked(client: httpx.Client, import_id: int) -> None:
    if count := remarked_rows(client, import_id):
        noun = "row" if count == 1 else "rows"
        typer.echo(f"{count:,} {noun} remarked upon by pre-flight: sluice failures {import_id} --warnings")


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [key for key, sign, _ in pairs if not sign]:
        raise typer.BadParameter(f"--metadata {wrong[0]}: use key=value")
    return {key: value for key, _, value in pairs}
