"""`sluice backup`: beside a running service, without one, and what it refuses."""

import json
import re
import signal
from pathlib import Path
from stat import S_IMODE

import pytest

import migrations
from app.simulator import Rules
from tests.cli.conftest import Run
from tests.story.test_processes import QUICK, create
from tests.support.processes import service, simulator


@pytest.mark.one_database
def test_a_back_up_is_made_beside_the_service_and_of_what_a_killed_one_left(
    sluice: Run, sqlite_url: str, tmp_path: Path
):
    """It says size, time and how to restore it; for scripts as JSON."""
    with simulator(Rules(job_seconds=60)) as (marketo, _), service(tmp_path, sqlite_url, marketo, **QUICK) as running:
        create(running, 3)
        made = sluice("backup", tmp_path / "one.db", DATABASE_URL=sqlite_url)
        assert (made.returncode, made.stderr) == (0, "")
        assert re.search(r"one\.db: \d+\.\d MB in \d+\.\d s, whole, with the schema \d{4}\.", made.stdout)
        assert re.search(r"sluice restored --since \d{4}-\d\d-\d\dT[\d:.]+Z", made.stdout)
        running.end(signal.SIGKILL)
        again = json.loads(sluice("backup", tmp_path / "two.db", "--json", DATABASE_URL=sqlite_url).stdout)
    assert (again["path"], again["revision"]) == (str(tmp_path / "two.db"), migrations.head())
    for name in ("one.db", "two.db"):
        assert S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        checked = sluice("check-database", DATABASE_URL=f"sqlite:///{tmp_path / name}")
        assert (checked.returncode, "Nothing is corrupt." in checked.stdout) == (0, True), checked


@pytest.mark.one_database
def test_what_cannot_be_copied_is_said(sluice: Run, sqlite_url: str, tmp_path: Path):
    """One sentence, and exit code 1."""
    (tmp_path / "there.db").write_text("precious")
    refused = sluice("backup", tmp_path / "there.db", DATABASE_URL=sqlite_url)
    assert (refused.returncode, "is not overwritten" in refused.stderr) == (1, True)
    refused = sluice("backup", tmp_path / "copy.db", DATABASE_URL="postgresql://ann@db.example.com/sluice")
    assert (refused.returncode, "use pg_dump" in refused.stderr) == (1, True)
