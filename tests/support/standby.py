"""A PostgreSQL of one test's own with a standby, which loses nothing that the first one has committed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support import recipes
from tests.support.databases import OwnServer, a_folder, archiving_server, tools_of
from tests.support.patience import wait_until

STREAMING = "wal_level = replica\nmax_wal_senders = 4"
IN_STEP = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


class Pair:
    """A primary that answers a commit once the standby has it, too."""

    def __init__(self, primary: OwnServer, folder: Path) -> None:
        self.primary = primary
        self._folder = folder
        self._path = tools_of(primary.url)
        with psycopg.connect(primary.url) as line:
            port, socket, self._name = line.info.port, line.info.host, line.info.dbname
        self.standby_url = f"postgresql://postgres@/{self._name}?host={folder}&port={port}"
        self.url = (
            f"postgresql://postgres@/{self._name}?host={socket},{folder}&port={port},{port}"
            "&target_session_attrs=read-write"
        )

    def begin(self) -> None:
        """Copy the primary, and start the copy."""
        copied = f"--pgdata={self._folder}/data --checkpoint=fast --write-recovery-conf"
        self._run(f"pg_basebackup {copied} --dbname='{self.primary.url}'")
        with (self._folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(f"\nunix_socket_directories = '{self._folder}'\nlisten_addresses = ''\n")
        self._run(f"pg_ctl --pgdata={self._folder}/data --wait start")
        self.set("synchronous_standby_names", "*")
        with psycopg.connect(self.primary.url, autocommit=True) as line:
            wait_until(lambda: line.execute(IN_STEP).fetchone() == (1,), "the standby to be in step")

    def set(self, name: str, value: str) -> None:
        """Change a setting of the primary, while it runs."""
        with psycopg.connect(self.primary.url, autocommit=True) as line:
            line.execute("SET default_transaction_read_only = off")
            line.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            line.execute("SELECT pg_reload_conf()")

    def fail_over(self) -> None:
        """The primary is gone, without a word, and the standby takes its place."""
        self.primary.stop()
        self._run(f"pg_ctl --pgdata={self._folder}/data --wait promote")

    def end(self) -> None:
        self._run(f"pg_ctl --pgdata={self._folder}/data --mode=immediate stop")

    def _run(self, command: str) -> None:
        recipes.run(command, self._folder, user=self.primary.user, PATH=self._path)


@contextmanager
def pair() -> Iterator[Pair]:
    with a_folder() as folder, archiving_server(STREAMING) as own:
        if own.user:
            shutil.chown(folder, own.user)
        servers = Pair(own, folder)
        servers.begin()
        try:
            yield servers
        finally:
            servers.end()
