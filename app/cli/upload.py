"""Sends a file so that a broken connection costs time and never makes a second import."""

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
from app.domain.formats import Format
from app.domain.timeouts import IDEMPOTENT_UPLOAD_IDLE_SECONDS
from app.files.file_kinds import packing_of

CHUNK_BYTES = 1 << 18
KEY_HELD_SECONDS = 1.5 * IDEMPOTENT_UPLOAD_IDLE_SECONDS  # after a dead upload the service holds its key no longer

NOTHING = "The file had not gone to its end, and nothing was imported."
UNKNOWN = "The file had gone, and no answer had come: whether it is imported, `sluice status` shows."

PACKED_SUFFIXES = frozenset({".gz", ".zst"})
BEGINNING_BYTES = 16

Sent = Callable[[int], None]


def upload(
    client: RetryingClient,
    source: IO[bytes],
    *,
    path: str,
    name: str | None,
    parameters: dict[str, str],
    sent: Sent = lambda _: None,
) -> httpx.Response:
    """Send a file, a bounded chunk at a time. The answer is the import. A compressed file is sent as it is.

    Each upload has an Idempotency-Key of its own: where no answer comes, the file is sent again and makes no second
    import. A source that cannot be read twice is sent once. `sent` is called with the number of bytes sent so far.
    """
    key = {"Idempotency-Key": f"cli-{uuid.uuid4().hex}"}
    size, begin = size_of(source), source.tell() if source.seekable() else None
    progress = _SentBytes(size)

    def send() -> httpx.Response:
        sent(0)  # show the bar now: a pipe may take long to bring its first byte
        if begin is not None:
            source.seek(begin)
        headers = _headers_of(source, name) | key
        try:
            content = progress.count(_chunks(source, size, sent))
            return client.client.post(path, content=content, params=parameters, headers=headers)
        except httpx.LocalProtocolError:
            fail("The file changed while it was read. Nothing was imported.")

    try:
        answer = send() if begin is None else client.ask(send)
        held_until = time.monotonic() + KEY_HELD_SECONDS
        while begin is not None and _is_in_use(answer) and time.monotonic() < held_until:
            client.broken(f"The service answered {answer.status_code}.")
            client.pause(float(answer.headers.get("retry-after", 1)))
            answer = client.ask(send)
    except KeyboardInterrupt:
        fail(f"Interrupted. {UNKNOWN if progress.is_complete else NOTHING}")
    return answer


def check_file(
    client: httpx.Client, source: IO[bytes], *, name: str | None, parameters: dict[str, str]
) -> httpx.Response:
    """Send a file only to be checked. The answer says what is wrong with it."""
    content = _chunks(source, size_of(source), lambda _: None)
    return client.post("/v1/checks", content=content, params=parameters, headers=_headers_of(source, name))


def _headers_of(source: IO[bytes], name: str | None) -> dict[str, str]:
    """The headers that describe a file."""
    headers = {"Content-Type": "application/octet-stream"}
    if name:
        headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(name)}"
    if (size := size_of(source)) is not None:
        headers["Content-Length"] = str(size)
    if packing := _packing(source):
        headers["Content-Encoding"] = packing
    return headers


class _SentBytes:
    """Notes whether all of a file was sent at least once: otherwise it cannot have become an import."""

    def __init__(self, size: int | None) -> None:
        self.is_complete = False
        self._size = size

    def count(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        done = 0
        for chunk in chunks:
            done += len(chunk)
            self.is_complete = self.is_complete or done == self._size
            yield chunk
        self.is_complete = True


def _is_in_use(answer: httpx.Response) -> bool:
    """Whether the service still works on our own first request, which broke off."""
    return answer.status_code == httpx.codes.CONFLICT and "idempotency_key_in_use" in answer.text


def _chunks(source: IO[bytes], size: int | None, sent: Sent) -> Iterator[bytes]:
    """The file in chunks, up to the size that was announced: a log file may grow meanwhile."""
    done = 0
    while chunk := source.read(CHUNK_BYTES if size is None else min(CHUNK_BYTES, size - done)):
        yield chunk
        done += len(chunk)
        sent(done)


def _packing(source: IO[bytes]) -> str | None:
    """How a file is compressed, by its first bytes, which are not consumed."""
    return packing_of(source.peek(BEGINNING_BYTES)) if isinstance(source, io.BufferedReader) else None


def format_by_name(file: Path) -> str | None:
    """The format by the file's suffix, before one that says how it is compressed; None where it says nothing."""
    packed = file.suffix.lower() in PACKED_SUFFIXES
    return Format.of_suffix((file.with_suffix("") if packed else file).suffix.lower())


def size_of(source: IO[bytes]) -> int | None:
    """Bytes from here to the end; None where only reading shows it, as with a pipe."""
    try:
        file_status = os.fstat(source.fileno())
    except OSError:
        return None
    return file_status.st_size - source.tell() if stat.S_ISREG(file_status.st_mode) else None


def name_of(file: Path) -> str | None:
    """The file's name; None for standard input."""
    return None if str(file) == "-" else file.name


def open_file(file: Path) -> IO[bytes]:
    """Open a file to read; - is standard input. Errors: BadParameter."""
    if str(file) == "-":
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as reason:
        raise typer.BadParameter(f"{file}: {reason.strerror}") from None
