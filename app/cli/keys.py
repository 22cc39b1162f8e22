"""`sluice keys`: API keys, made by whoever may write the database. Over HTTP that takes the scope `admin`."""

import json
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app.cli import tables
from app.cli.owner import in_database_or_over_socket
from app.clock import machine_clock, rfc3339
from app.container import Container
from app.domain.api_keys import ApiKey, Scope, client_name, in_order
from app.domain.imports import HIGHEST_PRIORITY
from app.terminal import harmless_json

EXAMPLE = "Example: sluice keys create --client crm-sync --scope submit"
app = typer.Typer(
    name="keys",
    help=f"API keys: who may call, and what.\n\n{EXAMPLE}",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def create(
    client: Annotated[str, typer.Option(help="The name of the calling service.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may; may be given several times.")],
    days: Annotated[int | None, typer.Option(min=1, help="How long it opens; for ever when left out.")] = None,
    max_priority: Annotated[
        int, typer.Option(min=0, max=HIGHEST_PRIORITY, help="The highest that its imports may have.")
    ] = HIGHEST_PRIORITY,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Make a key and print it: once, for only a digest of it is kept.

    Example: sluice keys create --client crm-sync --scope submit
    """
    try:
        name = client_name(client)
    except ValueError as mistake:
        raise typer.BadParameter(str(mistake), param_hint="--client") from None
    expires_at = machine_clock() + timedelta(days=days) if days else None

    async def create_in_database(container: Container) -> dict[str, Any]:
        key, written = await container.keys.create(name, scope, expires_at=expires_at, max_priority=max_priority)
        return _as_json(key) | {"key": written}

    request = {
        "client": name,
        "scopes": scope,
        "max_priority": max_priority,
        "expires_at": expires_at and rfc3339(expires_at),
    }
    key = in_database_or_over_socket(create_in_database, lambda service: service.post("/v1/keys", json=request))
    typer.echo(json.dumps(key) if as_json else key["key"])


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False) -> None:
    """Show every key there ever was, without its secret.

    Example: sluice keys list
    """

    async def list_in_database(container: Container) -> dict[str, Any]:
        return {"items": [_as_json(key) for key in await container.keys.everyone()]}

    listed = in_database_or_over_socket(list_in_database, lambda service: service.get("/v1/keys"))["items"]
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
    else:
        tables.console().print(tables.keys_table(harmless_json(listed)))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as in `sluice keys list`.")],
) -> None:
    """Let a key open nothing any more, from now on.

    Example: sluice keys revoke 0f3a5c7e9b1d
    """
    path = f"/v1/keys/{quote(key_id, safe='')}"
    in_database_or_over_socket(lambda container: container.keys.revoke(key_id), lambda service: service.delete(path))
    typer.echo(f"Key {key_id} is revoked.")


def _as_json(key: ApiKey) -> dict[str, Any]:
    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    about = {"id": key.id, "client": key.client, "scopes": in_order(key.scopes), "max_priority": key.max_priority}
    return about | {name: rfc3339(value) if (value := getattr(key, name)) else None for name in times}
