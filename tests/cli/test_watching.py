"""`sluice submit --wait` and `sluice status --watch`: what a terminal shows, and what a broken line costs."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.cli.conftest import Run
from tests.cli.test_actions import submitted
from tests.story.test_processes import QUICK
from tests.support import forks, patience
from tests.support.line import CHUNK_BYTES, Line, standing
from tests.support.processes import ROOT, Service, service, wait_until
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


def test_a_terminal_shows_the_upload_and_the_import(served: Service, tmp_path: Path):
    """How much of the file and of its rows; then the result, and the rejected rows as a table."""
    terminal = Terminal(tmp_path, "submit", LEADS, "--wait", URL=served.url)
    assert terminal.ended() == 1
    assert "upload: taken" in terminal.shown
    rows = len(LEADS.read_text().splitlines()) - 1
    assert re.search(rf"import \d+: complete .*100% {rows} of {rows} rows", terminal.shown), terminal.shown
    assert "Rejected rows" in terminal.shown


def test_no_terminal_gets_no_progress(sluice: Run, served: Service):
    """A log has no use for a bar; JSON stays JSON."""
    for words in ((), ("--json",)):
        told = sluice("submit", LEADS, "--wait", *words, URL=served.url)
        assert (told.returncode, told.stderr) == (1, "")
    assert json.loads(told.stdout)["status"] == "complete"


def test_an_upload_whose_answer_was_lost_is_sent_again_and_is_one_import(sluice: Run, served: Service):
    """The service took it and the line broke: the second time it is the same."""
    label = "answer lost"
    with relayed(served.port) as relay:
        relay.lose_answer_to(b"POST /v1/imports")
        told = sluice("submit", LEADS, "--wait", "--json", "--label", label, URL=relay.url)
        sent = [request for request in relay.requests if request.startswith(b"POST ")]
    assert relay.has_broken
    assert told.returncode == 1
    assert len(sent) == 2
    assert len({re.search(rb"(?i)idempotency-key: (\S+)", request).group(1) for request in sent}) == 1
    listed = patience.get(f"{served.url}/v1/imports", params={"label": label}).json()["items"]
    assert [one["id"] for one in listed] == [json.loads(told.stdout)["id"]]


def test_what_comes_through_a_pipe_is_sent_once(sluice: Run, served: Service):
    """It cannot be read again, and the command says what is not known."""
    with relayed(served.port) as relay:
        relay.lose_answer_to(b"POST /v1/imports")
        told = sluice("submit", "-", "--label", "piped once", stdin="email\na@example.com\n", URL=relay.url)
        assert [request[:4] for request in relay.requests] == [b"POST"]
    assert (told.returncode, told.stdout) == (1, "")
    assert "broke" in told.stderr


def test_a_file_is_sent_with_its_length_and_a_pipe_in_chunks(sluice: Run, served: Service):
    """So that the service, and what stands between, know what is to come."""
    with relayed(served.port) as relay:
        sluice("submit", LEADS, URL=relay.url)
        sluice("submit", "-", stdin="email\na@example.com\n", URL=relay.url)
        of_file, of_pipe = [request.lower() for request in relay.requests]
    assert b"content-length: %d\r\n" % LEADS.stat().st_size in of_file
    assert b"transfer-encoding" not in of_file
    assert b"transfer-encoding: chunked\r\n" in of_pipe


def test_a_watch_that_breaks_is_taken_up_again(sluice: Run, served: Service):
    """And ends with the import; the service is asked to wait, not asked each second."""
    with relayed(served.port) as relay:
        relay.lose_answer_to(b"GET /v1/imports/")
        told = sluice("submit", LEADS, "--wait", "--json", URL=relay.url)
        looks = [one for one in relay.requests if re.match(rb"GET /v1/imports/\d+\?wait=", one)]
    assert relay.has_broken
    assert json.loads(told.stdout)["status"] == "complete"
    assert 2 <= len(looks) <= 4


def test_whoever_stops_watching_is_told_that_the_import_goes_on(served: Service, tmp_path: Path):
    """By Ctrl-C: exit code 1, and the import is where it was."""
    terminal = Terminal(tmp_path, "submit", LEADS, "--wait", "--not-before", "2999-01-01T00:00:00Z", URL=served.url)
    wait_until(lambda: ": queued" in terminal.shown, "the import's line")
    terminal.child.send_signal(signal.SIGINT)
    assert terminal.ended() == 1
    import_id = re.search(r"sluice status (\d+) --watch", terminal.shown).group(1)
    assert patience.post(f"{served.url}/v1/imports/{import_id}/cancel").json()["status"] == "cancelled"


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
        terminal = Terminal(tmp_path, "submit", LEADS, URL=f"http://127.0.0.1:{line.port}")
        wait_until(lambda: line.received.endswith(LEADS.read_bytes()), "the file")
        terminal.child.send_signal(signal.SIGINT)
        assert terminal.ended() == 1
    assert "whether it is imported" in terminal.shown


def test_status_of_an_import_shows_its_parts(sluice: Run, served: Service):
    """With Marketo's number and what a part waits for."""
    import_id = submitted(sluice, served, "-", "--not-before", "2999-01-01T00:00:00Z")
    told = sluice("status", import_id, URL=served.url)
    assert "waits for: not_before" in told.stdout
    queue = sluice("status", URL=served.url).stdout
    assert re.search(rf"Under way(.|\n)* {import_id} .*queued .* after 2999-01-01", queue)
    sluice("cancel", import_id, URL=served.url)
    terminal_state = sluice("status", import_id, URL=served.url).stdout
    assert re.search(r"^ +1 +cancelled +1 *$", terminal_state, re.MULTILINE)


