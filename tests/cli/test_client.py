"""How commands speak to a service: one that is not there, that refuses, or whose connection breaks."""

import json
import re
import signal
import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support import patience
from tests.support.processes import ROOT, Service, wait_until
from tests.support.relay import relayed
from tests.support.terminal import Terminal

LEADS = ROOT / "docs" / "samples" / "leads.csv"


def test_an_import_that_is_not_there_is_an_error(sluice: Run, served: Service):
    """Exit code 1 and the problem."""
    for words in (("status", 999_999), ("failures", 999_999)):
        result = sluice(*words, URL=served.url)
        assert result.returncode == 1
        assert "999999" in result.stderr


def test_a_watch_that_breaks_is_taken_up_again(sluice: Run, served: Service):
    """And ends with the import; the service is asked to wait, not asked each second."""
    with relayed(served.port) as relay:
        relay.lose_answer_to(b"GET /v1/imports/")
        result = sluice("submit", LEADS, "--wait", "--json", URL=relay.url)
        looks = [item for item in relay.requests if re.match(rb"GET /v1/imports/\d+\?wait=", item)]
    assert relay.has_broken
    assert json.loads(result.stdout)["status"] == "complete"
    assert 2 <= len(looks) <= 4


def test_whoever_stops_watching_is_told_that_the_import_goes_on(served: Service, tmp_path: Path):
    """By Ctrl-C: exit code 1, and the import is where it was."""
    terminal = Terminal(
        tmp_path, "submit", LEADS, "--again", "--wait", "--not-before", "2999-01-01T00:00:00Z", URL=served.url
    )
    wait_until(lambda: ": queued" in terminal.shown, "the import's line")
    terminal.child.send_signal(signal.SIGINT)
    assert terminal.ended() == 1
    import_id = re.search(r"sluice status (\d+) --watch", terminal.shown).group(1)
    assert patience.post(f"{served.url}/v1/imports/{import_id}/cancel").json()["status"] == "cancelled"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "htp://127.0.0.1:8000", "http://"])
@pytest.mark.parametrize("command", ["status", "settings"])
def test_a_mistyped_address_of_the_service_is_a_bad_setting(sluice: Run, command: str, url: str):
    """And no connection that broke."""
    result = sluice(command, URL=url)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("SLUICE_URL: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [("status",), ("failures", 1), ("cancel", 1), ("status", 1), ("status", "--watch")])
def test_without_a_service_a_command_says_where_it_looked(sluice: Run, words: tuple[object, ...]):
    """Exit code 1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        result = sluice(*words, URL=url)
    assert result.returncode == 1
    assert result.stderr.startswith(f"No Sluice answers at {url}.")
