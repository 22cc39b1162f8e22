"""`sluice health`: what it says of a process that works, is frozen, has ended, or has never been there."""

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import health, sign_of_life
from tests.cli.conftest import MARKETO
from tests.support import forks
from tests.support.patience import wait_until
from tests.support.processes import Anew, Service, free_port

WORKING = {"is_stopping": False, "works": True, "beat_age_seconds": 0.5, "url": None}


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where this test's processes have their sockets: nobody else's are there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return sign_of_life.folder()


async def told(sign: dict[str, Any]) -> list[tuple[bool, str]]:
    """What is found of a process that says this of itself."""
    async with sign_of_life.answering("worker", lambda: sign):
        findings = await asyncio.to_thread(lambda: list(health._findings(5)))
    return [(finding.is_healthy, finding.sentence) for finding in findings]


@pytest.mark.parametrize(
    ("sign", "is_healthy", "sentence"),
    [
        (WORKING, True, "answers."),
        (WORKING | {"beat_age_seconds": 14.0}, True, "answers."),
        (WORKING | {"beat_age_seconds": 61.2}, False, "stands still: no step had its turn for 61 seconds."),
        (WORKING | {"beat_age_seconds": None}, False, "has not begun to work yet."),
        (WORKING | {"beat_age_seconds": 61.2, "is_stopping": True}, True, "answers."),
        (WORKING | {"works": False, "beat_age_seconds": None}, True, "answers."),
        ({}, True, "answers."),
    ],
    ids=["works", "a busy moment", "its metronome stopped", "begins", "stops calmly", "an API", "a simulator"],
)
async def test_a_process_is_judged_by_what_its_event_loop_says(
    folder: Path, sign: dict[str, Any], is_healthy: bool, sentence: str
):
    """And the socket is gone with it."""
    assert await told(sign) == [(is_healthy, sentence)]
    assert list(folder.iterdir()) == []


async def test_an_api_that_is_alone_with_its_event_loop_is_not_healthy(folder: Path):
    """It answers here, and not on its port, where it said that it listens on all addresses."""
    url = f"http://0.0.0.0:{free_port()}"
    assert await told(WORKING | {"works": False, "url": url}) == [(False, f"{url}/livez: connection refused.")]


def test_what_a_killed_process_left_behind_is_cleared_away_and_nobody_is_not_healthy(folder: Path):
    """A socket that takes nobody is a dead process's."""
    folder.mkdir(mode=0o700)
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(folder / "worker-7-0a1b2c3d.socket"))
    door.close()
    assert list(health._findings(5)) == []
    assert list(folder.iterdir()) == []


def test_one_that_takes_connections_and_says_nothing_is_frozen(folder: Path):
    """As the kernel does for a stopped process."""
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "worker-7-0a1b2c3d.socket"))
        door.listen()
        (finding,) = health._findings(0.1)
    assert (finding.process, finding.is_healthy) == ("worker, process 7", False)
    assert finding.sentence == "does not answer: no word within 0.1 seconds."


@pytest.fixture
def ask(folder: Path) -> Callable[..., Any]:
    """Run `sluice health`, which knows nothing of the settings."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    return lambda *words: forks.run(("health", *words), bare, folder.parent)


@pytest.fixture
def serving(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> Iterator[Service]:
    """A whole service on SQLite; or a worker alone on PostgreSQL."""
    role = request.param
    url = request.getfixturevalue("sqlite_url" if role == "all" else "postgres_url")
    service = Service(tmp_path, url, "http://127.0.0.1:9", role=role, module="app", LOG_LEVEL="info")
    service.start()
    yield service
    if service.child and service.child.poll() is None:
        service.end(signal.SIGKILL)


@pytest.mark.parametrize("serving", ["all", "worker"], indirect=True)
def test_a_frozen_process_is_not_healthy_and_one_that_goes_on_is(serving: Service, ask: Callable[..., Any]):
    """A service on whatever port, and a worker, which has none. It stops calmly, says so, and is gone."""
    child = serving.child
    assert child is not None
    wait_until(lambda: ask().returncode == 0, "the process to be healthy")
    assert ask().stdout == f"{serving.role}, process {child.pid}: answers.\n"
    child.send_signal(signal.SIGSTOP)
    frozen = ask("--timeout", "0.5")
    assert (frozen.returncode, frozen.stdout) == (1, "")
    assert frozen.stderr == f"{serving.role}, process {child.pid}: does not answer: no word within 0.5 seconds.\n"
    child.send_signal(signal.SIGCONT)
    wait_until(lambda: ask().returncode == 0, "the process to be healthy again")
    assert serving.end(signal.SIGTERM) == 0
    log = serving.log.read_text()
    assert '"signal": "SIGTERM"' in log
    assert log.index('"event": "stopping"') < log.index('"event": "stopped"')
    gone = ask()
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "No `sluice serve` or `sluice simulate` of this user has begun" in gone.stderr


def test_a_simulator_is_asked_in_the_same_way(tmp_path: Path, folder: Path, ask: Callable[..., Any]):
    """Whatever its port, and it ends calmly."""
    with (tmp_path / "log").open("wb") as log:
        child = Anew("app", ("simulate", "--port", str(free_port())), dict(os.environ), tmp_path, log)
    try:
        wait_until(lambda: ask().returncode == 0, "the simulator to be healthy")
        assert ask().stdout == f"simulator, process {child.pid}: answers.\n"
        child.terminate()
        assert child.ended() == 0
    finally:
        child.kill()
        child.wait()


async def test_where_no_socket_can_be_made_the_service_says_what_will_not_work(
    tmp_path: Path, folder: Path, sqlite_url: str
):
    """It serves all the same."""
    folder.write_text("in the way")
    service = Service(tmp_path, sqlite_url, MARKETO["INSTANCES__DEFAULT__BASE_URL"], module="app")
    service.start()
    assert service.end(signal.SIGTERM) == 0
    assert "`sluice health` will not work" in service.log.read_text()
