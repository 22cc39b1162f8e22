"""`sluice rekey`: whether a service has the file or nobody has; and what a start says of the keys."""

import json
from pathlib import Path

import pytest

from app.simulator import Rules
from tests.cli.conftest import MARKETO, Run
from tests.story.test_processes import QUICK, create
from tests.support.keys import FIRST, SECOND, vault
from tests.support.processes import Service, simulator

OLD, NEW = (vault(key).keyring.first.fingerprint for key in (FIRST, SECOND))


@pytest.mark.one_database
def test_while_the_service_works_and_after_it_with_every_key_in_turn(sluice: Run, sqlite_url: str, tmp_path: Path):
    """In the clear, under one key, under another; a start without the key that is needed says which one that is."""
    with simulator(Rules()) as (marketo, _):
        running = Service(tmp_path, sqlite_url, marketo, **QUICK)
        try:
            running.start()
            create(running, 2)
            none = sluice("rekey", DATABASE_URL=sqlite_url)
            assert (none.returncode, "What is new is written unencrypted." in none.stdout) == (0, True)
            running.end(15)
            running.environment["SLUICE_ENCRYPTION_KEYS"] = FIRST
            running.start()
            create(running, 1)
            sealed = json.loads(sluice("rekey", "--json", DATABASE_URL=sqlite_url).stdout)
            assert sealed["changed"]["part_file"] == 2
            assert sealed["keys"] == {"first": OLD, "needed": [OLD], "may_go": []}
        finally:
            if running.child and running.child.poll() is None:
                running.end(15)
    for keys in ({}, {"ENCRYPTION_KEYS": SECOND}):
        refused = sluice("serve", DATABASE_URL=sqlite_url, PORT=0, **MARKETO, **keys)
        assert refused.returncode == 1
        assert f"SLUICE_ENCRYPTION_KEYS: what is stored needs the key {OLD}, and this process" in refused.stderr
    checked = sluice("check-database", DATABASE_URL=sqlite_url)
    assert (checked.returncode, f"needs the key {OLD}" in checked.stdout) == (1, True)
    said = sluice("rekey", DATABASE_URL=sqlite_url, ENCRYPTION_KEYS=f"{SECOND},{FIRST}")
    assert (said.returncode, said.stderr) == (0, "")
    assert f"What is new is encrypted under the key {NEW}." in said.stdout
    assert f"may be taken out of SLUICE_ENCRYPTION_KEYS: {OLD}." in said.stdout
    again = sluice("rekey", DATABASE_URL=sqlite_url, ENCRYPTION_KEYS=SECOND)
    assert "Everything was as it should be." in again.stdout
    assert sluice("check-database", DATABASE_URL=sqlite_url, ENCRYPTION_KEYS=SECOND).returncode == 0


@pytest.mark.one_database
def test_a_key_that_is_none_stops_the_start_and_is_not_shown(sluice: Run, sqlite_url: str):
    """Neither there nor among the settings."""
    refused = sluice("settings", DATABASE_URL=sqlite_url, ENCRYPTION_KEYS="hunter2hunter2")
    assert refused.returncode != 0
    assert "SLUICE_ENCRYPTION_KEYS: key 1 is not 32 bytes in base64" in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout
    shown = sluice("settings", DATABASE_URL=sqlite_url, ENCRYPTION_KEYS=FIRST)
    assert FIRST not in shown.stdout