def test_status_is_watched_until_the_import_is_finished(served: Service, tmp_path: Path):
    """It is drawn in place, and the last look stays."""
    made = patience.post(f"{served.url}/v1/imports?not_before=2999-01-01T00:00:00Z", content=LEADS.read_bytes()).json()
    terminal = Terminal(tmp_path, "status", made["id"], "--watch", URL=served.url)
    wait_until(lambda: "queued" in terminal.shown, "the first look")
    patience.post(f"{served.url}/v1/imports/{made['id']}/cancel")
    assert terminal.ended() == 0
    assert "cancelled" in terminal.shown


def test_the_queue_is_watched_until_interrupted(served: Service, tmp_path: Path):
    """What comes meanwhile is seen; Ctrl-C is no failure."""
    terminal = Terminal(tmp_path, "status", "--watch", URL=served.url)
    wait_until(lambda: "Instances" in terminal.shown, "the first look")
    label = "seen while watching"
    patience.post(f"{served.url}/v1/imports", params={"label": label}, content=b"email\na@example.com\n")
    wait_until(lambda: label in terminal.shown, "the new import")
    terminal.child.send_signal(signal.SIGINT)
    assert terminal.ended() == 0


@pytest.mark.parametrize("of_import", [False, True], ids=["the queue", "an import"])
def test_a_watch_says_when_it_hears_nothing_and_goes_on_when_it_does(
    marketo: tuple[str, Simulator], sqlite_url: str, tmp_path: Path, of_import: bool
):
    """A table that stands still says nothing of whether the service does."""
    with service(tmp_path, sqlite_url, marketo[0], **QUICK) as away:
        content, far = b"email\na@example.com\n", {"not_before": "2999-01-01T00:00:00Z"}
        made = patience.post(f"{away.url}/v1/imports", params=far, content=content).json()
        words = ("status", made["id"], "--watch") if of_import else ("status", "--watch")
        terminal = Terminal(tmp_path, *words, URL=away.url)
        wait_until(lambda: "queued" in terminal.shown, "the first look")
        away.end(signal.SIGTERM)
        wait_until(lambda: re.search(r"No answer since \d\d:\d\d:\d\d\.", terminal.shown) is not None, "its silence")
        away.start()
        patience.post(f"{away.url}/v1/imports/{made['id']}/cancel").raise_for_status()
        wait_until(lambda: "cancelled" in terminal.shown, "the next look")
        if not of_import:
            terminal.child.send_signal(signal.SIGINT)
        assert terminal.ended() == 0
        assert "No answer" not in terminal.shown.rpartition("cancelled")[2]


def test_watching_is_for_people(sluice: Run, served: Service):
    """Scripts have --json."""
    assert sluice("status", "--watch", "--json", URL=served.url).returncode == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell: str, tmp_path: Path):
    """The script that --show-completion prints asks `sluice` itself, for an option's words too."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("SLUICE_", "_TYPER"))}
    known = bare | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}

    def run(*words: str, **more: str) -> str:
        told = forks.run(words, known | more, tmp_path)
        assert told.returncode == 0
        return told.stdout

    def completed(line: str) -> str:
        asked = {"_SLUICE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line}
        asked |= {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
        return run(**asked, _TYPER_COMPLETE_FISH_ACTION="get-args")

    assert f"complete_{shell}" in run("--show-completion", shell)
    assert "submit" in completed("sluice sub")
    assert "custom_object" in completed("sluice submit leads.csv --object-type cus")
