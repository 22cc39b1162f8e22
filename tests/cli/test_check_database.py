"""`sluice check-database`: what it finds, and its exit code."""

import json

from app.store.tables import part_file
from tests.attacks.test_corruption import spoil
from tests.cli.conftest import Run
from tests.story.files import leads
from tests.support.clock import SteppedClock
from tests.support.stage import staged


async def test_sluice_check_database_says_what_it_found(sqlite_url: str, clock: SteppedClock, sluice: Run):
    """Exit code 0 and 1; a table for people, JSON for scripts. SQLite's own check is made, too."""
    async with staged(sqlite_url, clock) as stage:
        made = await stage.created(leads(3))
        url = stage.container.settings.database_url
        good = sluice("check-database", DATABASE_URL=url)
        assert (good.returncode, "Nothing is corrupt." in good.stdout) == (0, True), good.stderr
        await spoil(stage.container.db, part_file.c.blob)
        bad = sluice("check-database", DATABASE_URL=url)
        assert bad.returncode == 1
        assert f"corrupt: part_file of import {made}, part 1, waiting" in bad.stdout
        result = json.loads(sluice("check-database", "--json", DATABASE_URL=url).stdout)
        assert result["corrupt"] == [{"table": "part_file", "import": made, "part": 1, "part_state": "waiting"}]
        assert result["counted"] == {"part_file": {"corrupt": 1}, "part_keys": {"whole": 1}}
        assert result["complaints"] == []
