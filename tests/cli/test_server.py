"""`sluice serve` as a process: what it refuses to start with, and a connection that is idle for too long."""

import socket
from pathlib import Path

import pytest

from tests.cli.conftest import MARKETO, Run
from tests.support.processes import service


def test_an_idle_connection_is_closed_when_its_time_is_over(sqlite_url: str, tmp_path: Path):
    """Over a real socket, by the setting, which may be a fraction."""
    with (
        service(tmp_path, sqlite_url, "http://127.0.0.1:9", KEEP_ALIVE_SECONDS=0.3) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=60) as line,
    ):
        line.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        received = b""
        while chunk := line.recv(65_536):
            received += chunk
        assert received.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("words", "variables", "says"),
    [
        (("serve",), {}, "SLUICE_INSTANCES__DEFAULT__BASE_URL"),
        (("serve", "--host", "0.0.0.0"), MARKETO | {"AUTH": "off"}, "loopback only"),
        (("serve", "--role", "worker"), MARKETO | {"AUTH": "off"}, "SQLite takes one process"),
    ],
    ids=["no instance", "not on loopback", "a role on SQLite"],
)
def test_serve_refuses_what_cannot_work(sluice: Run, words, variables, says):
    """One clear line, the exit code of bad settings, nothing started."""
    result = sluice(*words, **variables)
    assert result.returncode == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr
