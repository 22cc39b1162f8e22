"""The drill: back up under load, lose the machine, restore, and go on. Nothing goes twice without a person's word."""

import json
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from stat import S_IMODE
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url

from app.simulator import Rules, Simulator, parse_fault
from tests.story.files import leads
from tests.story.test_processes import QUICK
from tests.support import databases, forks, patience, recipes
from tests.support.processes import Service, service, simulator, wait_until

SLOW = Rules(job_seconds=0.4, window_seconds=1)
ROWS = 5
AWHILE = 15  # imports that come, one after the other, on each side of the back-up


@dataclass
class Callers:
    """Who uploads all the while; they remember what the service answered."""

    running: Service
    files: dict[int, bytes] = field(default_factory=dict)  # by the id that was answered
    _stop: threading.Event = field(default_factory=threading.Event)

    def upload(self, number: int) -> int:
        content = leads(ROWS, start=ROWS * number)
        answer = patience.post(f"{self.running.url}/v1/imports", content=content, headers={"Content-Type": "text/csv"})
        assert answer.status_code == 202, answer.text
        self.files[made := int(answer.json()["id"])] = content
        return made

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._go_on)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _go_on(self) -> None:
        while not self._stop.wait(0.02):
            with suppress(httpx.TransportError):  # it was killed
                self.upload(len(self.files))


def at_marketo(played: Simulator, content: bytes) -> list[int]:
    """The batch ids of the jobs that this file went in."""
    return [job["batch_id"] for job in played.report()["jobs"] if job["sha256"] == sha256(content).hexdigest()]


