"""A client that is generated from the running service's document: strictly typed, and then used."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.api.app import routed
from app.api.openapi.answers import operations
from app.settings import exactly
from app.simulator import Rules
from tests.story.test_processes import QUICK
from tests.support import forks, patience
from tests.support.processes import ROOT, Service, service, simulator

HERE = Path(__file__).parent
CLIENTS = ROOT / ".venv" / "clients"
MARKETO = Rules(job_seconds=0.1, window_seconds=1)
UNSUPPORTED = re.compile(r"Unsupported content type text/(csv|tab-separated-values)")


@dataclass(frozen=True)
class Served:
    """A service that asks for keys, and a key that may do everything."""

    url: str
    key: str


@contextmanager
def served(folder: Path, database_url: str) -> Iterator[Served]:
    with (
        simulator(MARKETO) as (marketo, _),
        service(folder, database_url, marketo, **(QUICK | {"AUTH": "on"})) as running,
    ):
        yield Served(running.url, key_of(running, folder))


def key_of(running: Service, folder: Path) -> str:
    words = ("keys", "create", "--client", "generated", "--scope", "admin")
    made = forks.run(words, running.environment, folder)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def run(folder: Path, *words: str) -> str:
    """What a command said in this folder, once it has ended well."""
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=patience.seconds(), check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def python(folder: Path, *words: str | Path, path: Path | None = None) -> subprocess.Popen[str]:
    """A Python in this folder, with the packages of the development environment and those of `path`."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path or folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def told(child: subprocess.Popen[str]) -> str:
    """What a process wrote, once it has ended well."""
    output, _ = child.communicate(timeout=patience.seconds())
    assert child.returncode == 0, output
    return output


def generate(url: str, folder: Path) -> list[str]:
    """Write the package `sluice_client` into the folder. Each warning of the generator."""
    (folder / "generator.yaml").write_text("post_hooks: []\n")
    words = ("--url", f"{url}/openapi.json", "--meta", "none", "--output-path", "sluice_client")
    child = python(
        folder,
        *("-m", "openapi_python_client", "generate", "--config", "generator.yaml", *words),
        path=CLIENTS / "generator",
    )
    output = told(child)
    return re.split(r"^WARNING |^ERROR ", output, flags=re.MULTILINE)[1:]


def test_the_life_uses_every_operation_of_the_document():
    """So that none is only type-checked. Marketo's own paths have clients of their own: test_marketo_clients.py."""
    program = (HERE / "python_client.py").read_text()
    for _, path, operation in operations(routed(exactly(auth="on", instances={})).openapi()):
        if operation["tags"] != ["marketo"]:
            function = re.sub(r"([A-Z])", r"_\1", operation["operationId"]).lower()
            assert f"{function}.sync" in program, path


@pytest.mark.one_database
def test_a_generated_python_client_is_strictly_typed_and_leads_a_whole_life(sqlite_url: str, tmp_path: Path):
    """Every answer has its type, errors too. What it cannot send is a raw text of another type than bytes."""
    (tmp_path / "life.py").write_text((HERE / "python_client.py").read_text())
    with served(tmp_path, sqlite_url) as running:
        warnings = generate(running.url, tmp_path)
        assert [warning for warning in warnings if not UNSUPPORTED.search(warning)] == []
        cache = ("--cache-dir", CLIENTS / ".mypy_cache")
        checking = python(tmp_path, "-m", "mypy", "--config-file=", "--strict", *cache, "sluice_client", "life.py")
        living = python(tmp_path, "life.py", running.url, running.key)
        told(living)
        assert "Success: no issues found in" in told(checking)


@pytest.mark.one_database
@pytest.mark.typescript
def test_a_generated_typescript_client_is_strictly_typed_and_leads_a_whole_life(sqlite_url: str, tmp_path: Path):
    """The same life, with openapi-typescript's types and openapi-fetch. `make clients` has put both aside."""
    folder = tmp_path / "typescript"
    shutil.copytree(HERE / "typescript", folder)
    (folder / "node_modules").symlink_to(CLIENTS / "typescript" / "node_modules")
    with served(tmp_path, sqlite_url) as running:
        run(folder, "node_modules/.bin/openapi-typescript", f"{running.url}/openapi.json", "--output", "api.d.ts")
        run(folder, "node_modules/.bin/tsc", "--project", ".")
        run(folder, "node", "built/client.js", running.url, running.key)
