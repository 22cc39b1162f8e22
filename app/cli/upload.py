"""Sending a file, so that a broken line costs time and never makes a second import."""

import io
import os
import stat
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

import httpx
import typer

from app.cli.client import fail
from app.cli.retrying_client import RetryingClient
from app.domain.timeouts import IDEMPOTENT_UPLOAD_IDLE_SECONDS
from app.files.file_kinds import packing_of

CHUNK_BYTES = 1 << 18
KEY_HELD_SECONDS = 1.5 * IDEMPOTENT_UPLOAD_IDLE_SECONDS  # then the service has let go of the key of an upload that died

NOTHING = "The file had not gone to its end, and nothing was imported."
UNKNOWN = "The file had gone, and no answer had come: whether it is imported, `sluice status` shows."

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".ssv": "ssv"}
PACKED_SUFFIXES = frozenset({".gz", ".zst"})
LOOKED_AT_BYTES = 16

Sent = Callable[[int], None]


def upload(
    asking: RetryingClient,
    source: IO[bytes],
    *,
    path: str,
    name: str | None,
    parameters: dict[str, str],
    sent: Sent = lambda _: None,
) -> httpx.Response:
    """Send a file, a bounded chunk at a time; the answer: the import that was made of it. A packed one goes as it is.

    With an Idempotency-Key of its own: where no answer comes, the same is sent again, and is the same import. What
    cannot be read twice is sent once. `sent` is told the bytes that are on the way.
    """
    key = {"Idempotency-Key": f"cli-{uuid.uuid4().hex}"}
    size, begin = size_of(source), source.tell() if source.seekable() else None
    went = _Went(size)

    def send() -> httpx.Response:
        sent(0)  # a pipe may bring its first byte whenever it likes
        if begin is not None:
            source.seek(begin)
        headers = _said_of(source, name) | key
        try:
            content = went.counted(_chunks(source, size, sent))
            return asking.client.post(path, content=content, params=parameters, headers=headers)
        except httpx.LocalProtocolError:
            fail("The file changed while it was read. Nothing was imported.")

    try:
        answer = send() if begin is None else asking.ask(send)
        held_until = time.monotonic() + KEY_HELD_SECONDS
        while begin is not None and _is_in_use(answer) and time.monotonic() < held_until:
            asking.broken(f"The service answered {answer.status_code}.")
            asking.pause(float(answer.headers.get("retry-after", 1)))
            answer = asking.ask(send)
    except KeyboardInterrupt:
        fail(f"Interrupted. {UNKNOWN if went.wholly else NOTHING}")
    return answer


def look_at(client: httpx.Client, source: IO[bytes], *, name: str | None, parameters: dict[str, str]) -> httpx.Response:
    """Send a file to be looked at only; the answer: what is wrong with it."""
    content = _chunks(source, size_of(source), lambda _: None)
    return client.post("/v1/checks", content=content, params=parameters, headers=_said_of(source, name))


def _said_of(source: IO[bytes], name: str | None) -> dict[str, str]:
    """The headers that tell of a file."""
    headers = {"Content-Type": "application/octet-stream"}
    if name:
        headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(name)}"
    if (size := size_of(source)) is not None:
        headers["Content-Length"] = str(size)
    if packing := _packing(source):
        headers["Content-Encoding"] = packing
    return headers


class _Went:
    """Whether ever all of a file went out: only of what went wholly an import can be made."""

    def __init__(self, size: int | None) -> None:
        self.wholly = False
        self._size = size

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        done = 0
        for chunk in chunks:
            done += len(chunk)
            self.wholly = self.wholly or done == self._size
            yield chunk
        self.wholly = True


def _is_in_use(answer: httpx.Response) -> bool:
    """Our own first request, which the service still takes for alive."""
    return answer.status_code == httpx.codes.CONFLICT and "idempotency_key_in_use" in answer.text


def _chunks(source: IO[bytes], size: int | None, sent: Sent) -> Iterator[bytes]:
    """No more than the size that was told: a log may grow meanwhile."""
    done = 0
    while chunk := source.read(CHUNK_BYTES if size is None else min(CHUNK_BYTES, size - done)):
        yield chunk
        done += len(chunk)
        sent(done)


def _packing(source: IO[bytes]) -> str | None:
    """How a file is packed, by its first bytes; nothing of it is taken."""
    return packing_of(source.peek(LOOKED_AT_BYTES)) if isinstance(source, io.BufferedReader) else None


def format_by_name(file: Path) -> str | None:
    """By the end of its name, before the one that says how it is packed; None where that says nothing."""
    packed = file.suffix.lower() in PACKED_SUFFIXES
    return SUFFIXES.get((file.with_suffix("") if packed else file).suffix.lower())


def size_of(source: IO[bytes]) -> int | None:
    """Bytes from here to the end; None where only reading tells, as of a pipe."""
    try:
        found = os.fstat(source.fileno())
    except OSError:
        return None
    return found.st_size - source.tell() if stat.S_ISREG(found.st_mode) else None


def named(file: Path) -> str | None:
    return None if str(file) == "-" else file.name


def opened(file: Path) -> IO[bytes]:
    """Standard input for -."""
    if str(file) == "-":
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as reason:
        raise typer.BadParameter(f"{file}: {reason.strerror}") from None
