"""What a terminal shows of an upload and its import."""

import json
import re
from pathlib import Path

from tests.cli.conftest import Run
from tests.support.processes import ROOT, Service
from tests.support.terminal import Terminal

LEADS = ROOT / "docs" / "samples" / "leads.csv"


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
