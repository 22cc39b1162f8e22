"""`sluice keys`: API keys. They are made on the database and not over HTTP: nobody can make one from afar."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar

import typer

from app.cli import tables
from app.cli.client import fail
from app.cli.database import CANNOT, opened
from app.clock import rfc3339
from app.container import Container
from app.domain.api_keys import ApiKey, Scope, in_order
from app.domain.errors import CallerError
from app.domain.imports import HIGHEST_PRIORITY
from app.settings import load
from app.terminal import harmless_json

EXAMPLE = "Example: sluice keys create --client crm-sync --scope submit"
app = typer.Typer(
    name="keys",
    help=f"API keys: who may call, and what.\n\n{EXAMPLE}",
    no_args_is_help=True,
    add_completion=False,
)

Found = TypeVar("Found")
NAME_CHARACTERS = 200


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
    if not client.strip() or len(client) > NAME_CHARACTERS or not client.isprintable():
        raise typer.BadParameter(
            f"a client's name has 1 to {NAME_CHARACTERS} printable characters", param_hint="--client"
        )

    async def made(container: Container) -> tuple[ApiKey, str]:
        expires_at = container.now() + timedelta(days=days) if days else None
        return await container.keys.create(client.strip(), scope, expires_at=expires_at, max_priority=max_priority)

    key, written = _with_container(made)
    typer.echo(json.dumps(_as_json(key) | {"key": written}) if as_json else written)


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False) -> None:
    """Show every key there ever was, without its secret.

    Example: sluice keys list
    """
    listed = [_as_json(key) for key in _with_container(lambda container: container.keys.everyone())]
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
    _with_container(lambda container: container.keys.revoke(key_id))
    typer.echo(f"Key {key_id} is revoked.")


def _with_container(action: Callable[[Container], Awaitable[Found]]) -> Found:
    async def run() -> Found:
        async with opened(settings) as container:
            return await action(container)

    settings = load()
    try:
        return asyncio.run(run())
    except CallerError as mistake:
        fail(mistake.message)
    except CANNOT as reason:
        fail(str(reason))


def _as_json(key: ApiKey) -> dict[str, Any]:
    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    about = {"id": key.id, "client": key.client, "scopes": in_order(key.scopes), "max_priority": key.max_priority}
    return about | {name: rfc3339(value) if (value := getattr(key, name)) else None for name in times}
