"""`sluice status` and `failures`: what a running service knows, printed, written to a file, or watched."""

import asyncio
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.cli.conftest import Run
from tests.cli.test_actions import submitted
from tests.story.test_processes import QUICK
from tests.support import patience
from tests.support.line import Line, standing
from tests.support.processes import ROOT, Service, service, wait_until
from tests.support.terminal import Terminal
from tests.support.tiers import chosen

LEADS = ROOT / "docs" / "samples" / "leads.csv"


def test_what_others_wrote_is_shown_as_they_wrote_it(sluice: Run, served: Service):
    """A label or a file name may look like markup; it is none."""
    result = sluice("submit", "-", "--label", "[/y] [red]", stdin="email\na@example.com\n", URL=served.url)
    assert result.returncode == 0, result.stderr
    assert "[/y] [red]" in result.stdout
    assert "[/y] [red]" in sluice("status", URL=served.url).stdout


def test_failures_go_to_a_file_or_to_standard_output(sluice: Run, served: Service, tmp_path: Path):
    """The same bytes; warnings too."""
    made = json.loads(sluice("submit", LEADS, "--wait", "--json", URL=served.url).stdout)
    printed = sluice("failures", made["id"], URL=served.url)
    assert printed.returncode == 0
    header, *rows = printed.stdout.splitlines()
    assert header.endswith("Import Failure Reason,Source Row")
    assert len(rows) == made["rows"]["failed"] > 0
    assert sluice("failures", made["id"], "--output", "bad.csv", URL=served.url).returncode == 0
    assert (tmp_path / "bad.csv").read_text() == printed.stdout
    warned = sluice("failures", made["id"], "--warnings", URL=served.url).stdout.splitlines()
    assert len(warned) - 1 == made["rows"]["warned"] > 0


class Breaking(Line):
    """Begins an answer, and hangs up."""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nemail\na\r\n")
        await writer.drain()


def test_failures_that_break_off_leave_the_file_as_it_was(sluice: Run, tmp_path: Path):
    """Half a file under its name would pass for the whole."""
    (tmp_path / "bad.csv").write_text("of yesterday\n")
    with standing(Breaking()) as line:
        url = f"http://127.0.0.1:{line.port}"
        for name in ("bad.csv", "new.csv"):
            result = sluice("failures", 1, "--output", name, URL=url)
            assert (result.returncode, result.stdout) == (1, "")
            assert result.stderr.startswith(f"The connection to {url} broke")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]
    assert (tmp_path / "bad.csv").read_text() == "of yesterday\n"


def test_failures_may_go_to_a_pipe(sluice: Run, served: Service, tmp_path: Path):
    """Which stays one."""
    made = json.loads(sluice("submit", LEADS, "--wait", "--json", URL=served.url).stdout)
    os.mkfifo(pipe := tmp_path / "pipe")
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reading:
        assert sluice("failures", made["id"], "--output", pipe, URL=served.url).returncode == 0
        read, _ = reading.communicate(timeout=patience.seconds())
    assert len(read.splitlines()) == 1 + made["rows"]["failed"]
    assert pipe.is_fifo()


def test_status_shows_the_service_and_its_instances(sluice: Run, served: Service):
    """A table for people, JSON for scripts."""
    result = sluice("status", URL=served.url)
    assert result.returncode == 0
    assert "Sluice is ok." in result.stdout
    assert "default" in result.stdout
    assert json.loads(sluice("status", "--json", URL=served.url).stdout)["status"] == "ok"


def test_status_of_an_import_shows_its_parts(sluice: Run, served: Service):
    """With Marketo's number and what a part waits for."""
    import_id = submitted(sluice, served, "-", "--not-before", "2999-01-01T00:00:00Z")
    result = sluice("status", import_id, URL=served.url)
    assert "waits for: not_before" in result.stdout
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


@pytest.mark.parametrize("of_import", chosen([False, True], True), ids=["the queue", "an import"])
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
