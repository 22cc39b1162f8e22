"""Speaking to a running service."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx
import typer

from app.cli.retrying_client import NOBODY, RetryingClient
from app.domain.imports import FINISHED
from app.masking import masked_url
from app.settings import Settings, load
from app.terminal import harmless, harmless_json

TIMEOUT_SECONDS = 60.0
WAIT_SECONDS = 50.0  # what one request waits for the end of an import; the service answers then at the latest
SAID = frozenset({"format", "charset", "lookup_field"})  # parameters that a refusal may name, with their values
LOOK_SECONDS = 5.0  # and where somebody looks on: Marketo's news is no fresher

Again = Callable[[dict[str, str]], str]


@contextmanager
def service(settings: Settings | None = None) -> Iterator[httpx.Client]:
    """A client for SLUICE_URL. What goes wrong inside ends the command with one clear message and exit code 1."""
    known = settings or load()
    headers = {"Authorization": f"Bearer {known.api_key.get_secret_value()}"} if known.api_key else {}
    try:
        with httpx.Client(base_url=known.url, headers=headers, timeout=TIMEOUT_SECONDS) as client:
            yield client
    except NOBODY:
        fail(
            f"No Sluice answers at {masked_url(known.url)}. Is `sluice serve` running? (SLUICE_URL says where to look.)"
        )
    except httpx.TransportError as error:
        fail(f"The connection to {masked_url(known.url)} broke: {type(error).__name__}.")


def fail(message: str) -> NoReturn:
    typer.echo(harmless(message, keep="\n"), err=True)
    raise typer.Exit(1)


def told(answer: httpx.Response, *, again: Again | None = None) -> Any:
    """The JSON of a good answer, exactly. A problem is printed, with each of its errors, and ends the command.

    `again`: the command to try next, given the parameters that the problem says.
    """
    if answer.is_success:
        return answer.json()
    answer.read()
    problem = _problem(answer)
    detail = problem.get("detail", harmless(answer.text[:200]))
    typer.echo(f"{problem.get('title', answer.status_code)}: {detail}", err=True)
    for error in problem.get("errors", []):
        if error["message"] in detail:  # it is said already
            continue
        where = f"row {error['row']}" if "row" in error else error.get("field", "")
        typer.echo(f"  {where}: {error['message']}", err=True)
    more = problem.get("errors_total", 0) - len(problem.get("errors", []))
    if more > 0:
        typer.echo(f"  … and {more} more", err=True)
    if again and (say := _parameters_in(detail)):
        typer.echo(f"Try: {again(say)}", err=True)
    raise typer.Exit(1)


def for_people(answer: httpx.Response, *, again: Again | None = None) -> Any:
    """The same for people to look at: what callers and Marketo wrote in it orders a terminal nothing."""
    return harmless_json(told(answer, again=again))


def command(words: Iterable[str], options: Mapping[str, str]) -> str:
    """As somebody types it."""
    given = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    return shlex.join([*words, *given])


def _parameters_in(detail: str) -> dict[str, str]:
    """What a refusal says to say: `name=value`, or several joined with &, between backticks."""
    said = [one.partition("=") for quoted in detail.split("`")[1::2] for one in quoted.split("&")]
    return {name: value for name, sign, value in said if sign and name in SAID}


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return harmless_json(found) if isinstance(found, dict) else {}


def followed(asking: RetryingClient, import_id: int, *, looked_at: bool) -> Iterator[dict[str, Any]]:
    """The import as it stands, whenever that has changed, until it is finished.

    The service holds each question until there is an end to tell, or the time is up.
    """
    wait = 1.0
    known: dict[str, str] = {}
    while True:
        answer = asking.get(
            f"/v1/imports/{import_id}", params={"wait": wait}, headers=known, timeout=wait + TIMEOUT_SECONDS
        )
        wait = min(2 * wait, LOOK_SECONDS) if looked_at else WAIT_SECONDS
        if answer.status_code != httpx.codes.NOT_MODIFIED:
            found = told(answer)
            known = {"If-None-Match": answer.headers["etag"]}
            yield found
            if found["status"] in FINISHED:
                return


def result_rows(client: httpx.Client, import_id: int, kind: str, *, most: int) -> list[dict[str, Any]]:
    """The first failures or warnings of an import, for people to look at."""
    answer = client.get(
        f"/v1/imports/{import_id}/{kind}", params={"page_size": most}, headers={"Accept": "application/json"}
    )
    return list(for_people(answer)["items"])


def remarked_rows(client: httpx.Client, import_id: int) -> int:
    """How many rows pre-flight remarked upon: before the import was accepted, so that its word is among the first."""
    events = told(client.get(f"/v1/imports/{import_id}/events"))["items"]
    return sum(one["data"]["rows"] for one in events if one["type"] == "preflight")