def sluice(running: Service, *words: object) -> str:
    done = forks.run(words, running.environment | {"SLUICE_URL": running.url}, running.folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imports_of(running: Service) -> dict[int, dict[str, Any]]:
    items: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {"page_size": 200}
    while True:
        page = patience.get(f"{running.url}/v1/imports", params=parameters).json()
        items += page["items"]
        if page["next_page_token"] is None:
            return {item["id"]: item for item in items}
        parameters["page_token"] = page["next_page_token"]


def parts_by_state(running: Service, ids: list[int]) -> dict[int, dict[str, Any]]:
    """The one part of each import."""
    return {n: patience.get(f"{running.url}/v1/imports/{n}/parts").json()["items"][0] for n in ids}


def back_up(running: Service, database_url: str, folder: Path, server: str | None) -> datetime:
    """As docs/operating.md says; the time that its reader would give."""
    if server is None:
        told = json.loads(sluice(running, "backup", folder / "copy.db", "--json"))
        return datetime.fromisoformat(told["began_at"])
    dump, *_ = recipes.recipes("operating.md", "PostgreSQL")
    recipes.run(dump, folder, SLUICE_DATABASE_URL=database_url, PATH=databases.tools_of(database_url))
    assert S_IMODE((folder / "sluice.dump").stat().st_mode) == 0o600
    return datetime.fromisoformat((folder / "sluice.since").read_text().strip())


@contextmanager
def restored_copy(folder: Path, server: str | None) -> Iterator[str]:
    """The URL of a new database with what the back-up holds."""
    if server is None:
        (folder / "copy.db").rename(folder / "sluice.db")
        yield f"sqlite:///{folder / 'sluice.db'}"
        return
    _, restore, *_ = recipes.recipes("operating.md", "PostgreSQL")
    name = f"sluice_restored_{os.getpid()}"
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    assert "sluice_restored\n" in restore
    restore = restore.replace("sluice_restored\n", f"{name}\n")
    recipes.run(restore, folder, SERVER_URL=server, RESTORED_URL=url, PATH=databases.tools_of(server))
    try:
        yield url
    finally:
        databases.drop_copy(server, name)


@pytest.mark.both_databases
def test_NEVER_TWICE_BY_ACCIDENT_a_back_up_is_restored_and_every_import_has_a_truthful_end(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
):
    """Back up while callers upload and Marketo works, go on, SIGKILL; restore elsewhere, paused; mark; go on."""
    server = None if database_url.startswith("sqlite") else request.getfixturevalue("postgres_server")
    for folder in ((lost := tmp_path / "lost"), (new := tmp_path / "new"), (vault := tmp_path / "vault")):
        folder.mkdir()
    patient = QUICK | {"UNCONFIRMED_SETTLE_SECONDS": 1}
    with simulator(SLOW) as (marketo, played):
        with service(lost, database_url, marketo, **patient) as running:
            callers = Callers(running)
            with callers.at_work():
                wait_until(lambda: len(callers.files) >= AWHILE, "callers to have uploaded")
                played.order(parse_fault("lost_response"))
                wait_until(lambda: bool(played.report()["mischief"]), "an answer to be lost")
                since = back_up(running, database_url, vault, server)
                behind = max(callers.files)
                jobs_then = len(played.report()["jobs"])
                wait_until(lambda: max(callers.files) >= behind + AWHILE, "callers to go on")
                wait_until(lambda: len(played.report()["jobs"]) >= jobs_then + 5, "Marketo to get more")
                running.end(signal.SIGKILL)
        for path in vault.iterdir():
            path.rename(new / path.name)
        with restored_copy(new, server) as restored_url:
            revived = Service(new, restored_url, marketo, **patient)
            revived.options = ("--paused",)
            try:
                revived.start()
                _go_on(revived, played, callers, since)
            finally:
                if revived.child and revived.child.poll() is None:
                    revived.end(signal.SIGKILL)


def _go_on(running: Service, played: Simulator, callers: Callers, since: datetime) -> None:
    sent_by_the_lost = Counter(job["sha256"] for job in played.report()["jobs"])
    lost_ids = max(callers.files)
    callers.running = running
    while_paused = callers.upload(1_000)
    assert while_paused > lost_ids + 900_000
    told = json.loads(sluice(running, "restored", "--since", since.astimezone(UTC).isoformat(), "--json"))
    known = imports_of(running)
    unfinished = [n for n, one in known.items() if n != while_paused and one["finished_at"] is None]
    assert told["imports"] >= len(unfinished)
    assert told["parts"]["waiting"] == len(told["waiting_imports"]) > 0
    after = callers.upload(1_001)
    sluice(running, "resume", "default")
    wait_until(lambda: imports_of(running)[after]["status"] == "complete", "what is new to go")
    wait_until(lambda: _is_settled(running), "all that goes by itself to have ended")
    sent = Counter(job["sha256"] for job in played.report()["jobs"])
    assert {one: n for one, n in sent.items() if n > 1} == {one: n for one, n in sent_by_the_lost.items() if n > 1}
    held = [n for n, one in imports_of(running).items() if one["finished_at"] is None]
    assert sorted(held) == sorted({*told["waiting_imports"], *told["unconfirmed_imports"]})
    _decide(running, played, callers, held)
    wait_until(lambda: all(one["finished_at"] for one in imports_of(running).values()), "all to have ended")
    _all_are_truthful(running, played, callers, while_paused, after)
    sent = Counter(job["sha256"] for job in played.report()["jobs"])
    assert {one: n for one, n in sent.items() if n > 1} == {one: n for one, n in sent_by_the_lost.items() if n > 1}


def _is_settled(running: Service) -> bool:
    """Nothing is left but what waits for a person."""
    unfinished = [n for n, one in imports_of(running).items() if one["finished_at"] is None]
    parts = parts_by_state(running, unfinished).values()
    return all(part["state"] == "unconfirmed" or part["waiting_for"] == "review" for part in parts)


def _decide(running: Service, played: Simulator, callers: Callers, held: list[int]) -> None:
    """As a person would that looks in Marketo: what is there is not sent again."""
    parts = parts_by_state(running, held)
    for n in held:
        batch_ids = at_marketo(played, callers.files[n])
        match parts[n]["state"], batch_ids:
            case "unconfirmed", []:
                sluice(running, "resolve", n, 1, "resubmit")
            case "unconfirmed", [*_, batch_id]:
                sluice(running, "resolve", n, 1, "accepted", "--batch-id", batch_id)
            case "waiting", []:
                sluice(running, "release", n)
            case _:
                sluice(running, "cancel", n)


def _all_are_truthful(running: Service, played: Simulator, callers: Callers, *new: int) -> None:
    there = {record["email"] for record in played.records("lead")}
    for n, one in imports_of(running).items():
        content = callers.files[n]
        emails = {line.split(",")[0] for line in content.decode().splitlines()[1:]}
        events = patience.get(f"{running.url}/v1/imports/{n}/events").json()["items"]
        types = [event["type"] for event in events]
        rows = one["rows"]
        if one["status"] == "complete":
            assert (rows["imported"], rows["failed"], rows["pending"]) == (ROWS, 0, 0)
            assert emails <= there
        else:
            assert (one["status"], rows["imported"], rows["pending"]) == ("cancelled", 0, ROWS)
            assert "restored" in types, "it says why nobody knows more"
        assert "restored" not in types or n not in new
    known = set(imports_of(running))
    for n in callers.files.keys() - known:
        assert patience.get(f"{running.url}/v1/imports/{n}").status_code == 404


def test_a_base_back_up_with_its_archived_log_is_restored_to_a_moment():
    """By the commands of docs/operating.md: what was written up to then is there, and what came later is not."""
    _, _, archive, base, restore, start = recipes.recipes("operating.md", "PostgreSQL")
    with databases.a_folder() as folder:
        vault = str(folder)

        def here(commands: str) -> str:
            assert "/var/backups" in commands
            return commands.replace("/var/backups", vault)

        (folder / "wal").mkdir()
        with databases.archiving_server(here(archive)) as own:
            path, user = databases.tools_of(own.url), own.user
            for each in (folder, folder / "wal"):
                if user:
                    shutil.chown(each, user)
            recipes.run(here(base), folder, user=user, SERVER_URL=own.url, PATH=path)
            with psycopg.connect(own.url, autocommit=True) as line:
                line.execute("INSERT INTO instance (name) VALUES ('before')")
                (moment,) = line.execute("SELECT clock_timestamp()").fetchone() or ()
                line.execute("INSERT INTO instance (name) VALUES ('after')")
                line.execute("SELECT pg_switch_wal()")
                done = "SELECT archived_count > 0 AND last_archived_time > %s FROM pg_stat_archiver"
                wait_until(lambda: (line.execute(done, [moment]).fetchone() or (False,))[0], "the log to be archived")
            own.stop()
            with (folder / "base" / "postgresql.conf").open("a") as settings:
                settings.write(here(restore).replace("2026-11-23 03:00:00+00", moment.isoformat()))
                settings.write(f"\nunix_socket_directories = '{folder}'\nlisten_addresses = ''\n")
            recipes.run(here(start), folder, user=user, PATH=path)
            try:
                with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as line:
                    found = {name for (name,) in line.execute("SELECT name FROM instance").fetchall()}
            finally:
                recipes.run(here("pg_ctl --pgdata=/var/backups/base --mode=fast stop"), folder, user=user, PATH=path)
    assert found == {"before"}
