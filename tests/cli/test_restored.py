"""`sluice restored`: what it says to people, and what it refuses; whether a service has the file or nobody has."""

import json
from pathlib import Path

import pytest

from app.simulator import Rules
from tests.cli.conftest import MARKETO, Run
from tests.story.test_processes import QUICK, create
from tests.support import patience
from tests.support.processes import Service, simulator

SINCE = "2026-11-23T03:00:00Z"


@pytest.mark.one_database
def test_it_says_in_numbers_what_it_marked_and_what_to_do(sluice: Run, sqlite_url: str, tmp_path: Path):
    """Over the socket of the service that has the file. A service that is not paused is refused."""
    with simulator(Rules()) as (marketo, _):
        running = Service(tmp_path, sqlite_url, marketo, **QUICK)
        try:
            running.start()
            refused = sluice("restored", "--since", SINCE, DATABASE_URL=sqlite_url)
            assert (refused.returncode, "Instance 'default' is not paused" in refused.stderr) == (1, True)
            running.end(15)
            running.options = ("--paused",)
            running.start()
            (state,) = patience.get(f"{running.url}/v1/instances").json()["items"]
            assert (state["state"], state["reason"]) == ("paused", "the service was started with --paused")
            later = sluice("restored", "--since", "2099-01-01", DATABASE_URL=sqlite_url)
            assert (later.returncode, "still to come" in later.stderr) == (1, True)
            (new,) = create(running, 1)
            assert new > 1_000_000
            said = sluice("restored", "--since", SINCE, DATABASE_URL=sqlite_url)
            assert (said.returncode, said.stderr) == (0, "")
            assert said.stdout.startswith(
                f"0 imports were not finished when the back-up of {SINCE[:-1]}.000Z was made:"
            )
            assert "0 parts waited, and may have been sent since. They are held.\n" in said.stdout
            assert said.stdout.endswith("What is held stays so until it is decided.\n")
        finally:
            if running.child and running.child.poll() is None:
                running.end(9)


@pytest.mark.one_database
def test_without_a_service_it_works_on_the_database_itself(sluice: Run, sqlite_url: str):
    """Which nobody has paused yet; a time that is none is bad usage."""
    refused = sluice("restored", "--since", SINCE, DATABASE_URL=sqlite_url, **MARKETO)
    assert (refused.returncode, "is not paused" in refused.stderr) == (1, True)
    assert sluice("restored", "--since", "noon", DATABASE_URL=sqlite_url).returncode == 2
    assert sluice("restored", DATABASE_URL=sqlite_url).returncode == 2


@pytest.mark.one_database
def test_for_scripts_it_is_json(sluice: Run, sqlite_url: str):
    """A database without any instance has nothing to mark."""
    found = json.loads(sluice("restored", "--since", SINCE, "--json", DATABASE_URL=sqlite_url).stdout)
    assert (found["imports"], found["waiting_imports"], found["beside"]["api_keys"]) == (0, [], 0)
