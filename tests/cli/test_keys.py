"""`sluice keys`: made where the database is, shown once, taken back at once."""

import json
import re
from pathlib import Path
from stat import S_IMODE, S_ISSOCK

import pytest

from app.simulator import Rules
from app.store.database import sqlite_path
from app.store.sqlite_file import SqliteFile
from tests.cli.conftest import Run
from tests.story.files import LEADS
from tests.story.test_processes import QUICK
from tests.support import patience
from tests.support.processes import service, simulator
from tests.support.terminal import Terminal

KEY = re.compile(r"^slc_[0-9a-f]{12}_[0-9a-f]{48}$")


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.one_database
def test_a_key_is_made_listed_and_revoked(sluice: Run, empty_database_url: str):
    """What it opens with is printed once, and its digest shown nowhere."""
    known = {"DATABASE_URL": empty_database_url}
    if not empty_database_url.startswith("sqlite"):
        assert "run `sluice migrate`" in sluice("keys", "list", **known).stderr
        sluice("migrate", **known)
    made = sluice("keys", "create", "--client", "crm-sync", "--scope", "submit", "--scope", "read", **known)
    assert (made.returncode, made.stderr) == (0, "")
    key = made.stdout.strip()
    assert KEY.match(key)
    words = ("--days", 7, "--max-priority", 3, "--json")
    other = json.loads(sluice("keys", "create", "--client", "b", "--scope", "read", *words, **known).stdout)
    assert KEY.match(other["key"])
    assert other["max_priority"] == 3
    listed = sluice("keys", "list", **known).stdout
    assert re.search(r"\bb +read +≤ 3 ", listed)
    assert "crm-sync" in listed
    assert "submit read" in listed
    assert key.split("_")[2] not in listed
    revoked = sluice("keys", "revoke", key.split("_")[1], **known)
    assert revoked.returncode == 0
    result = {item["id"]: item for item in json.loads(sluice("keys", "list", "--json", **known).stdout)}
    assert result[key.split("_")[1]]["revoked_at"]
    assert result[other["id"]]["expires_at"]
    assert result[other["id"]]["revoked_at"] is None


def test_a_narrow_terminal_shows_a_key_s_whole_id(sluice: Run, sqlite_url: str, tmp_path: Path):
    """Without it nobody could revoke the key. A pipe has no width, and nothing is cut for it."""
    name = "the service that brings us the leads of the trade fairs"
    words = ("--scope", "submit", "--scope", "read", "--days", 7, "--json")
    made = json.loads(sluice("keys", "create", "--client", name, *words, DATABASE_URL=sqlite_url).stdout)
    terminal = Terminal(tmp_path, "keys", "list", columns=80, DATABASE_URL=sqlite_url)
    assert terminal.ended() == 0
    assert max(map(len, terminal.shown.splitlines())) <= 80
    assert re.search(rf"\b{made['id']}\b", terminal.shown), terminal.shown
    (row,) = [line for line in sluice("keys", "list", DATABASE_URL=sqlite_url).stdout.splitlines() if name in line]
    assert re.fullmatch(rf"{made['id']} +{name} +submit read( +[-\d]{{10}} \d\d:\d\dZ){{2}}", row.strip())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("create", "--scope", "read"), 2, "--client"),
        (("create", "--client", "a"), 2, "--scope"),
        (("create", "--client", "a", "--scope", "all"), 2, "submit"),
        (("create", "--client", " ", "--scope", "read"), 2, "printable"),
        (("create", "--client", "a", "--scope", "read", "--days", "0"), 2, "--days"),
        (("create", "--client", "a", "--scope", "read", "--max-priority", "10"), 2, "--max-priority"),
        (("revoke", "0f3a5c7e9b1d"), 1, "There is no key 0f3a5c7e9b1d"),
    ],
)
def test_what_cannot_be_done_is_said(sluice: Run, sqlite_url: str, words: tuple[str, ...], code: int, says: str):
    """On standard error, with the exit code of its kind."""
    result = sluice("keys", *words, DATABASE_URL=sqlite_url)
    assert (result.returncode, result.stdout) == (code, "")
    assert says in result.stderr


def test_a_service_with_keys_from_the_first_start(sluice: Run, tmp_path: Path):
    """Make a key, start the service, upload with it; make, list and revoke keys beside it, by the owner's socket."""
    url = f"sqlite:///{tmp_path / 'sluice.db'}"
    key = sluice("keys", "create", "--client", "crm-sync", "--scope", "submit", DATABASE_URL=url).stdout.strip()
    (tmp_path / "leads.csv").write_bytes(LEADS)
    socket = tmp_path / "sluice.db.socket"
    with (
        simulator(Rules(job_seconds=0.2, window_seconds=1)) as (marketo, _),
        service(tmp_path, url, marketo, AUTH="on", **QUICK) as running,
    ):
        assert patience.get(f"{running.url}/v1/imports").status_code == 401
        done = sluice("submit", "leads.csv", "--wait", URL=running.url, API_KEY=key)
        assert done.returncode == 0, done.stderr
        refused = sluice("submit", "leads.csv", URL=running.url)
        assert refused.returncode == 1
        assert "API key" in refused.stderr
        another = json.loads(
            sluice("keys", "create", "--client", "b", "--scope", "read", "--json", DATABASE_URL=url).stdout
        )
        assert patience.get(f"{running.url}/v1/imports", headers=bearing(another["key"])).status_code == 200
        listed = json.loads(sluice("keys", "list", "--json", DATABASE_URL=url).stdout)
        assert [item["client"] for item in listed] == ["crm-sync", "b"]
        assert sluice("keys", "revoke", another["id"], DATABASE_URL=url).stdout == f"Key {another['id']} is revoked.\n"
        assert patience.get(f"{running.url}/v1/imports", headers=bearing(another["key"])).status_code == 401
        unknown = sluice("keys", "revoke", "a b?", DATABASE_URL=url)
        assert (unknown.returncode, unknown.stdout) == (1, "")
        assert "There is no key" in unknown.stderr
        assert S_ISSOCK(socket.stat().st_mode)
        assert S_IMODE(socket.stat().st_mode) == 0o600


def test_where_no_service_listens_the_file_is_still_one_process_s(sluice: Run, sqlite_url: str):
    """Whatever has the file and serves nothing: the command says so, and what to do."""
    holder = SqliteFile(sqlite_path(sqlite_url))
    holder.claim()
    try:
        taken = sluice("keys", "list", DATABASE_URL=sqlite_url)
    finally:
        holder.release()
    assert (taken.returncode, taken.stdout) == (1, "")
    assert "SQLite takes one process" in taken.stderr
