"""What a terminal shows of an upload and its import."""

import json
import re
from pathlib import Path

from app.cli.progress import Left, UploadProgress, progress_bar
from tests.cli.conftest import Run
from tests.support.processes import ROOT, Service
from tests.support.terminal import Terminal

LEADS = ROOT / "docs" / "samples" / "leads.csv"


def test_a_terminal_shows_the_upload_and_the_import(served: Service, tmp_path: Path):
    """How much of the file and of its rows; then the result, and the rejected rows as a table."""
    terminal = Terminal(tmp_path, "submit", LEADS, "--wait", "--again", URL=served.url)
    assert terminal.ended() == 1
    assert "upload: taken" in terminal.shown
    rows = len(LEADS.read_text().splitlines()) - 1
    assert re.search(rf"import \d+: complete .*100% {rows} of {rows} rows", terminal.shown), terminal.shown
    assert "Rejected rows" in terminal.shown


def test_no_terminal_gets_no_progress(sluice: Run, served: Service):
    """A log has no use for a bar; JSON stays JSON."""
    for words in ((), ("--json",)):
        result = sluice("submit", LEADS, "--wait", "--again", *words, URL=served.url)
        assert (result.returncode, result.stderr) == (1, "")
    assert json.loads(result.stdout)["status"] == "complete"


def test_the_time_that_is_left_is_the_services_own_estimate():
    """Before there is one, it is by the rate so far."""
    bar = progress_bar()
    progress = UploadProgress(bar, size_bytes=100)
    progress.show_import(
        {
            "id": 7,
            "status": "importing",
            "rows": {"total": 10, "pending": 8, "failed": 1},
            "not_before": None,
            "estimated_finish_at": "2999-01-01T00:00:00Z",
        }
    )
    upload, import_ = bar.tasks
    assert (import_.description, import_.completed) == ("import 7: importing", 2)
    assert import_.fields["amount"] == "2 of 10 rows, 1 failed"
    assert "days" in Left().render(import_).plain
    assert Left().render(upload).plain == ""
    progress.show_sent(50)
    assert upload.fields["amount"] == "0.0 of 0.0 MB"
