from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest
import typer
import uvicorn
from typer.testing import CliRunner

import app.cli.simulate as command
from app.simulator import Rules, Simulator
from app.simulator.faults import FAULTS
from tests.support.processes import free_port

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


@pytest.fixture
def run(monkeypatch):
    """Runs the command up to the point where it would listen; gives its exit code, output and simulator."""
    made: list[Simulator] = []
    create = command.create_app
    monkeypatch.setattr(command, "create_app", lambda sim: made.append(sim) or create(sim))
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    cli = typer.Typer()
    cli.command()(command.simulate)

    def invoke(*words: str) -> tuple[int, str, Simulator | None]:
        made.clear()
        result = CliRunner().invoke(cli, list(words), env={"COLUMNS": "300"})
        return result.exit_code, result.output, made[0] if made else None

    return invoke


def test_without_options_the_rules_are_the_usual_ones(run) -> None:
    port = free_port()
    code, output, sim = run("--port", str(port))
    assert code == 0
    assert sim.rules == Rules(seed=None)
    assert f"http://127.0.0.1:{port}," in output
    assert inspect.signature(command.simulate).parameters["port"].default == 8900


def test_options_become_rules_and_orders(run) -> None:
    words = [
        "--port",
        str(free_port()),
        "--rows-per-second",
        "10",
        "--queue",
        "per_type",
        "--megabyte-bytes",
        "1048576",
        "--lead-field",
        "tier",
    ]
    words += [
        "--seed",
        "7",
        "--no-drop-empty-lookup-column",
        "--mischief",
        "hang:status:seconds=1",
        "--mischief",
        "late_file",
    ]
    code, _, sim = run(*words)
    assert code == 0
    assert sim.rules == Rules(
        seed=7,
        rows_per_second=10,
        queue="per_type",
        megabyte_bytes=1048576,
        lead_fields=("tier",),
        drop_empty_lookup_column=False,
    )
    assert [order["name"] for order in sim.pending()] == ["hang", "late_file"]


@pytest.mark.parametrize(
    "words", [("--mischief", "nope"), ("--speed", "0"), ("--queue", "x"), ("--custom-object", "x"), ("--port", "0")]
)
def test_bad_usage_exits_2_and_nothing_runs(run, words) -> None:
    code, output, sim = run(*words)
    assert (code, sim) == (2, None)
    assert "Invalid value" in output


def test_the_page_names_every_fault_and_every_switch() -> None:
    page = PAGE.read_text()
    for fault in FAULTS:
        assert f"`{fault}" in page, fault
    switches = [f.name for f in dataclasses.fields(Rules)]
    unknowns = switches[switches.index("queue") : switches.index("lead_fields")]
    for switch in unknowns:
        assert f"`--{switch.replace('_', '-')}`" in page, switch
