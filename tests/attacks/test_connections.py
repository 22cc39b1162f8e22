"""Callers without a key who say too much, or nothing: a real process, over real connections.

A header without end cost quadratic time and was never refused; 140 silent connections locked everybody out, health
checks included.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.support import databases, patience
from tests.support.patience import wait_until
from tests.support.processes import Service, service

NOWHERE = "http://127.0.0.1:9"
LIMIT = 20
MORE_THAN_ALL = LIMIT + 64 + 10  # with the room that is kept for health checks
ENDLESS_BYTES = 64_000_000
LITTLE_MB = 30


@pytest.fixture
def serving(sqlite_template: Path, tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path), NOWHERE, CONNECTIONS=LIMIT) as started:
        yield started


def connected(to: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", to.port), timeout=patience.seconds())


def resident_mb(of: Service) -> float:
    """The most that the process has held."""
    assert of.child
    status = Path(f"/proc/{of.child.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"POST /v1/imports HTTP/1.1\r\nAccept: "])
def test_a_head_without_end_is_refused_and_costs_nobody_anything(serving: Service, begun: bytes):
    """After 32 KB: what follows is neither held nor looked at."""
    assert httpx.get(f"{serving.url}/livez").status_code == 200
    before_mb, sent_bytes = resident_mb(serving), 0
    with connected(serving) as line:
        line.sendall(begun)
        with suppress(ConnectionError):
            while sent_bytes < ENDLESS_BYTES:
                line.sendall(b"a" * 64_000)
                sent_bytes += 64_000
    assert sent_bytes < ENDLESS_BYTES, "it took all of it"
    assert httpx.get(f"{serving.url}/livez").status_code == 200
    assert resident_mb(serving) - before_mb < LITTLE_MB


def test_whoever_sends_too_much_of_a_head_can_read_why(serving: Service):
    """431, as a problem."""
    with connected(serving) as line:
        line.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000)
        told = b""
        while piece := line.recv(65_536):
            told += piece
    assert told.startswith(b"HTTP/1.1 431 ")
    assert b'"code": "headers_too_large"' in told


def test_silent_connections_lock_nobody_out(serving: Service):
    """The oldest of them make room, for health checks and for everybody else; and it is said in the log."""
    with ExitStack() as stack:
        for _ in range(MORE_THAN_ALL):
            stack.enter_context(connected(serving))
        for path, status in (("/livez", 200), ("/readyz", 200), ("/v1/imports", 200)):
            assert httpx.get(f"{serving.url}{path}").status_code == status
        wait_until(lambda: "the limit of connections is reached" in serving.log.read_text(), "the log line")
    assert serving.child
    assert serving.child.poll() is None
    assert httpx.get(f"{serving.url}/v1/imports").status_code == 200
