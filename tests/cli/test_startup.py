"""How an address is told, and a port that cannot be had."""

import socket

import pytest

from app.cli.startup import address, listening, url_of
from tests.cli.conftest import MARKETO, Run


@pytest.mark.parametrize("command", ["serve", "simulate"])
def test_a_port_that_is_taken_is_one_line(sluice: Run, command: str):
    """And nothing is announced that does not come."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = sluice(command, "--port", taken.getsockname()[1], **MARKETO, AUTH="off")
    assert (result.returncode, result.stdout) == (1, "")
    assert "cannot listen on 127.0.0.1:" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_address_is_told_so_that_it_can_be_opened():
    """IPv6 in brackets."""
    assert (address("::1", 8000), address("127.0.0.1", 8000)) == ("[::1]:8000", "127.0.0.1:8000")
    with listening("127.0.0.1", 0) as door:
        assert url_of(door) == f"http://127.0.0.1:{door.getsockname()[1]}"
