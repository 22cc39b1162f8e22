"""How a file is sent: a broken line costs time and makes no second import."""

import asyncio
import json
import re
import signal
from pathlib import Path

from tests.cli.conftest import Run
from tests.support import patience
from tests.support.line import CHUNK_BYTES, Line, standing
from tests.support.processes import ROOT, Service, wait_until
from tests.support.relay import relayed
from tests.support.terminal import Terminal

LEADS = ROOT / "docs" / "samples" / "leads.csv"


class Deaf(Line):
    """Hears, and does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.received = b""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await reader.read(CHUNK_BYTES):
            self.received += some


def test_an_upload_whose_answer_was_lost_is_sent_again_and_is_one_import(sluice: Run, served: Service):
    """The service took it and the line broke: the second time it is the same."""
    label = "answer lost"
    with relayed(served.port) as relay:
        relay.lose_answer_to(b"POST /v1/imports")
        result = sluice("submit", LEADS, "--wait", "--json", "--label", label, URL=relay.url)
        sent = [request for request in relay.requests if request.startswith(b"POST ")]
    assert relay.has_broken
    assert result.returncode == 1
    assert len(sent) == 2
    assert len({re.search(rb"(?i)idempotency-key: (\S+)", request).group(1) for request in sent}) == 1
    listed = patience.get(f"{served.url}/v1/imports", params={"label": label}).json()["items"]
    assert [item["id"] for item in listed] == [json.loads(result.stdout)["id"]]


def test_what_comes_through_a_pipe_is_sent_once(sluice: Run, served: Service):
    """It cannot be read again, and the command says what is not known."""
    with relayed(served.port) as relay:
        relay.lose_answer_to(b"POST /v1/imports")
        result = sluice("submit", "-", "--label", "piped once", stdin="email\na@example.com\n", URL=relay.url)
        assert [request[:4] for request in relay.requests] == [b"POST"]
    assert (result.returncode, result.stdout) == (1, "")
    assert "broke" in result.stderr


def test_a_file_is_sent_with_its_length_and_a_pipe_in_chunks(sluice: Run, served: Service):
    """So that the service, and what stands between, know what is to come."""
    with relayed(served.port) as relay:
        sluice("submit", LEADS, "--again", URL=relay.url)
        sluice("submit", "-", stdin="email\na@example.com\n", URL=relay.url)
        of_file, of_pipe = [request.lower() for request in relay.requests]
    assert b"content-length: %d\r\n" % LEADS.stat().st_size in of_file
    assert b"transfer-encoding" not in of_file
    assert b"transfer-encoding: chunked\r\n" in of_pipe


def test_whoever_stops_an_upload_is_told_that_nothing_was_imported(served: Service, tmp_path: Path):
    """Exit code 1, and the service knows nothing of it."""
    label = "given up"
    terminal = Terminal(tmp_path, "submit", "-", "--label", label, URL=served.url)
    wait_until(lambda: "0.0 MB" in terminal.shown, "the upload's line")
    terminal.child.send_signal(signal.SIGINT)
    assert terminal.ended() == 1
    assert "nothing was imported" in terminal.shown
    assert patience.get(f"{served.url}/v1/imports", params={"label": label}).json()["items"] == []


def test_whoever_stops_waiting_for_the_answer_to_an_upload_is_told_that_it_is_not_known(tmp_path: Path):
    """The file had gone."""
    with standing(Deaf()) as line:
        terminal = Terminal(tmp_path, "submit", LEADS, "--again", URL=f"http://127.0.0.1:{line.port}")
        wait_until(lambda: line.received.endswith(LEADS.read_bytes()), "the file")
        terminal.child.send_signal(signal.SIGINT)
        assert terminal.ended() == 1
    assert "whether it is imported" in terminal.shown
