"""A SQLite file: one process has it, and nobody else may read it."""

import stat
from pathlib import Path

import pytest

from app.store.sqlite_file import DatabaseBusy, SqliteFile
from tests.support.logged import Log, log

__all__ = ["log"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sluice.db"


def test_a_file_has_one_process_at_a_time(path: Path):
    """The lock goes when it is given back, and to take it twice is no mistake."""
    first, second = SqliteFile(path), SqliteFile(path)
    first.claim()
    first.claim()
    with pytest.raises(DatabaseBusy, match="use PostgreSQL"):
        second.claim()
    first.release()
    first.release()
    second.claim()
    second.release()


def test_another_name_of_a_file_is_the_same_file(path: Path):
    """A link to it, say."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    first = SqliteFile(path)
    first.claim()
    with pytest.raises(DatabaseBusy):
        SqliteFile(link).claim()
    first.release()


def test_the_file_and_all_beside_it_are_for_their_owner_alone(path: Path):
    """A new one from its first byte on; one that others could read is closed to them."""
    log_file = path.with_name("sluice.db-wal")
    log_file.touch()
    log_file.chmod(0o644)
    file = SqliteFile(path)
    file.claim()
    assert [mode(each) for each in (path, path.with_name("sluice.db.lock"), log_file)] == [0o600] * 3
    file.release()
    path.chmod(0o644)
    file.claim()
    assert mode(path) == 0o600
    file.release()


def test_a_file_that_is_not_ours_to_change_is_used_and_warned_about(
    path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
):
    """It may belong to another user who lets us read and write it."""
    path.touch()
    path.chmod(0o644)

    def refuse(_self: Path, _mode: int) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    file = SqliteFile(path)
    file.claim()
    file.release()
    assert [line["event"] for line in log.lines() if line["level"] == "warning"] != []


def test_the_size_of_the_log_is_that_of_the_file_beside_it(path: Path):
    """None, where there is no log yet."""
    file = SqliteFile(path)
    assert file.log_bytes == 0
    path.with_name("sluice.db-wal").write_bytes(bytes(100))
    assert file.log_bytes == 100


def test_those_who_migrate_have_a_lock_of_their_own(path: Path):
    """The service's own lock does not keep a migration waiting."""
    file = SqliteFile(path)
    file.claim()
    with file.migrating():
        assert mode(path.with_name("sluice.db.migrate.lock")) == 0o600
    file.release()
