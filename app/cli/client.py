"""How commands speak to a running service."""

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
WAIT_SECONDS = 50.0  # how long one request waits for the end of an import; the service answers then at the latest
SUGGESTED = frozenset({"format", "charset", "lookup_field"})  # parameters that a refusal may suggest, with their values
LOOK_SECONDS = 5.0  # the same while a person watches: news from Marketo is no fresher

Again = Callable[[dict[str, str]], str]


@contextmanager
def service(settings: Settings | None = None) -> Iterator[httpx.Client]:
    """A client for SLUICE_URL. A connection that fails ends the command with one clear message and exit code 1."""
    loaded = settings or load()
    headers = {"Authorization": f"Bearer {loaded.api_key.get_secret_value()}"} if loaded.api_key else {}
    try:
        with httpx.Client(base_url=loaded.url, headers=headers, timeout=TIMEOUT_SECONDS) as client:
            yield client
    except NOBODY:
        url = masked_url(loaded.url)
        fail(f"No Sluice answers at {url}. Is `sluice serve` running? (SLUICE_URL says where to look.)")
    except httpx.TransportError as error:
        fail(f"The connection to {masked_url(loaded.url)} broke: {type(error).__name__}.")


def fail(message: str) -> NoReturn:
    typer.echo(harmless(message, keep="\n"), err=True)
    raise typer.Exit(1)


def read_json(answer: httpx.Response, *, again: Again | None = None) -> Any:
    """The JSON of a good answer, unchanged. A problem is printed with each of its errors, and ends the command.

    `again` makes the command to try next from the parameters that the problem suggests.
    """
    if answer.is_success:
        return answer.json()
    answer.read()
    problem = _problem(answer)
    detail = problem.get("detail", harmless(answer.text[:200]))
    typer.echo(f"{problem.get('title', answer.status_code)}: {detail}", err=True)
    for error in problem.get("errors", []):
        if error["message"] in detail:  # it is part of the detail
            continue
        where = f"row {error['row']}" if "row" in error else error.get("field", "")
        typer.echo(f"  {where}: {error['message']}", err=True)
    more = problem.get("errors_total", 0) - len(problem.get("errors", []))
    if more > 0:
        typer.echo(f"  … and {more} more", err=True)
    if again and (say := _parameters_in(detail)):
        typer.echo(f"Try: {again(say)}", err=True)
    raise typer.Exit(1)


def read_for_people(answer: httpx.Response, *, again: Again | None = None) -> Any:
    """The same for people: what callers and Marketo wrote in it cannot control a terminal."""
    return harmless_json(read_json(answer, again=again))


def spell_command(words: Iterable[str], options: Mapping[str, str]) -> str:
    """A command as somebody would type it."""
    option_words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    return shlex.join([*words, *option_words])


def _parameters_in(detail: str) -> dict[str, str]:
    """The parameters that a refusal suggests: `name=value`, or several joined with &, between backticks."""
    pairs = [pair.partition("=") for quoted in detail.split("`")[1::2] for pair in quoted.split("&")]
    return {name: value for name, sign, value in pairs if sign and name in SUGGESTED}


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return harmless_json(problem) if isinstance(problem, dict) else {}


def follow(client: RetryingClient, import_id: int, *, is_watched: bool) -> Iterator[dict[str, Any]]:
    """The import each time that it has changed, until it is finished.

    The service holds each request until the import is finished or the time is up.
    """
    wait = 1.0
    headers: dict[str, str] = {}
    while True:
        answer = client.get(
            f"/v1/imports/{import_id}", params={"wait": wait}, headers=headers, timeout=wait + TIMEOUT_SECONDS
        )
        wait = min(2 * wait, LOOK_SECONDS) if is_watched else WAIT_SECONDS
        if answer.status_code != httpx.codes.NOT_MODIFIED:
            import_ = read_json(answer)
            headers = {"If-None-Match": answer.headers["etag"]}
            yield import_
            if import_["status"] in FINISHED:
                return


def result_rows(client: httpx.Client, import_id: int, kind: str, *, size: int) -> list[dict[str, Any]]:
    """The first failures or warnings of an import, for people."""
    answer = client.get(f"/v1/imports/{import_id}/{kind}", params={"page_size": size})
    return list(read_for_people(answer)["items"])


def remarked_rows(client: httpx.Client, import_id: int) -> int:
    """How many rows pre-flight remarked upon. Its event is on the first page, for it precedes the acceptance."""
    events = read_json(client.get(f"/v1/imports/{import_id}/events"))["items"]
    return sum(event["data"]["rows"] for event in events if event["type"] == "preflight")
