"""`sluice health`: whether the processes here are alive, for whoever starts them anew."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from app.cli import sign_of_life
from app.cli.unix_socket import short_name
from app.domain.timeouts import STANDSTILL_SECONDS

LONGEST_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Finding:
    """What one process of ours is like."""

    process: str  # "worker, process 7"
    is_healthy: bool
    sentence: str


class _LeftBehind(Exception):
    """The process of this socket has ended."""


def health(
    timeout: Annotated[float, typer.Option(help="How many seconds a process may take to answer.", min=0.1)] = 5,
) -> None:
    """Tell whether the processes of `sluice serve` and `sluice simulate` here answer. Exits 1 if one does not.

    It asks those of the same user with the same folder for temporary files: in a container, the one that runs there.
    A worker is asked, too, whether its steps still get their turn; an API, on whatever port, for /livez. The database
    is not asked: starting a process anew brings none back.

    Example: docker compose exec api sluice health
    """
    findings = list(_findings(timeout))
    for finding in findings:
        typer.echo(f"{finding.process}: {finding.sentence}", err=not finding.is_healthy)
    if not findings:
        nobody = f"there is no socket of one in {sign_of_life.folder()}."
        typer.echo(f"No `sluice serve` or `sluice simulate` of this user has begun: {nobody}", err=True)
    if not findings or not all(finding.is_healthy for finding in findings):
        raise typer.Exit(1)


def _findings(timeout: float) -> Iterator[Finding]:
    try:
        paths = sorted(sign_of_life.folder().glob(f"*{sign_of_life.SUFFIX}"))
    except OSError:
        return
    for path in paths:
        try:
            yield _examine(path, timeout)
        except _LeftBehind:
            path.unlink(missing_ok=True)


def _examine(path: Path, timeout: float) -> Finding:
    """Errors: _LeftBehind."""
    role, number, _ = path.stem.rsplit("-", 2)
    try:
        sign = _ask(path, timeout)
        complaint = None if sign["is_stopping"] else _complaint(sign, timeout)
    except (ConnectionRefusedError, FileNotFoundError):
        raise _LeftBehind from None
    except (OSError, ValueError) as reason:
        complaint = f"does not answer: {_why(reason, timeout)}."
    return Finding(f"{role}, process {number}", is_healthy=complaint is None, sentence=complaint or "answers.")


def _complaint(sign: dict[str, Any], timeout: float) -> str | None:
    """What is wrong with a process that answers."""
    beat = sign["beat_age_seconds"]
    if sign["works"] and beat is None:
        return "has not begun to work yet."
    if sign["works"] and beat > STANDSTILL_SECONDS:
        return f"stands still: no step had its turn for {beat:.0f} seconds."
    if sign["url"]:
        try:
            _check_alive(sign["url"], timeout)
        except (OSError, http.client.HTTPException) as reason:
            return f"{sign['url']}/livez: {_why(reason, timeout)}."
    return None


def _ask(path: Path, timeout: float) -> dict[str, Any]:
    """What the process says of itself. Errors: OSError, ValueError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, short_name(path) as name:
        line.settimeout(timeout)
        line.connect(name)
        received = bytearray()
        while (chunk := line.recv(LONGEST_ANSWER_BYTES)) and len(received) < LONGEST_ANSWER_BYTES:
            received += chunk
    sign = json.loads(received)
    return {"is_stopping": False, "works": False, "beat_age_seconds": None, "url": None} | dict(sign)


def _check_alive(url: str, timeout: float) -> None:
    """Errors: OSError, HTTPException."""
    address = urlsplit(url)
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  listening on all addresses includes loopback
    host = everywhere.get(address.hostname or "", address.hostname or "")
    with _connection(host, address.port or 80, timeout) as connection:
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"answers with {answer.status}")


@contextmanager
def _connection(host: str, port: int, timeout: float) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        yield connection
    finally:
        connection.close()


def _why(reason: Exception, timeout: float) -> str:
    if isinstance(reason, TimeoutError):
        return f"no word within {timeout:g} seconds"
    return (getattr(reason, "strerror", None) or str(reason)).lower()
