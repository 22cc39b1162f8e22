"""`sluice` in a forked process: what it sees is what a shell would give it."""

import os
import signal
from pathlib import Path

from tests.support import forks
from tests.support.patience import wait_until
from tests.support.processes import free_port


def test_its_words_its_environment_its_folder_and_its_streams_are_what_it_was_given(tmp_path: Path):
    """And nothing of ours."""
    (tmp_path / ".env").write_text("SLUICE_PORT=8123\n")
    known = {"PATH": os.environ["PATH"], "COLUMNS": "200", "SLUICE_HOST": "127.0.0.2"}
    told = forks.run(("settings",), known, tmp_path)
    assert told.returncode == 0
    rows = [[cell.strip() for cell in line.split("│")] for line in told.stdout.splitlines() if "│ SLUICE_" in line]
    shown = {row[1]: row[2] for row in rows}
    assert (shown["SLUICE_PORT"], shown["SLUICE_HOST"]) == ("8123", "127.0.0.2")
    refused = forks.run(("status", "x"), known, tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("Usage: sluice status ")


def test_it_can_be_waited_for_and_killed(tmp_path: Path):
    """As subprocess.Popen's children."""
    log = tmp_path / "log"
    with Path(os.devnull).open() as nothing, log.open("wb") as written:
        streams = (nothing.fileno(), written.fileno(), written.fileno())
        child = forks.Fork(("simulate", "--port", free_port()), {"PATH": os.environ["PATH"]}, tmp_path, streams)
        wait_until(lambda: "http://127.0.0.1:" in log.read_text(), "it to serve")
        assert child.poll() is None
        child.kill()
        assert child.ended() == child.returncode == -signal.SIGKILL
    child.send_signal(signal.SIGTERM)  # it is gone, and that is no error
