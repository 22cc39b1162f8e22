"""The image, the compose file and CI use what is really there."""

import os
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import forks

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, its words) with continued lines joined and comments left out."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest) for line in joined.splitlines() if line for word, _, rest in [line.partition(" ")]]


def compose() -> dict[str, Any]:
    parsed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(parsed, dict)
    return parsed


def services() -> dict[str, dict[str, Any]]:
    return dict(compose()["services"])


def ours() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services().items() if "build" in service}


@cache
def sluice(*words: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    bare |= {"COLUMNS": "200", "NO_COLOR": "1"}
    return forks.run(words, bare, ROOT)


def test_the_dockerfile_copies_only_what_is_there() -> None:
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    ]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_docker_context_lets_through_what_the_dockerfile_copies_and_no_more() -> None:
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        str(Path(source))
        for word, rest in instructions()
        if word == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    }
    assert let_through == copied


def test_the_image_checks_hashes_and_does_not_run_as_root() -> None:
    said = dict(instructions())
    assert any("--require-hashes -r requirements.lock" in rest for word, rest in instructions() if word == "RUN")
    assert said["USER"] == "10001:10001"
    assert "/livez" in said["HEALTHCHECK"]
    assert said["ENTRYPOINT"] == '["sluice"]'


def test_the_compose_file_publishes_the_api_alone_and_asks_for_keys() -> None:
    """To this host only: whoever lets others in puts TLS before it."""
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8000:8000"]}
    told = [service["environment"] for service in ours().values()]
    assert all("SLUICE_AUTH" not in one for one in told)


def test_the_compose_file_has_every_role() -> None:
    assert {"postgres", "migrate", "api", "worker-1", "worker-2", "simulator"} <= set(services())


def test_workers_and_api_wait_for_the_schema_and_the_schema_for_the_database() -> None:
    for name in ("api", "worker-1", "worker-2"):
        assert services()[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services()["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_stopping_has_more_time_than_the_service_takes() -> None:
    for name, service in ours().items():
        assert int(service["stop_grace_period"].removesuffix("s")) > 30, name


def test_the_compose_file_holds_no_password() -> None:
    asked = "${POSTGRES_PASSWORD:?"
    assert services()["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith(asked)
    urls = [service["environment"]["SLUICE_DATABASE_URL"] for service in ours().values() if service["environment"]]
    assert urls
    assert all(url.startswith(f"postgresql://sluice:{asked}") for url in urls)


@pytest.mark.parametrize("name", ["migrate", "api", "worker-1", "simulator"])
def test_the_command_of_each_service_is_one_of_sluice(name: str) -> None:
    command = [str(word) for word in services()[name]["command"]]
    answer = sluice(command[0], "--help")
    assert answer.returncode == 0, answer.stderr
    options = [word for word in command[1:] if word.startswith("--")]
    assert [option for option in options if option not in answer.stdout] == []


def test_the_commands_in_the_readme_are_commands_of_sluice() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^(?:\$ |.*\bexec .*\bapi )?(?:SLUICE_AUTH=off )?sluice (.+)$", readme, re.MULTILINE)
    assert set(re.findall(r"\bapi sluice (.+)$", readme, re.MULTILINE)) < set(lines)
    for line in lines:
        words = shlex.split(line, comments=True)
        command = words[: 2 if words[0] == "keys" else 1]
        answer = sluice(*command, "--help")
        assert answer.returncode == 0, line
        assert [word for word in words if word.startswith("--") and word not in answer.stdout] == [], line


def test_ci_runs_the_chores_that_anyone_can_run() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    chores = re.search(r"for chore in (.+); do", text)
    assert chores
    assert set(chores[1].split()) == {"check", "demo", "test"}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(chores[1].split()) <= targets


def test_the_example_settings_are_settings() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^#?(SLUICE_\w+)=", text, re.MULTILINE))
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert names
    assert [n for n in names if f"`{re.sub('__DEFAULT__', '__<NAME>__', n)}`" not in operating] == []
