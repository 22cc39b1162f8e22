"""Speaking to a running service."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx
import typer

from app.settings import Settings, load

TIMEOUT_SECONDS = 60.0
FINISHED = frozenset({"complete", "failed", "cancelled"})


@contextmanager
def service(settings: Settings | None = None) -> Iterator[httpx.Client]:
    """A client for SLUICE_URL. What goes wrong inside ends the command with one clear message and exit code 1."""
    known = settings or load()
    headers = {"Authorization": f"Bearer {known.api_key.get_secret_value()}"} if known.api_key else {}
    try:
        with httpx.Client(base_url=known.url, headers=headers, timeout=TIMEOUT_SECONDS) as client:
            yield client
    except httpx.ConnectError:
        fail(f"No Sluice answers at {known.url}. Is `sluice serve` running? (SLUICE_URL says where to look.)")
    except httpx.TransportError as error:
        fail(f"The connection to {known.url} broke: {type(error).__name__}.")


def fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def told(answer: httpx.Response) -> Any:
    """The JSON of a good answer. A problem is printed, with each of its errors, and ends the command."""
    if answer.is_success:
        return answer.json()
    answer.read()
    problem = _problem(answer)
    detail = problem.get("detail", answer.text[:200])
    typer.echo(f"{problem.get('title', answer.status_code)}: {detail}", err=True)
    for error in problem.get("errors", []):
        if "row" not in error and error["message"] in detail:  # it is said already
            continue
        where = f"row {error['row']}" if "row" in error else error.get("field", "")
        typer.echo(f"  {where}: {error['message']}", err=True)
    raise typer.Exit(1)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def followed(client: httpx.Client, import_id: int, *, every_seconds: float = 1.0) -> Iterator[dict[str, Any]]:
    """The import as it stands, again and again until it is finished."""
    while True:
        found = told(client.get(f"/v1/imports/{import_id}"))
        yield found
        if found["status"] in FINISHED:
            return
        time.sleep(every_seconds)


def result_rows(client: httpx.Client, import_id: int, kind: str, *, most: int) -> list[dict[str, Any]]:
    """The first failures or warnings of an import, as JSON rows."""
    answer = client.get(
        f"/v1/imports/{import_id}/{kind}", params={"page_size": most}, headers={"Accept": "application/json"}
    )
    return list(told(answer)["items"])
