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
    return {name: service for name, service in services().items() if service["image"].startswith("sluice")}


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


def let_through() -> list[str]:
    """What .dockerignore excepts from leaving everything out."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert [rule for rule in rules[1:] if not rule.startswith("!")] == ["**/.*", "**/__pycache__"]
    return [rule.removeprefix("!") for rule in rules if rule.startswith("!")]


def goes_in(path: str) -> bool:
    """Whether a file is part of the image's context. `**` stands for any folders, as in .dockerignore."""
    parts = path.split("/")
    return not any(part.startswith(".") for part in parts) and any(
        re.fullmatch(re.escape(rule).replace(r"\*\*/", "(.+/)?").replace(r"\*", "[^/]*"), path)
        for rule in let_through()
    )


def test_the_docker_context_lets_through_all_that_git_knows_of_what_the_dockerfile_copies() -> None:
    """And nothing besides."""
    copied = [
        source
        for word, rest in instructions()
        if word == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    ]
    known = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    wanted = {name for name in known for source in copied if name == source or name.startswith(f"{source}/")}
    assert len(wanted) > 300
    assert {name for name in known if name and goes_in(name)} == wanted


@pytest.mark.parametrize(
    "stray",
    [".env", "app/.env", "app/pages/.env.local", "sluice.db", "app/sluice.db", "app/sluice.db-wal", "app/leads.csv",
     "docs/samples/customers.csv", "migrations/dump.sql", "secrets/SLUICE_API_KEY", "app/key.pem"],
)  # fmt: skip
def test_no_stray_file_gets_into_the_image(stray: str) -> None:
    """Nothing of what lies about where somebody works."""
    assert not goes_in(stray)


def test_the_image_checks_hashes_and_does_not_run_as_root() -> None:
    said = dict(instructions())
    runs = " ".join(rest for word, rest in instructions() if word == "RUN")
    for lock in ("requirements${EXTRA}.lock", "requirements-build.lock"):
        assert f"--require-hashes -r {lock}" in runs
    assert said["USER"] == "10001:10001"
    assert said["HEALTHCHECK"].endswith('CMD ["sluice", "health"]')
    assert said["ENTRYPOINT"] == '["env", "--block-signal=TERM,INT", "sluice"]'


def test_the_image_sets_nothing_but_where_it_listens() -> None:
    """What it set would go before a secret that is mounted; and a volume would stay behind with each container."""
    said = [word for word, _ in instructions()]
    settings = {name for word, rest in instructions() if word == "ENV" for name in re.findall(r"(SLUICE_\w+)=", rest)}
    assert settings == {"SLUICE_HOST"}
    assert "VOLUME" not in said
    assert "PYTHONDONTWRITEBYTECODE" not in DOCKERFILE.read_text(encoding="utf-8")


def test_what_builds_sluice_is_locked_apart_from_what_runs() -> None:
    """So it can stay out of the image; both are what the developers' environment has."""
    runs, traces, builds, develops = (
        set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-otel.lock", "requirements-build.lock", "requirements-dev.lock")
    )
    assert any(one.startswith("hatchling==") for one in builds)
    assert runs & builds == set()
    assert runs < traces, "what runs with traces is what runs, and more"
    assert traces | builds <= develops


def test_the_compose_file_publishes_to_this_host_only_and_asks_for_keys() -> None:
    """Whoever lets others in puts TLS before it. The rest is published only where somebody asks for its profile."""
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published.keys() == {"api", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert all("profiles" in services()[name] for name in published.keys() - {"api"})
    assert all("SLUICE_AUTH" not in service.get("environment", {}) for service in ours().values())


def test_the_compose_file_has_every_role_and_the_simulator_only_for_who_asks() -> None:
    assert {"postgres", "migrate", "api", "worker"} == {
        name for name, service in services().items() if "profiles" not in service
    }
    assert services()["simulator"]["profiles"] == ["simulator"]


def test_nothing_that_the_compose_file_sets_goes_before_the_users_own_settings() -> None:
    """Each is taken from .env where it is set there; but for where the secrets are in the container."""
    for name, service in ours().items():
        for variable, value in service.get("environment", {}).items():
            if variable.startswith("SLUICE_") and variable != "SLUICE_SECRETS_DIR":
                assert value.startswith(f"${{{variable}-"), f"{name}: {variable}"
    assert services()["api"]["volumes"][0].startswith("${SLUICE_SECRETS_DIR:-./secrets}:/run/secrets")


def test_the_image_is_built_once() -> None:
    """Five builds would make five images, and everything anew at each `up`."""
    assert [name for name, service in services().items() if "build" in service] == ["migrate"]
    assert {service["image"] for service in ours().values()} == {"sluice:local"}


def test_every_container_of_ours_may_do_as_little_as_it_needs() -> None:
    for name, service in ours().items():
        assert service["read_only"] is True, name
        assert service["mem_limit"], name
    for name, service in services().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["init"] is True, name
        assert service["pids_limit"], name
        assert service["logging"]["options"]["max-size"], name


def test_workers_and_api_wait_for_the_schema_and_the_schema_for_the_database() -> None:
    """Over TCP: while PostgreSQL is being set up it answers on its socket. `migrate` waits for a while, too."""
    for name in ("api", "worker"):
        assert services()[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services()["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert "--host=127.0.0.1" in services()["postgres"]["healthcheck"]["test"]
    assert "--wait" in services()["migrate"]["command"]


def test_whatever_stays_has_a_health_check() -> None:
    """`up --wait` waits for it."""
    for name in ("api", "worker", "simulator"):
        assert services()[name]["healthcheck"]["test"] == ["CMD", "sluice", "health"]


def test_stopping_has_more_time_than_the_service_takes() -> None:
    for name, service in ours().items():
        assert int(service["stop_grace_period"].removesuffix("s")) > 30, name


def test_the_compose_file_holds_no_password() -> None:
    asked = "${POSTGRES_PASSWORD:?"
    assert services()["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith(asked)
    urls = [service["environment"]["SLUICE_DATABASE_URL"] for service in ours().values() if "environment" in service]
    assert urls
    assert all(url.startswith(f"${{SLUICE_DATABASE_URL-postgresql://sluice:{asked}") for url in urls)


def test_what_watches_reads_what_is_there() -> None:
    """The alerts and the dashboard of the documentation, and each file that is mounted."""
    mounted = [volume.split(":")[0] for name in ("prometheus", "grafana") for volume in services()[name]["volumes"]]
    files = [name for name in mounted if name.startswith("./")]
    assert {"./docs/operating/alerts.yml", "./docs/operating/dashboard.json"} < set(files)
    assert [name for name in files if not (ROOT / name).is_file()] == []
    scraped = yaml.safe_load((ROOT / "docs/operating/prometheus.yml").read_text(encoding="utf-8"))
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == ["api:8000"]


@pytest.mark.parametrize("name", ["migrate", "api", "worker", "simulator"])
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
