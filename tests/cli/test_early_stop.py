"""A signal that comes while `sluice` is still loading itself."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.conftest import MARKETO
from tests.cli.test_commands import loaded_by
from tests.support import patience
from tests.support.processes import ROOT


@contextmanager
def blocked() -> Iterator[None]:
    """What is started in the block begins with both signals blocked, as `env --block-signal` in the image does."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ended(tmp_path: Path, *words: str, after_seconds: float, how: signal.Signals) -> tuple[int, str]:
    """(exit code, what it said on standard error) of a new Python that gets the signal so long after its start."""
    ours = {f"SLUICE_{name}": value for name, value in (MARKETO | {"AUTH": "off", "PORT": "0"}).items()}
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    with blocked():
        child = subprocess.Popen(
            [sys.executable, "-m", "app", *words],
            cwd=tmp_path,
            env=bare | ours | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
    with suppress(subprocess.TimeoutExpired):
        child.wait(after_seconds)
    child.send_signal(how)
    _, said = child.communicate(timeout=patience.seconds())
    return child.returncode, said


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after_seconds", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("command", ["serve", "simulate"])
def test_a_server_that_has_hardly_begun_stops_calmly_and_says_so(
    tmp_path: Path, command: str, after_seconds: float, how: signal.Signals
):
    """At any moment: before Python has begun, while it loads, and once it serves."""
    code, said = ended(tmp_path, command, after_seconds=after_seconds, how=how)
    assert (code, "Traceback" in said) == (0, False), said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert lines[-1]["event"] == "stopped"
    assert how.name in {line.get("signal") for line in lines}


def test_what_was_to_do_something_and_did_not_ends_as_usual(tmp_path: Path):
    """Whoever waits for `sluice migrate` must not take it for done."""
    assert ended(tmp_path, "migrate", after_seconds=0.0, how=signal.SIGTERM) == (128 + signal.SIGTERM, "")


def test_nothing_large_is_imported_before_the_handlers_are_set():
    """Each module before costs a moment in which the signal would be lost."""
    (modules,) = loaded_by(["app.__main__"])
    assert "app.cli.early_stop" in modules
    assert {"typer", "pydantic", "app.cli.main", "app.settings", "asyncio", "structlog"} & modules == set()
