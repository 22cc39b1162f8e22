"""`sluice submit`: upload a file to a running service, and watch what becomes of it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any
from urllib.parse import quote

import httpx
import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.cli import tables
from app.cli.client import followed, result_rows, service, told

CHUNK_BYTES = 1 << 18
SHOWN_ROWS = 20
SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".ssv": "ssv"}


def submit(
    file: Annotated[Path, typer.Argument(help="The file; - reads standard input.", allow_dash=True)],
    object_type: Annotated[str | None, typer.Option(help="lead, custom_object or program_member.")] = None,
    instance: Annotated[str | None, typer.Option(help="Which Marketo instance.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="csv, tsv or ssv; else by the file's name.")] = None,
    charset: Annotated[str | None, typer.Option(help="The file's charset, if not UTF-8.")] = None,
    lookup_field: Annotated[str | None, typer.Option(help="lead: Marketo's lookupField.")] = None,
    list_id: Annotated[int | None, typer.Option(help="lead: a static list to add to.")] = None,
    partition_name: Annotated[str | None, typer.Option(help="lead: the partition.")] = None,
    object_name: Annotated[str | None, typer.Option(help="custom_object: its API name.")] = None,
    dedupe_fields: Annotated[str | None, typer.Option(help="custom_object: comma-separated.")] = None,
    program_id: Annotated[int | None, typer.Option(help="program_member: the program.")] = None,
    program_member_status: Annotated[str | None, typer.Option(help="program_member: the new status.")] = None,
    priority: Annotated[int | None, typer.Option(help="0–9, higher first.")] = None,
    not_before: Annotated[str | None, typer.Option(help="Do not send to Marketo before, RFC 3339.")] = None,
    preflight: Annotated[str | None, typer.Option(help="off, header or rows.")] = None,
    on_unconfirmed: Annotated[str | None, typer.Option(help="resubmit or hold.")] = None,
    label: Annotated[str | None, typer.Option(help="Free text.")] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="key=value, repeatable.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Watch to the end; exit 1 if rows failed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Upload a file to a running service (SLUICE_URL, SLUICE_API_KEY).

    Example: sluice submit leads.csv --lookup-field email --wait
    """
    options: dict[str, Any] = {
        "object_type": object_type,
        "instance": instance,
        "format": format_ or SUFFIXES.get(file.suffix.lower()),
        "charset": charset,
        "lookup_field": lookup_field,
        "list_id": list_id,
        "partition_name": partition_name,
        "object_name": object_name,
        "dedupe_fields": dedupe_fields,
        "program_id": program_id,
        "program_member_status": program_member_status,
        "priority": priority,
        "not_before": not_before,
        "preflight": preflight,
        "on_unconfirmed": on_unconfirmed,
        "label": label,
        "metadata": json.dumps(_pairs(metadata)) if metadata else None,
    }
    given = {name: str(value) for name, value in options.items() if value is not None}
    with opened(file) as source, service() as client:
        made = upload(client, source, path="/v1/imports", name=named(file), parameters=given)
        final = _watched(client, made, quiet=as_json) if wait else made
        rows = result_rows(client, final["id"], "failures", most=SHOWN_ROWS) if wait and final["rows"]["failed"] else []
    if as_json:
        typer.echo(json.dumps(final, indent=2))
    else:
        _show(final, rows)
    if wait and (final["status"] != "complete" or final["rows"]["failed"]):
        raise typer.Exit(1)


def upload(
    client: httpx.Client, source: IO[bytes], *, path: str, name: str | None, parameters: dict[str, str]
) -> dict[str, Any]:
    """Send a file, a bounded chunk at a time; the import that was made of it."""
    headers = {"Content-Type": "application/octet-stream"}
    if name:
        headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(name)}"
    answer = client.post(path, content=_chunks(source), params=parameters, headers=headers)
    made: dict[str, Any] = told(answer)
    return made


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(CHUNK_BYTES):
        yield chunk


def named(file: Path) -> str | None:
    return None if str(file) == "-" else file.name


def opened(file: Path) -> IO[bytes]:
    """Standard input for -."""
    if str(file) == "-":
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as reason:
        raise typer.BadParameter(f"{file}: {reason.strerror}") from None


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if wrong := [key for key, sign, _ in pairs if not sign]:
        raise typer.BadParameter(f"--metadata {wrong[0]}: use key=value")
    return {key: value for key, _, value in pairs}


def progress_bar(*, quiet: bool = False) -> Progress:
    """One line an import: name, bar, share, time. Drawn on standard error, so that output can be piped."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=tables.console(stderr=True), disable=quiet)


def _watched(client: httpx.Client, made: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    with progress_bar(quiet=quiet) as bar:
        task = bar.add_task(f"import {made['id']}", total=1.0)
        for found in followed(client, made["id"]):
            made = found
            bar.update(task, completed=found["progress"], description=f"import {found['id']}: {found['status']}")
    return made


def _show(final: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    console = tables.console()
    console.print(tables.of_imports([final], title=f"Import {final['id']}"))
    if final["error"]:
        console.print(escape(f"error: {final['error']['code']}: {final['error']['message']}"))
    if rows:
        console.print(tables.of_rows(rows, title="Rejected rows"))
        if final["rows"]["failed"] > len(rows):
            console.print(f"… and more: sluice failures {final['id']}")
