"""What every command has in common: help, exit codes, one clear line for what is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.commands import COMMANDS as COMMAND_LIST
from app.cli.commands import Command, load_command
from tests.cli.conftest import Run
from tests.support import forks
from tests.support.processes import ROOT

COMMANDS = [
    *(
        "serve",
        "health",
        "migrate",
        "simulate",
        "demo",
        "check",
        "submit",
        "list",
        "status",
        "events",
        "jobs",
        "failures",
    ),
    *("cancel", "release", "retry", "resolve", "give-up", "pause", "resume", "keys", "settings", "check-database"),
]


def test_the_command_is_installed():
    """A new Python runs it; all the other tests fork one that has imported it already."""
    script = Path(sys.executable).with_name("sluice")
    result = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("sluice ")
    module = subprocess.run([sys.executable, "-m", "app", "--version"], cwd=ROOT, capture_output=True, check=True)
    assert module.stdout.decode() == result.stdout


def test_help_lists_every_command(sluice: Run):
    """And `--version` says which one it is."""
    result = sluice("--help")
    assert result.returncode == 0
    assert all(command in result.stdout for command in COMMANDS)
    assert sluice("--version").stdout.startswith("sluice ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(sluice: Run, command: str):
    """What it does, and an example."""
    result = sluice(command, "--help")
    assert result.returncode == 0
    assert "Example: " in result.stdout
    assert f"sluice {command}" in result.stdout


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
        ("give-up", 1),
        ("resolve", 1, 1, "accepted"),
        ("resolve", 1, 1, "resubmit", "--batch-id", 3404),
        ("jobs", "default", "--state", "waiting"),
        ("pause",),
    ],
)
def test_bad_usage_exits_2(sluice: Run, words: tuple[object, ...]):
    """With the mistake on standard error and nothing on standard output."""
    result = sluice(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr


def test_no_command_waits_for_what_it_does_not_need():
    """The Tab key starts `sluice` anew each time; and whoever asks a running service does not load it.

    A worker alone does not load the HTTP API: it starts sooner and takes less memory.
    """
    asking = [
        f"app.cli.{module}"
        for module in ("check", "submit", "reading", "listing", "retry", "actions", "jobs", "settings")
    ]
    any_command, asks, works, serves = loaded_by(["app.cli.main"], asking, ["app.cli.serve"], ["app.cli.http_api"])
    heavy = {"sqlalchemy", "uvicorn", "fastapi", "numpy", "alembic"}
    assert {*heavy, "app.cli.serve", "app.cli.submit"} & any_command == set()
    assert heavy & asks == set()
    assert {"app.api.app", "fastapi", "uvicorn"} & works == set()
    assert "sqlalchemy" in works
    assert {"app.api.app", "fastapi", "uvicorn"} <= serves


def loaded_by(*steps: list[str]) -> list[set[str]]:
    """What a new Python has loaded once it has imported these modules, and those before."""
    code = "; ".join(f"import sys, {', '.join(modules)}; print(*sys.modules)" for modules in steps)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return [set(line.split()) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("command", COMMAND_LIST, ids=lambda command: command.name)
def test_the_list_of_commands_says_what_each_says_itself(command: Command):
    """Its summary is the first paragraph of the command's own help."""
    assert (load_command(command).help or "").split("\n\n")[0].split() == command.summary.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell: str, tmp_path: Path):
    """The script that --show-completion prints asks `sluice` itself, for an option's words too."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("SLUICE_", "_TYPER"))}
    known = bare | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}

    def run(*words: str, **more: str) -> str:
        result = forks.run(words, known | more, tmp_path)
        assert result.returncode == 0
        return result.stdout

    def completed(line: str) -> str:
        asked = {"_SLUICE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line}
        asked |= {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
        return run(**asked, _TYPER_COMPLETE_FISH_ACTION="get-args")

    assert f"complete_{shell}" in run("--show-completion", shell)
    assert "submit" in completed("sluice sub")
    assert "custom_object" in completed("sluice submit leads.csv --object-type cus")
