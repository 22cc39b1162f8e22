"""Asks before a file is sent that was sent already: by mistake it would be imported twice."""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, Annotated, Any

import httpx
import typer

from app.cli.client import fail, read_json
from app.cli.times import format_age
from app.cli.upload import CHUNK_BYTES, size_of
from app.clock import machine_clock
from app.domain.imports import ImportStatus
from app.domain.objects import OBJECT_TYPES
from app.terminal import harmless

LOOKED_AT = 50  # the newest imports
SENT_IN_VAIN = frozenset({ImportStatus.FAILED, ImportStatus.CANCELLED})

SAME_RECORDS = frozenset(
    {"object_type", "instance", *(name for kind in OBJECT_TYPES.values() for name in kind.parameters())}
)
"""Parameters that say which records a file changes."""
FILLED_IN = frozenset({"object_type", "lookup_field", "dedupe_fields"})
"""Those of them that the service fills in where they are left out."""

AgainOption = Annotated[bool, typer.Option("--again", help="Do not ask where the same file was sent already.")]


def newest(client: httpx.Client, parameters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Those of the newest imports that are for the same records as these parameters say."""
    wanted = {"instance": "default"} | dict(parameters)
    for import_ in read_json(client.get("/v1/imports", params={"page_size": LOOKED_AT}))["items"]:
        if all(_agrees(import_.get(name), wanted.get(name), name) for name in SAME_RECORDS):
            yield import_


def _agrees(known: Any, wanted: str | None, name: str) -> bool:
    if wanted is None and name in FILLED_IN:
        return True
    return (None if known is None else str(known)) == wanted


def retries(client: httpx.Client, import_id: int) -> Iterator[dict[str, Any]]:
    """The imports that are retries of this one."""
    page = read_json(client.get(f"/v1/imports/{import_id}/events", params={"page_size": 200}))
    for event in page["items"]:
        if event["type"] == "retried":
            answer = client.get(f"/v1/imports/{event['data']['as_import']}")
            if answer.is_success:
                yield answer.json()


def ask(source: IO[bytes], earlier: Iterable[dict[str, Any]], *, is_refused: bool) -> None:
    """Ask whether to go on if one of these imports had the same file; without a terminal to ask at, say so.

    `is_refused`: without a terminal the command ends instead, and names --again. A packed file, and what can be read
    only once, is not compared.
    """
    size = size_of(source)
    if size is None or not source.seekable():
        return
    same_size = [one for one in earlier if one["file"]["bytes"] == size and one["status"] not in SENT_IN_VAIN]
    digest = _digest(source) if same_size else ""
    for import_ in same_size:
        if import_["file"]["sha256"] == digest:
            _ask_about(import_, is_refused=is_refused)
            return


def _ask_about(import_: dict[str, Any], *, is_refused: bool) -> None:
    since = format_age((machine_clock() - datetime.fromisoformat(import_["created_at"])).total_seconds())
    said = harmless(f"The same file was sent {since} ago, as import {import_['id']} ({import_['status']}).")
    if sys.stdin.isatty() and sys.stderr.isatty():
        if not typer.confirm(f"{said} Send it again?", err=True):
            fail("Nothing was sent.")
    elif is_refused:
        fail(f"{said} Nothing was sent; with --again it is.")
    else:
        typer.echo(said, err=True)


def _digest(source: IO[bytes]) -> str:
    """SHA-256 of what is left of a file, which is put back to where it was."""
    begin, digest = source.tell(), hashlib.sha256()
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
    source.seek(begin)
    return digest.hexdigest()
