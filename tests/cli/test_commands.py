"""What every command has in common: help, exit codes, one clear line for what is wrong."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import migrations
from app.cli.commands import COMMANDS as COMMAND_LIST
from app.cli.commands import Command, load_command
from app.cli.startup import address, listening, url_of
from tests.cli.conftest import Run
from tests.support.processes import ROOT

COMMANDS = [
    *("serve", "migrate", "simulate", "demo", "check", "submit", "status", "failures"),
    *("cancel", "retry", "resolve", "pause", "resume", "keys", "settings", "check-database"),
]
MARKETO = {
    "INSTANCES__DEFAULT__BASE_URL": "https://marketo.example.com/rest/",
    "INSTANCES__DEFAULT__CLIENT_ID": "an-id",
    "INSTANCES__DEFAULT__CLIENT_SECRET": "a-very-secret-secret",
}


def test_the_command_is_installed():
    """A new Python runs it; all the other tests fork one that has imported it already."""
    script = Path(sys.executable).with_name("sluice")
    told = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("sluice ")
    module = subprocess.run([sys.executable, "-m", "app", "--version"], cwd=ROOT, capture_output=True, check=True)
    assert module.stdout.decode() == told.stdout


def test_help_lists_every_command(sluice: Run):
    """And `--version` says which one it is."""
    told = sluice("--help")
    assert told.returncode == 0
    assert all(command in told.stdout for command in COMMANDS)
    assert sluice("--version").stdout.startswith("sluice ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(sluice: Run, command: str):
    """What it does, and an example."""
    told = sluice(command, "--help")
    assert told.returncode == 0
    assert "Example: " in told.stdout
    assert f"sluice {command}" in told.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("status", "x"),
        ("submit",),
        ("submit", "missing.csv"),
        ("failures", 1, "--output", "no/such/folder/bad.csv"),
        ("failures", 1, "--output", "."),
        ("submit", "-", "--priority", 99),
        ("submit", "-", "--object-type", "car"),
        ("submit", "-", "--format", "xlsx"),
        ("submit", "-", "--preflight", "cells"),
        ("submit", "-", "--on-unconfirmed", "wait"),
        ("serve", "--role", "x"),
        ("retry", 1, "mended.csv"),
        ("retry", 1, "--failures", "missing.csv"),
        ("retry", 1, "--failures", "--format", "tsv"),
        ("resolve", 1, 1),
        ("resolve", 1, 1, "accepted"),
        ("resolve", 1, 1, "resubmit", "--batch-id", 3404),
        ("pause",),
    ],
)
def test_bad_usage_exits_2(sluice: Run, words: tuple[object, ...]):
    """With the mistake on standard error and nothing on standard output."""
    told = sluice(*words)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr


def test_an_unknown_variable_and_a_bad_value_get_a_line_each(sluice: Run):
    """All at once, so that a start needs one round of mending."""
    told = sluice("settings", PART_BITES=1, PORT="x", TICK_SECONDS=0)
    assert told.returncode == 2
    assert [line.split(":")[0] for line in told.stderr.splitlines()] == [
        "SLUICE_PART_BITES",
        "SLUICE_PORT",
        "SLUICE_TICK_SECONDS",
    ]


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/sluice.db", "postgresql://a:b@127.0.0.1:1/sluice"])
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_cannot_be_opened_is_one_line(sluice: Run, command: str, url: str):
    """Which names the variable to mend."""
    told = sluice(command, DATABASE_URL=url, AUTH="off", PORT=0, **MARKETO)
    assert told.returncode == 1
    assert told.stderr.startswith("SLUICE_DATABASE_URL: the database cannot be opened")
    assert len(told.stderr.splitlines()) == 1


def test_settings_say_where_they_come_from_and_keep_secrets(sluice: Run):
    """A password in the database URL is a secret too."""
    told = sluice("settings", DATABASE_URL="postgresql://sluice:hush@db.example.com/sluice", PORT=8001, **MARKETO)
    assert told.returncode == 0
    assert "hush" not in told.stdout + told.stderr
    assert "a-very-secret-secret" not in told.stdout + told.stderr
    rows = {cells[1]: cells[2:] for line in told.stdout.splitlines() if len(cells := line.split("│")) > 3}
    found = {name.strip(): [cell.strip() for cell in cells[:2]] for name, cells in rows.items()}
    assert found["SLUICE_PORT"] == ["8001", "environment"]
    assert found["SLUICE_PART_BYTES"] == ["9900000", "default"]
    assert found["SLUICE_INSTANCES__DEFAULT__BASE_URL"] == ["https://marketo.example.com", "environment"]


@pytest.mark.parametrize(
    ("words", "variables", "says"),
    [
        (("serve",), {}, "SLUICE_INSTANCES__DEFAULT__BASE_URL"),
        (("serve", "--host", "0.0.0.0"), MARKETO | {"AUTH": "off"}, "loopback only"),
        (("serve", "--role", "worker"), MARKETO | {"AUTH": "off"}, "SQLite takes one process"),
    ],
    ids=["no instance", "not on loopback", "a role on SQLite"],
)
def test_serve_refuses_what_cannot_work(sluice: Run, words, variables, says):
    """One clear line, the exit code of bad settings, nothing started."""
    told = sluice(*words, **variables)
    assert told.returncode == 2
    assert says in told.stderr
    assert "Traceback" not in told.stderr


def test_serve_refuses_a_postgres_without_the_schema(sluice: Run, postgres_server: str, empty_database_url: str):
    """And goes on once `sluice migrate` has run; on SQLite it sees to that itself."""
    if empty_database_url.startswith("sqlite"):
        assert f"revision {migrations.head()}" in sluice("migrate", DATABASE_URL=empty_database_url).stdout
        return
    known = MARKETO | {"AUTH": "off", "DATABASE_URL": empty_database_url}
    told = sluice("serve", **known)
    assert (told.returncode, "sluice migrate" in told.stderr) == (1, True), told.stderr
    assert sluice("migrate", **known).returncode == 0
    assert sluice("migrate", **known).returncode == 0, "a second time is no harm"


@pytest.mark.parametrize("command", ["serve", "simulate"])
def test_a_port_that_is_taken_is_one_line(sluice: Run, command: str):
    """And nothing is announced that does not come."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = sluice(command, "--port", taken.getsockname()[1], **MARKETO, AUTH="off")
    assert (told.returncode, told.stdout) == (1, "")
    assert "cannot listen on 127.0.0.1:" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_an_address_is_told_so_that_it_can_be_opened():
    """IPv6 in brackets."""
    assert (address("::1", 8000), address("127.0.0.1", 8000)) == ("[::1]:8000", "127.0.0.1:8000")
    with listening("127.0.0.1", 0) as door:
        assert url_of(door) == f"http://127.0.0.1:{door.getsockname()[1]}"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "htp://127.0.0.1:8000", "http://"])
