"""`sluice status` and `sluice failures`: read what a running service knows."""

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
from app.cli.client import followed, for_people, service, told
from app.cli.retrying_client import RetryingClient
from app.clock import machine_clock
from app.terminal import harmless, harmless_json

NEWEST = 10
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
            typer.echo(json.dumps(told(client.get(path)), indent=2))
        elif import_id is None:
            tables.console().print(_service(client))
        else:
            tables.console().print(_import(client, for_people(client.get(f"/v1/imports/{import_id}"))))


def _watch(client: httpx.Client, import_id: int | None) -> None:
    """Drawn in place, for as long as anybody looks."""
    with suppress(KeyboardInterrupt), Live(console=tables.console(), auto_refresh=False) as live:
        screen = Screen(live)
        asking = RetryingClient(client, screen.broken)
        for shown in _services(asking) if import_id is None else _imports(asking, import_id):
            screen.shows(shown)


class Screen:
    """The last that was heard, and since when no more."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._last = Group()
        self._silent_since: datetime | None = None

    def shows(self, shown: Group) -> None:
        self._last, self._silent_since = shown, None
        self._live.update(shown, refresh=True)

    def broken(self, why: str) -> None:
        self._silent_since = self._silent_since or machine_clock().astimezone()
        silence = f"[yellow]No answer since {self._silent_since:%H:%M:%S}. {why} Trying again …[/]"
        self._live.update(Group(self._last, silence), refresh=True)


def _services(asking: RetryingClient) -> Iterator[Group]:
    while True:
        yield _service(asking)
        time.sleep(WATCH_SECONDS)


def _imports(asking: RetryingClient, import_id: int) -> Iterator[Group]:
    for found in followed(asking, import_id, looked_at=True):
        yield _import(asking, harmless_json(found))


def _service(asking: RetryingClient | httpx.Client) -> Group:
    found = for_people(asking.get("/v1/status"))
    newest = for_people(asking.get("/v1/imports", params={"page_size": NEWEST}))["items"]
    under_way = [
        one
        for word in ("importing", "queued")
        for one in for_people(asking.get("/v1/imports", params={"status": word, "page_size": NEWEST}))["items"]
    ]
    counts = ", ".join(f"{count} {word}" for word, count in found["imports"].items() if count)
    lines = [f"Sluice is {tables.coloured(found['status'])}.", f"In the last 24 hours: {counts or 'no import'}."]
    lines += [escape(f"  {one['name']}: {one['detail']}") for one in found["checks"] if one["status"] != "ok"]
    shown: list[RenderableType] = [*lines, tables.of_instances(found["instances"])]
    if under_way:
        shown.append(tables.of_queue(under_way, machine_clock()))
    return Group(*shown, tables.of_imports(newest, title="Newest imports"))


def _import(asking: RetryingClient | httpx.Client, found: dict[str, Any]) -> Group:
    parts = for_people(asking.get(f"/v1/imports/{found['id']}/parts"))["items"]
    remarks = [
        escape(f"{name}: {found[name]['code']}: {found[name]['message']}")
        for name in ("error", "attention")
        if found[name]
    ]
    return Group(tables.of_imports([found], title=f"Import {found['id']}"), *remarks, tables.of_parts(parts))


def failures(
    import_id: ImportId,
    warnings: Annotated[bool, typer.Option("--warnings", help="The warned rows instead.")] = False,
    output: Annotated[Path | None, typer.Option(help="A file to write to, instead of standard output.")] = None,
) -> None:
    """Print the rows that Marketo rejected, in the import's own format, with reason and source row.

    Example: sluice failures 42 --output rejected.csv
    """
    path = f"/v1/imports/{import_id}/{'warnings' if warnings else 'failures'}"
    into = whole(output) if output else nullcontext(sys.stdout.buffer)
    with into as file, service() as client, client.stream("GET", path) as answer:
        if not answer.is_success:
            told(answer)
        chunks = answer.iter_bytes()
        for chunk in _for_a_terminal(chunks) if file.isatty() else chunks:
            file.write(chunk)
        file.flush()


def _for_a_terminal(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A file of anybody's words, whatever its line ends, as it may be looked at; elsewhere it goes as it is."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
    for chunk in chunks:
        yield harmless(decoder.decode(chunk), keep="\n\t").encode()


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which has its name once all of it is there. What never is, is taken away."""
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
