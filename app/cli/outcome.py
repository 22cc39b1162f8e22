"""Watches an import to its end, and shows what became of its rows: for `sluice submit` and `sluice retry`."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import typer
from rich.markup import escape

from app.cli import tables
from app.cli.client import fail, follow, read_for_people, result_rows
from app.cli.progress import UploadProgress, progress_bar
from app.cli.retrying_client import RetryingClient
from app.domain.imports import ImportStatus
from app.terminal import harmless_json

SHOWN_ROWS = 20
SHOWN_REASONS = 10


Send = Callable[[RetryingClient, UploadProgress], dict[str, Any]]
"""Sends something that makes an import, and shows how much of it has gone. Returns the import."""


def send_and_watch(
    client: httpx.Client, send: Send, *, size_bytes: int | None, wait: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the import as it was accepted; as it is at its end, with `wait`), under a progress bar that is cleared then.

    `size_bytes` of what is sent; None where it is not known.
    """
    with progress_bar(is_cleared=True) as bar:
        progress = UploadProgress(bar, size_bytes=size_bytes)
        retrying = RetryingClient(client, progress.show_broken)
        accepted = send(retrying, progress)
        progress.show_accepted(accepted)
        final = watch(retrying, accepted, progress, is_watched=not bar.disable) if wait else accepted
    return accepted, final


def watch(
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


def show(client: httpx.Client, import_: dict[str, Any], *, as_json: bool) -> None:
    """Print an import: for scripts as it was answered; for people with why rows were rejected, and the first ones."""
    if as_json:
        typer.echo(json.dumps(import_, indent=2))
        return
    console, shown = tables.console(), harmless_json(import_)
    console.print(tables.imports_table([shown], title=f"Import {shown['id']}"))
    if shown["error"]:
        console.print(escape(f"error: {shown['error']['code']}: {shown['error']['message']}"))
    if ragged := shown["file"]["ragged_rows"]:
        noun = "row has" if ragged == 1 else "rows have"
        console.print(f"{ragged:,} {noun} another number of cells than the header; sent as written")
    if shown["rows"]["failed"]:
        _show_failures(client, shown)


def _show_failures(client: httpx.Client, import_: dict[str, Any]) -> None:
    console = tables.console()
    listed = read_for_people(client.get(f"/v1/imports/{import_['id']}/failures/reasons"))
    reasons = listed["items"][:SHOWN_REASONS]
    console.print(tables.reasons_table(reasons))
    if more := listed["reasons_total"] - len(reasons):
        console.print(f"… and {more:,} more reasons")
    rows = result_rows(client, import_["id"], "failures", size=SHOWN_ROWS)
    console.print(tables.rows_table(rows, "Rejected rows", width=console.width))
    if import_["rows"]["failed"] > len(rows):
        console.print(f"… and {import_['rows']['failed'] - len(rows):,} more")
    console.print(
        f"All of them, to be mended: sluice failures {import_['id']} --output mended.csv\n"
        f"and sent again:           sluice retry {import_['id']} --failures mended.csv"
    )


def has_gone_well(import_: dict[str, Any]) -> bool:
    """Whether Marketo took every row."""
    return import_["status"] == ImportStatus.COMPLETE and not import_["rows"]["failed"]
