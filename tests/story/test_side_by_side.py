"""An upgrade while files come in: processes of the version before and of today's on one database, both ways round.

`make side-by-side` runs it by itself. The version before runs with today's libraries.
"""

import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import migrations
from tests.story.test_processes import MARKETO, QUICK, event_types, under_way, uploading
from tests.support.databases import postgres_copy
from tests.support.earlier_code import commit_before_the_newest_migration, unpack
from tests.support.processes import ROOT, Anew, Service, service, simulator, wait_until

PATIENT = QUICK | {"LEASE_SECONDS": 600}  # whoever stops hands over at once: had anyone to wait, this would not end
STAY = 3  # imports that come in, and that are sent, before the next process is replaced


@pytest.fixture
def code_before(tmp_path: Path) -> Path:
    """Where the code of the version before is."""
    try:
        return unpack(commit_before_the_newest_migration(), tmp_path)
    except LookupError as reason:
        pytest.skip(f"LEFT OUT: {reason}")


@pytest.fixture
def bare_url(postgres_server: str) -> Iterator[str]:
    with postgres_copy(postgres_server, None) as url:
        yield url


def migrate(code: Path, url: str, folder: Path, settings: dict[str, str]) -> None:
    """`sluice migrate` of one version."""
    with (folder / "migrate.log").open("ab") as log:
        child = Anew("app", ["migrate"], settings | {"SLUICE_DATABASE_URL": url}, folder, log, code=code)
        assert child.ended() == 0, (folder / "migrate.log").read_text()


class Upgrade:
    """What runs: one API and one worker, each replaced while files come in."""

    def __init__(self, folder: Path, url: str, marketo: str, played: Any, stack: ExitStack) -> None:
        self._known = (folder, url, marketo)
        self._played = played
        self._stack = stack
        self.doors: list[Service] = []
        self.answers: list[tuple[int | None, int]] = []
        self._worker: Service | None = None

    def replace_worker(self, code: Path) -> None:
        """The next one waits beside it, and takes over when it ends."""
        before, self._worker = self._worker, self._started("worker", code)
        self._end(before)

    def replace_api(self, code: Path) -> None:
        """Callers are sent to the next one before this one ends, as a load balancer does."""
        before = self.doors[:]
        self.doors[:] = [self._started("api", code)]
        if before:
            came = len(self.answers)
            wait_until(lambda: len(self.answers) > came + 1, "callers to be sent to the next one")
            self._end(before[0])

    def stay(self, imports: int = STAY) -> None:
        """Until so many more files have come in, and as many have been sent to Marketo."""
        came, went = len(self.answers), len(self._played.report()["jobs"])
        wait_until(lambda: len(self.answers) >= came + imports, "files to be taken in")
        wait_until(lambda: len(self._played.report()["jobs"]) >= went + imports, "files to be sent")

    def _started(self, role: str, code: Path) -> Service:
        return self._stack.enter_context(service(*self._known, role=role, code=code, **PATIENT))

    @staticmethod
    def _end(before: Service | None) -> None:
        assert before is None or before.end(signal.SIGTERM) == 0


def steps() -> list[str]:
    """What `docs/operating.md` says is to be done, in its order."""
    section = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8").partition("### Upgrading\n")[2]
    return re.findall(r"^\d\. \*\*(.+?)\*\*", section.partition("\n### ")[0], flags=re.MULTILINE)


@pytest.mark.both_databases
@pytest.mark.endure(minutes=4)
def test_an_upgrade_and_a_step_back_are_not_noticed(bare_url: str, code_before: Path, tmp_path: Path):
    """In the order of docs/operating.md, and back the other way round: every file is taken in, and sent once."""
    migrate(code_before, bare_url, tmp_path, {})
    assert migrations.revision(bare_url) != migrations.head()
    with ExitStack() as stack:
        marketo, played = stack.enter_context(simulator(MARKETO))
        upgrade = Upgrade(tmp_path, bare_url, marketo, played, stack)
        ways: dict[str, Callable[[Path], None]] = {
            "Back up": lambda _: None,  # tests/cli/test_backup.py
            "Migrate": lambda code: migrate(code, bare_url, tmp_path, {}),
            "Replace the workers": upgrade.replace_worker,
            "Replace the APIs": upgrade.replace_api,
        }
        assert steps() == list(ways)
        upgrade.replace_worker(code_before)
        upgrade.replace_api(code_before)
        with uploading(upgrade.doors, pause_seconds=1) as upgrade.answers:
            upgrade.stay()
            for code, names in ((ROOT, steps()), (code_before, reversed(steps()))):
                for name in names:
                    ways[name](code)
                    upgrade.stay()
        assert migrations.revision(bare_url) == migrations.head()
        assert {status for status, _ in upgrade.answers} == {202}
        check_all_is_done(upgrade.doors[0], [import_id for _, import_id in upgrade.answers], played)


def check_all_is_done(api: Service, accepted: list[int], played: Any) -> None:
    """Nothing was lost, and nothing went twice."""
    wait_until(lambda: not under_way(api), "all of them to be complete")
    types = event_types(api, accepted)
    assert (types["collect"], types["lose"], types["fail"], types["refuse"]) == (len(accepted), 0, 0, 0)
    assert set(Counter(job["sha256"] for job in played.report()["jobs"]).values()) == {1}
