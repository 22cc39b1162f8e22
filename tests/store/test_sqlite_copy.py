"""A copy of a SQLite database: of one moment, whole, private, and never in another file's place."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from stat import S_IMODE

import pytest

import migrations
from app.store import sqlite_copy
from app.store.database import Database, sqlite_path
from app.store.sqlite_copy import CopyFailed, copy
from tests.store.seed import an_import, parts_of


@pytest.fixture
def db_path(sqlite_url: str) -> Path:
    return sqlite_path(sqlite_url)


async def test_a_copy_has_all_that_was_committed_and_is_for_its_owner_alone(
    sqlite_url: str, db_path: Path, tmp_path: Path
):
    """What only the log beside the file has, too. It is one file, with the schema's revision, and nothing beside it."""
    db = Database(sqlite_url)
    import_id = await an_import(db, parts_count=3)
    mask = os.umask(0)
    try:
        made = copy(db_path, tmp_path / "copy.db")
    finally:
        os.umask(mask)
    await db.close()
    assert (made.revision, made.size_bytes) == (migrations.head(), made.path.stat().st_size)
    assert S_IMODE(made.path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(("copy", ".copy"))] == ["copy.db"]
    restored = Database(f"sqlite:///{made.path}")
    assert [part.number for part in await parts_of(restored, import_id)] == [1, 2, 3]
    await restored.close()


async def test_a_copy_is_of_one_moment_though_others_write_meanwhile(
    sqlite_url: str, db_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Who writes in the middle of it does not wait, does not begin it anew, and is not in it."""
    monkeypatch.setattr(sqlite_copy, "PAGES_AT_ONCE", 5)
    db = Database(sqlite_url)
    before = await an_import(db)
    steps = 0

    def write_meanwhile(_done: int, _all: int) -> None:
        nonlocal steps
        steps += 1
        with closing(sqlite3.connect(db_path, timeout=0)) as other, other:
            other.execute("UPDATE import SET label = ?", [f"after step {steps}"])

    made = copy(db_path, tmp_path / "copy.db", progress=write_meanwhile)
    await db.close()
    assert steps > 10
    with closing(sqlite3.connect(made.path)) as found:
        assert found.execute("SELECT id, label FROM import").fetchall() == [(before, None)]


def test_nothing_is_overwritten_and_what_cannot_be_is_said(db_path: Path, tmp_path: Path):
    """Neither a file, nor a link that leads nowhere; nor is anything left behind."""
    there = tmp_path / "there.db"
    there.write_text("precious")
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "nowhere")
    for target in (there, link):
        with pytest.raises(CopyFailed, match="is not overwritten"):
            copy(db_path, target)
    with pytest.raises(CopyFailed, match="There is no directory"):
        copy(db_path, tmp_path / "none" / "copy.db")
    with pytest.raises(CopyFailed, match="There is no database"):
        copy(tmp_path / "none.db", tmp_path / "copy.db")
    assert there.read_text() == "precious"
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_came_there_meanwhile_is_not_overwritten(db_path: Path, tmp_path: Path):
    """The name is given last, and only where it is free."""
    target = tmp_path / "copy.db"
    with pytest.raises(CopyFailed, match="is not overwritten"):
        copy(db_path, target, progress=lambda _done, _all: target.write_text("theirs") and None)
    assert target.read_text() == "theirs"
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_database_makes_no_copy(sqlite_url: str, db_path: Path, tmp_path: Path):
    """SQLite's own check finds it, and nothing with that name is there afterwards."""
    with closing(sqlite3.connect(db_path)) as found:
        (root,) = found.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'import'").fetchone()
        (size,) = found.execute("PRAGMA page_size").fetchone()
    with db_path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(CopyFailed, match=r"not whole|malformed"):
        copy(db_path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("*copy*"))


def test_another_program_s_database_is_none_of_ours(tmp_path: Path):
    """A copy that could not be restored is no back-up."""
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as made:
        made.execute("CREATE TABLE anything (id INTEGER)")
    with pytest.raises(CopyFailed, match="no database of Sluice"):
        copy(other, tmp_path / "copy.db")
