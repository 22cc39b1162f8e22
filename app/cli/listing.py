"""`sluice list` and `sluice events`: which imports there are, and what happened to one."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

import httpx
import typer

from app.cli import tables
from app.cli.client import read_json, service
from app.cli.reading import AsJson, ImportId
from app.clock import machine_clock, rfc3339
from app.domain.imports import ImportStatus
from app.terminal import harmless_json

MOST = 50
PAGE = 200
AGO = re.compile(r"([0-9]{1,6})([mhd])", re.ASCII)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


# Long because Typer reads a command's options off its signature.
def list_(
    status: Annotated[ImportStatus | None, typer.Option(help="Only those that stand so.")] = None,
    since: Annotated[str | None, typer.Option(help="Created since then: 90m, 12h, 7d, or a time (RFC 3339).")] = None,
    instance: Annotated[str | None, typer.Option(help="Only those for this Marketo instance.")] = None,
    client: Annotated[str | None, typer.Option(help="Only this client's.")] = None,
    label: Annotated[str | None, typer.Option(help="Only those with exactly this label.")] = None,
    file_name: Annotated[str | None, typer.Option(help="Only those whose file's name begins so.")] = None,
    attention: Annotated[bool, typer.Option("--attention", help="Only those that a person should look at.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many at most.")] = MOST,
    as_json: AsJson = False,
) -> None:
    """List imports, the newest first.

    Example: sluice list --status failed --since 7d
    """
    filters = {
        "status": status,
        "created_after": since and moment(since),
        "instance": instance,
        "client": client,
        "label": label,
        "file_name": file_name,
        "attention": "true" if attention else None,
    }
    parameters = {name: str(value) for name, value in filters.items() if value is not None}
    with service() as asked:
        listed = list(_items(asked, "/v1/imports", parameters, limit=limit))
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
    else:
        tables.console().print(tables.list_table(harmless_json(listed), machine_clock()))
        if len(listed) == limit:
            typer.echo(f"There may be more: --limit {2 * limit}, or --since with a later time.")


def events(import_id: ImportId, as_json: AsJson = False) -> None:
    """Show the history of an import, the oldest event first.

    Example: sluice events 42
    """
    with service() as asked:
        listed = list(_items(asked, f"/v1/imports/{import_id}/events", {}))
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
    else:
        tables.console().print(tables.events_table(harmless_json(listed)))


def _items(
    client: httpx.Client, path: str, parameters: dict[str, str], *, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """The items of all pages, up to so many."""
    left, token = limit, None
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page_parameters = parameters | {"page_size": str(size)} | ({"page_token": token} if token else {})
        page = read_json(client.get(path, params=page_parameters))
        yield from page["items"]
        token = page["next_page_token"]
        if token is None:
            return
        left = None if left is None else left - len(page["items"])


def moment(text: str) -> str:
    """The time that --since names, as the API takes it. Errors: BadParameter."""
    ago = AGO.fullmatch(text.strip().lower())
    try:
        if ago:
            return rfc3339(machine_clock() - timedelta(**{UNITS[ago[2]]: int(ago[1])}))
        return rfc3339(datetime.fromisoformat(text).astimezone())  # one without an offset is this machine's
    except (ValueError, OverflowError):
        wrong = f"{text!r} is no time: write 90m, 12h, 7d or 2026-11-23"
        raise typer.BadParameter(wrong, param_hint="--since") from None