@pytest.mark.parametrize("command", ["status", "settings"])
def test_a_mistyped_address_of_the_service_is_a_bad_setting(sluice: Run, command: str, url: str):
    """And no connection that broke."""
    told = sluice(command, URL=url)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("SLUICE_URL: ")
    assert len(told.stderr.splitlines()) == 1


def test_no_command_waits_for_what_it_does_not_need():
    """The Tab key starts `sluice` anew each time; and whoever asks a running service does not load it."""
    heavy = {"sqlalchemy", "uvicorn", "fastapi", "numpy", "alembic"}
    assert heavy & loaded_by("app.cli.main") == set()
    assert {"app.cli.serve", "app.cli.submit"} & loaded_by("app.cli.main") == set()
    asking = ("check", "submit", "reading", "actions", "settings")
    assert heavy & loaded_by(*(f"app.cli.{module}" for module in asking)) == set()
    assert {"sqlalchemy", "uvicorn", "fastapi"} <= loaded_by("app.cli.serve", "app.cli.http_api")


def loaded_by(*modules: str) -> set[str]:
    """What a new Python has loaded once it has imported these."""
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(told.stdout.split())


def test_a_worker_alone_does_not_load_the_http_api():
    """It starts sooner and takes less memory."""
    assert {"app.api.app", "fastapi", "uvicorn"} & loaded_by("app.cli.serve") == set()


@pytest.mark.parametrize("command", COMMAND_LIST, ids=lambda command: command.name)
def test_the_list_of_commands_says_what_each_says_itself(command: Command):
    """Its summary is the first paragraph of the command's own help."""
    assert (load_command(command).help or "").split("\n\n")[0].split() == command.summary.split()


@pytest.mark.parametrize("words", [("status",), ("failures", 1), ("cancel", 1), ("status", 1), ("status", "--watch")])
def test_without_a_service_a_command_says_where_it_looked(sluice: Run, words: tuple[object, ...]):
    """Exit code 1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        told = sluice(*words, URL=url)
    assert told.returncode == 1
    assert told.stderr.startswith(f"No Sluice answers at {url}.")
