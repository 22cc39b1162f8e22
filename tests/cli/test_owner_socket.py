"""The socket beside an SQLite file: for its owner alone, at any length of path, gone when the service ends."""

import stat
from pathlib import Path

import pytest

from app.cli import owner_socket


def test_it_is_private_and_goes_with_its_service(tmp_path: Path):
    """Also where the path is longer than an address has room for, and where a killed process left one."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    path = folder / "sluice.db.socket"
    path.write_text("left behind")
    with owner_socket.listening(path) as door:
        assert door is not None
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with owner_socket.client(path) as service:
            assert str(service.base_url) == "http://localhost"
    assert not path.exists()


def test_where_there_can_be_none_the_service_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """With a warning that says what will not work."""
    (taken := tmp_path / "taken").mkdir()
    for path in (tmp_path / ("x" * 200), taken):
        with owner_socket.listening(path) as door:
            assert door is None
        assert "`sluice keys` will not work" in "".join(capfd.readouterr())
