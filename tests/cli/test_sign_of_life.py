"""The socket of a process that answers `sluice health`: its user alone has it, and it is gone with the process."""

import asyncio
import json
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from app.cli import sign_of_life
from app.cli.unix_socket import short_name


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Longer than an address has room for."""
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    return sign_of_life.folder()


async def test_it_is_its_users_alone_and_ends_with_its_process(folder: Path):
    """The name tells which process it is of, for when it does not answer."""
    async with sign_of_life.answering("api", dict):
        (path,) = folder.iterdir()
        assert path.name.startswith("api-")
        assert path.suffix == ".socket"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []


async def test_it_says_what_there_is_to_say_at_that_moment(folder: Path):
    """Each time anew, and to any number who ask."""
    ages = iter((0.5, 61.2))
    async with sign_of_life.answering("worker", lambda: {"beat_age_seconds": next(ages)}):
        assert [await ask(folder), await ask(folder)] == [{"beat_age_seconds": 0.5}, {"beat_age_seconds": 61.2}]


async def ask(folder: Path) -> object:
    """What the one process there says."""
    (path,) = folder.iterdir()

    def read() -> bytes:
        with socket.socket(socket.AF_UNIX) as line, short_name(path) as name:
            line.connect(name)
            return line.recv(65_536)

    return json.loads(await asyncio.to_thread(read))


async def test_a_start_clears_away_what_killed_processes_have_left(folder: Path):
    """And nothing of those that live."""
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as door, short_name(folder / "worker-7-0a1b2c3d.socket") as name:
        door.bind(name)
    async with sign_of_life.answering("api", dict), sign_of_life.answering("worker", dict):
        assert sorted(path.name.partition("-")[0] for path in folder.iterdir()) == ["api", "worker"]
        assert "worker-7-0a1b2c3d.socket" not in {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("mode", [0o777, 0o750])
async def test_nobody_else_can_answer_in_its_place(folder: Path, mode: int):
    """A folder that others may look into or write to is not used."""
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(PermissionError, match="is not this user's own folder"):
        async with sign_of_life.answering("api", dict):
            pass


async def test_a_folder_that_cannot_be_made_is_an_error_and_leaves_nothing(folder: Path):
    """The process decides what that means for it."""
    folder.write_text("in the way")
    with pytest.raises(FileExistsError):
        async with sign_of_life.answering("api", dict):
            pass
