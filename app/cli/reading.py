"""`sluice status` and `sluice failures`: show what a running service knows."""

import codecs
import io
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any

import httpx
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape

from app.cli import tables
from app.cli.client import follow, read_for_people, read_json, service
from app.cli.retrying_client import RetryingClient
from app.clock import machine_clock
from app.terminal import harmless, harmless_json

NEWEST = 10
EXPLAINED = 5  # imports of which is said why they wait: each costs a request
WATCH_SECONDS = 2.0
ImportId = Annotated[int, typer.Argument(help="The import's number.", metavar="ID")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def status(
    import_id: Annotated[int | None, typer.Argument(help="The import's number.", metavar="[ID]")] = None,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep it up to date, until interrupted or finished.")] = False,
) -> None:
    """Show how the service is doing, what is under way and each instance; or one import with its parts.

    Example: sluice status 42 --watch
    """
    if watch and as_json:
        raise typer.BadParameter("--watch is for people; scripts ask with --json, or `sluice submit --wait --json`")
    with service() as client:
        if watch:
            _watch(client, import_id)
        elif as_json:
            path = "/v1/status" if import_id is None else f"/v1/imports/{import_id}"
            typer.echo(json.dumps(read_json(client.get(path)), indent=2))
        elif import_id is None:
            tables.console().print(_service(client))
        else:
            tables.console().print(_import(client, read_for_people(client.get(f"/v1/imports/{import_id}"))))


def _watch(client: httpx.Client, import_id: int | None) -> None:
    """Draw the status in place until interrupted or finished."""
    with suppress(KeyboardInterrupt), Live(console=tables.console(), auto_refresh=False) as live:
        screen = Screen(live)
        retrying = RetryingClient(client, screen.broken)
        for content in _services(retrying) if import_id is None else _imports(retrying, import_id):
            screen.show(content)


class Screen:
    """Shows the last answer, and since when there has been none."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._last = Group()
        self._silent_since: datetime | None = None

    def show(self, content: Group) -> None:
        self._last, self._silent_since = content, None
        self._live.update(content, refresh=True)

    def broken(self, why: str) -> None:
        self._silent_since = self._silent_since or machine_clock().astimezone()
        silence = f"[yellow]No answer since {self._silent_since:%H:%M:%S}. {why} Trying again …[/]"
        self._live.update(Group(self._last, silence), refresh=True)


def _services(client: RetryingClient) -> Iterator[Group]:
    while True:
        yield _service(client)
        time.sleep(WATCH_SECONDS)


def _imports(client: RetryingClient, import_id: int) -> Iterator[Group]:
    for import_ in follow(client, import_id, is_watched=True):
        yield _import(client, harmless_json(import_))


def _service(client: RetryingClient | httpx.Client) -> Group:
    answer = client.get("/v1/status")
    is_limited = answer.status_code == httpx.codes.FORBIDDEN  # the key may submit, and sees its client's own
    content = _instance_states(client) if is_limited else _verdict(read_for_people(answer))
    newest = read_for_people(client.get("/v1/imports", params={"page_size": NEWEST}))["items"]
    under_way = [
        item
        for word in ("importing", "queued")
        for item in read_for_people(client.get("/v1/imports", params={"status": word, "page_size": NEWEST}))["items"]
    ]
    if under_way:
        content.append(tables.queue_table(under_way, _waits(client, under_way), machine_clock()))
    return Group(*content, tables.imports_table(newest, title="Newest imports"))


def _verdict(status: dict[str, Any]) -> list[RenderableType]:
    counts = ", ".join(f"{count} {word}" for word, count in status["imports"].items() if count)
    lines = [f"Sluice is {tables.colour(status['status'])}.", f"In the last 24 hours: {counts or 'no import'}."]
    lines += [escape(f"  {item['name']}: {item['detail']}") for item in status["checks"] if item["status"] != "ok"]
    return [*lines, tables.instances_table(status["instances"])]


def _instance_states(client: RetryingClient | httpx.Client) -> list[RenderableType]:
    listed = read_for_people(client.get("/v1/instances"))["items"]
    return ["This key sees its own client's imports.", tables.instance_states_table(listed)]


def _waits(client: RetryingClient | httpx.Client, under_way: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """A waiting part of each of the imports of which nothing is at Marketo: of the first few, by the import's id."""
    idle = [item["id"] for item in under_way if item["parts"]["waiting"] and not item["parts"]["at_marketo"]]
    waits: dict[int, dict[str, Any]] = {}
    for import_id in idle[:EXPLAINED]:
        parts = read_for_people(client.get(f"/v1/imports/{import_id}/parts"))["items"]
        if waiting := [part for part in parts if part["waiting_for"]]:
            waits[import_id] = waiting[0]
    return waits


def _import(client: RetryingClient | httpx.Client, import_: dict[str, Any]) -> Group:
    parts = read_for_people(client.get(f"/v1/imports/{import_['id']}/parts"))["items"]
    remarks = [
        escape(f"{name}: {import_[name]['code']}: {import_[name]['message']}")
        for name in ("error", "attention")
        if import_[name]
    ]
    return Group(tables.imports_table([import_], title=f"Import {import_['id']}"), *remarks, tables.parts_table(parts))


def failures(
    import_id: ImportId,
    warnings: Annotated[bool, typer.Option("--warnings", help="The warned rows instead.")] = False,
    output: Annotated[Path | None, typer.Option(help="A file to write to, instead of standard output.")] = None,
) -> None:
    """Print the rows that Marketo rejected, in the import's own format, with reason and source row.

    Example: sluice failures 42 --output rejected.csv
    """
    path = f"/v1/imports/{import_id}/{'warnings' if warnings else 'failures'}.csv"
    into = file_to_write(output) if output else nullcontext(sys.stdout.buffer)
    with into as file, service() as client, client.stream("GET", path) as answer:
        if not answer.is_success:
            read_json(answer)
        chunks = answer.iter_bytes()
        for chunk in _for_a_terminal(chunks) if file.isatty() else chunks:
            file.write(chunk)
        file.flush()


def _for_a_terminal(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A result file as it may be shown on a terminal, whatever its line ends. Elsewhere it is written unchanged."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
    for chunk in chunks:
        yield harmless(decoder.decode(chunk), keep="\n\t").encode()


@contextmanager
def file_to_write(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to. It gets its name when all of it is written; an incomplete one is removed."""
    if path.exists() and not path.is_file():  # a pipe or a device is written to where it is
        with _opened(path) as file:
            yield file
        return
    place = path.resolve()
    beside = place.with_name(f"{place.name}.part")
    try:
        with _opened(beside, instead_of=path) as file:
            yield file
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def _opened(path: Path, *, instead_of: Path | None = None) -> IO[bytes]:
    try:
        return path.open("wb")
    except OSError as reason:
        raise typer.BadParameter(f"{instead_of or path}: {reason.strerror}") from None
