"""Through PgBouncer in transaction mode, as the docs set it up: nothing is lost, and nothing slower than a tick.

`make pgbouncer-check` runs it.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx
import psycopg
import pytest

import migrations
from tests.story.files import leads
from tests.story.test_processes import MARKETO, QUICK, event_types, under_way
from tests.support import patience, recipes
from tests.support.databases import OwnServer, a_folder, own_server
from tests.support.forks import run
from tests.support.processes import Service, free_port, service, simulator, wait_until

pytestmark = [pytest.mark.both_databases, pytest.mark.pgbouncer]

TICK_SECONDS = 1.0
SESSIONS = 4  # of the server, for three processes: each transaction may get another one
FILES = 40


def program() -> str:
    known = os.environ.get("SLUICE_TEST_PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert known, "PgBouncer is not there: apt-get install pgbouncer, or SLUICE_TEST_PGBOUNCER=/path/to/pgbouncer"
    return known


@contextmanager
def pgbouncer(own: OwnServer) -> Iterator[tuple[str, Path]]:
    """(the URL through it, its log)."""
    (settings,) = (block for block in recipes.recipes("operating.md", "Poolers") if "[pgbouncer]" in block)
    with psycopg.connect(own.url) as line:
        server = f"host={line.info.host} port={line.info.port} dbname={line.info.dbname} user={line.info.user}"
    port = free_port()
    with a_folder() as folder:
        configuration, log = folder / "pgbouncer.ini", folder / "pgbouncer.log"
        here = settings.replace("host=db.example.com dbname=sluice", server).replace(
            "default_pool_size = 20", f"default_pool_size = {SESSIONS}"
        )
        ours = f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nlogfile = {log}\nunix_socket_dir =\n"
        configuration.write_text(here + ours)
        if own.user:
            for each in (folder, configuration):
                shutil.chown(each, own.user)
        child = subprocess.Popen(
            [program(), "--quiet", str(configuration)],
            user=own.user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"postgresql://sluice@127.0.0.1:{port}/sluice"
            wait_until(lambda: is_open(url), lambda: f"PgBouncer; it said {log.read_text() if log.exists() else ''}")
            yield url, log
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(patience.seconds())


def is_open(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_nothing_is_lost_and_nothing_is_slower_than_a_tick(tmp_path: Path):
    """Migrated, fed and watched through it: others' changes are found at each tick, and no statement is missed."""
    settings = QUICK | {"TICK_SECONDS": TICK_SECONDS, "LEASE_SECONDS": 600}
    with (
        own_server() as own,
        pgbouncer(own) as (url, _),
        simulator(MARKETO) as (marketo, played),
    ):
        migrations.downgrade(own.url, "0019")
        bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        assert run(["migrate"], bare | {"SLUICE_DATABASE_URL": url}, tmp_path).returncode == 0
        with (
            service(tmp_path, url, marketo, role="api", **settings) as api,
            service(tmp_path, url, marketo, role="worker", **settings) as worker,
            service(tmp_path, url, marketo, role="worker", **settings) as other,
        ):
            assert seconds_until_sent_and_told(api) <= patience.seconds(3 * TICK_SECONDS)
            made = [send(api, number) for number in range(1, FILES)]
            wait_until(lambda: not under_way(api), "all of them to be complete")
            types = event_types(api, made)
            assert (types["collect"], types["lose"]) == (FILES - 1, 0)
            assert len(played.report()["jobs"]) == FILES
            for running in (api, worker, other):
                said = running.log.read_text()
                assert [
                    word for word in ("prepared statement", "waiting for the database", "Traceback") if word in said
                ] == []
                assert "through a pooler nobody listens" in said


def send(api: Service, number: int) -> int:
    answer = patience.post(
        f"{api.url}/v1/imports", content=leads(3, start=3 * number), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def seconds_until_sent_and_told(api: Service) -> float:
    """A tick until a worker finds it, the job itself, and a tick until the API tells who waits."""
    began = monotonic()
    made = send(api, 0)
    answer = httpx.get(f"{api.url}/v1/imports/{made}?wait=50", timeout=patience.seconds())
    assert answer.json()["status"] == "complete", answer.text
    return monotonic() - began
