"""The command as a user runs it: a child process each, against a real service and a real simulator."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.simulator import Rules, Simulator
from tests.story.test_processes import QUICK
from tests.support import databases, forks
from tests.support.processes import Service, service, simulator

MARKETO = {
    "INSTANCES__DEFAULT__BASE_URL": "https://marketo.example.com/rest/",
    "INSTANCES__DEFAULT__CLIENT_ID": "an-id",
    "INSTANCES__DEFAULT__CLIENT_SECRET": "a-very-secret-secret",
}
"""The variables of a Marketo instance, without `SLUICE_`."""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="package")
def marketo() -> Iterator[tuple[str, Simulator]]:
    with simulator(Rules(job_seconds=0.2, window_seconds=1)) as played:
        yield played


@pytest.fixture(scope="package")
def served(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, marketo: tuple[str, Simulator]
) -> Iterator[Service]:
    """One service for all commands here; each test makes imports of its own."""
    folder = tmp_path_factory.mktemp("served")
    with service(folder, databases.sqlite_copy(sqlite_template, folder), marketo[0], **QUICK) as running:
        yield running


@pytest.fixture
def sluice(tmp_path: Path) -> Run:
    """Run `sluice` in an empty folder with these variables and nothing else of ours."""

    def run(*words: object, stdin: str = "", **variables: object) -> "subprocess.CompletedProcess[str]":
        bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        ours = {f"SLUICE_{name}": str(value) for name, value in variables.items()}
        return forks.run(words, bare | {"COLUMNS": "200"} | ours, tmp_path, stdin=stdin)

    return run
