"""Real processes, killed and stopped: what was accepted is done, once."""

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.clock import Cause, Jump
from app.pipeline.finish import finish
from app.simulator import Rules, parse_fault
from app.store import clock_jumps
from app.store.database import Database
from tests.story.files import leads
from tests.support import patience
from tests.support.processes import Service, service, simulator, wait_until
from tests.support.tiers import chosen

QUICK = {
    "TICK_SECONDS": 0.1,
    "POLL_MIN_SECONDS": 0.1,
    "POLL_MAX_SECONDS": 0.5,
    "RETRY_BASE_SECONDS": 0.2,
    "UNCONFIRMED_SETTLE_SECONDS": 2,
    "LEASE_SECONDS": 1,
    "INSTANCES__DEFAULT__WINDOW_SECONDS": 1,
    "INSTANCES__DEFAULT__CALLS_PER_WINDOW": 100,
}
MARKETO = Rules(job_seconds=0.2, window_seconds=1)


def statuses(running: Service) -> Counter[str]:
    items = patience.get(f"{running.url}/v1/imports", params={"page_size": 200}).json()["items"]
    return Counter(item["status"] for item in items)


def create(running: Service, count: int, *, start: int = 0) -> list[int]:
    made = []
    for n in range(start, start + count):
        answer = patience.post(
            f"{running.url}/v1/imports", content=leads(5, start=10 * n), headers={"Content-Type": "text/csv"}
        )
        assert answer.status_code == 202, answer.text
        made.append(int(answer.json()["id"]))
    return made


def test_a_kill_while_imports_flow_loses_nothing(database_url: str, tmp_path: Path):
    """SIGKILL with parts in every state; after the restart every import is complete and every row is at Marketo."""
    with simulator(MARKETO) as (marketo, played), service(tmp_path, database_url, marketo, **QUICK) as running:
        made = create(running, 10)
        wait_until(lambda: len(played.report()["jobs"]) >= 3, "Marketo to have some of them")
        running.end(signal.SIGKILL)
        running.start()
        made += create(running, 5, start=10)
        wait_until(lambda: statuses(running) == {"complete": 15}, "all of them to be complete")
        for import_id in made:
            rows = patience.get(f"{running.url}/v1/imports/{import_id}").json()["rows"]
            assert (rows["total"], rows["imported"], rows["failed"], rows["pending"]) == (5, 5, 0, 0)
        report = played.report()
        emails = [record["email"] for record in played.records("lead")]
        assert sorted(emails) == sorted({f"p{10 * n + k}@example.com" for n in range(15) for k in range(5)})
        assert report["most_outstanding"] <= 10
        assert report["most_importing"] <= 2
        sent = Counter(job["sha256"] for job in report["jobs"])
        lost = sum(
            event["type"] == "lose"
            for import_id in made
            for event in patience.get(f"{running.url}/v1/imports/{import_id}/events").json()["items"]
        )
        assert sum(count - 1 for count in sent.values()) <= lost


def test_CALM_DEPLOY_a_stop_makes_nothing_unconfirmed(database_url: str, tmp_path: Path):
    """SIGTERM while imports flow: the calls under way are finished, the exit is clean, nothing was sent twice."""
    with simulator(MARKETO) as (marketo, played), service(tmp_path, database_url, marketo, **QUICK) as running:
        made = create(running, 12)
        wait_until(lambda: len(played.report()["jobs"]) >= 2, "Marketo to have some of them")
        assert running.end(signal.SIGTERM) == 0
        running.start()
        wait_until(lambda: statuses(running) == {"complete": 12}, "all of them to be complete")
        types = {
            event["type"]
            for import_id in made
            for event in patience.get(f"{running.url}/v1/imports/{import_id}/events").json()["items"]
        }
        assert "lose" not in types
        assert len(played.report()["jobs"]) == 12


@pytest.mark.endure
def test_CALM_DEPLOY_a_worker_that_stops_hands_over_at_once(postgres_url: str, tmp_path: Path):
    """SIGTERM in mid-submission: the answer is awaited and written down, and another worker goes on without the lease.

    The lease outlasts the test by far: had anyone to wait for its end, this would not.
    """
    patient = QUICK | {"LEASE_SECONDS": 600}
    with (
        simulator(MARKETO) as (marketo, played),
        service(tmp_path, postgres_url, marketo, role="api", **patient) as api,
        service(tmp_path, postgres_url, marketo, role="worker", **patient) as one,
        service(tmp_path, postgres_url, marketo, role="worker", **patient) as other,
    ):
        played.order(parse_fault("hang:create:nth=2:seconds=1"))
        made = create(api, 8)
        wait_until(lambda: bool(played.report()["mischief"]), "a submission to be under way")
        context, heir = (one, other) if drives(api, one) else (other, one)
        assert context.end(signal.SIGTERM) == 0
        wait_until(lambda: drives(api, heir), "the other worker to drive")
        wait_until(lambda: statuses(api) == {"complete": 8}, "all of them to be complete")
        types = event_types(api, made)
        assert types["claim"] == types["accept"] == 8
        assert "lose" not in types
        assert len(played.report()["jobs"]) == 8


@pytest.mark.endure
def test_CALM_DEPLOY_an_answer_is_recorded_though_the_clock_is_set_while_the_worker_stops(
    postgres_url: str, tmp_path: Path
):
    """SIGTERM in mid-submission, and another process records a jump: the worker hears of it, and loses no answer."""
    with (
        simulator(MARKETO) as (marketo, played),
        service(tmp_path, postgres_url, marketo, role="api", **QUICK) as api,
        service(tmp_path, postgres_url, marketo, role="worker", **QUICK) as worker,
    ):
        played.order(parse_fault("hang:create:nth=1:seconds=3"))
        made = create(api, 1)
        wait_until(lambda: bool(played.report()["mischief"]), "a submission to be under way")
        assert worker.child is not None
        worker.child.send_signal(signal.SIGTERM)
        asyncio.run(record_jump(postgres_url))
        assert worker.child.ended() == 0
        types = event_types(api, made)
        assert (types["claim"], types["accept"], types["lose"]) == (1, 1, 0)


async def record_jump(database_url: str) -> None:
    """As another process does that was the first to notice it; by no time at all, as the clock was not really set."""
    database = Database(database_url, finish=finish)
    try:
        async with database.write() as tx:
            now = datetime.now(UTC)
            last_id = max((jump.id for jump in await clock_jumps.known(tx)), default=0)
            assert await clock_jumps.add(tx, Jump(last_id + 1, Cause.JUMP, now, now))
    finally:
        await database.close()


@pytest.mark.endure
def test_CALM_DEPLOY_a_rolling_restart_under_load_is_not_noticed(postgres_url: str, tmp_path: Path):
    """Each API and each worker in turn: callers see 202 or no connection, all that was accepted is done, once."""
    patient = QUICK | {"LEASE_SECONDS": 600}
    with (
        simulator(MARKETO) as (marketo, played),
        service(tmp_path, postgres_url, marketo, role="api", **patient) as api,
        service(tmp_path, postgres_url, marketo, role="api", **patient) as other_api,
        service(tmp_path, postgres_url, marketo, role="worker", **patient) as worker,
        service(tmp_path, postgres_url, marketo, role="worker", **patient) as other_worker,
    ):
        with uploading([api, other_api]) as answers:
            for running in (api, worker, other_api, other_worker):
                done = len(answers)
                wait_until(lambda done=done: len(answers) > done + 3, "uploads to go on")
                assert running.end(signal.SIGTERM) == 0
                running.start()
        accepted = [import_id for code, import_id in answers if code == 202]
        assert {code for code, _ in answers} <= {202, None}
        assert len(accepted) > 12
        wait_until(lambda: not under_way(api), "all of them to be complete")
        types = event_types(api, accepted)
        assert types["collect"] == len(accepted)
        assert "lose" not in types
        sent = Counter(job["sha256"] for job in played.report()["jobs"])
        assert set(sent.values()) == {1}


@pytest.mark.endure
def test_an_upload_that_outlasts_a_stop_is_told_so(sqlite_url: str, tmp_path: Path):
    """503 with a problem, not a bare 500; and nothing of the upload is there afterwards."""
    stopped = threading.Event()

    def endless() -> Iterator[bytes]:
        yield leads(5)
        running.child.send_signal(signal.SIGTERM)
        while not stopped.wait(0.1):
            yield b"late@example.com,Late\n"

    with simulator(MARKETO) as (marketo, _), service(tmp_path, sqlite_url, marketo, SHUTDOWN_SECONDS=1) as running:
        answer = patience.post(f"{running.url}/v1/imports", content=endless(), headers={"Content-Type": "text/csv"})
        stopped.set()
        assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
        assert running.child.ended() == 0
        running.start()
        assert not statuses(running)


@contextmanager
def uploading(doors: list[Service], *, pause_seconds: float = 0.2) -> Iterator[list[tuple[int | None, int]]]:
    """While this lasts, one file after the other goes to each of the doors in turn: (status or None, import)."""
    answers: list[tuple[int | None, int]] = []
    stop = threading.Event()

    def upload() -> None:
        while not stop.is_set():
            number = len(answers)
            try:
                answer = patience.post(
                    f"{doors[number % len(doors)].url}/v1/imports",
                    content=leads(3, start=3 * number),
                    headers={"Content-Type": "text/csv"},
                )
            except httpx.TransportError:
                answers.append((None, 0))
            else:
                answers.append((answer.status_code, answer.json().get("id", 0)))
            stop.wait(pause_seconds)

    caller = threading.Thread(target=upload)
    caller.start()
    try:
        yield answers
    finally:
        stop.set()
        caller.join()


def under_way(api: Service) -> bool:
    listed = [
        patience.get(f"{api.url}/v1/imports?status={status}").json()["items"] for status in ("queued", "importing")
    ]
    return any(listed)


def drives(api: Service, worker: Service) -> bool:
    """Whether it is this worker that drives the instance."""
    context = patience.get(f"{api.url}/v1/instances").json()["items"][0]["worker"]
    assert worker.child is not None
    return context is not None and context["id"].split(":")[1] == str(worker.child.pid)


def event_types(api: Service, import_ids: list[int]) -> Counter[str]:
    return Counter(
        event["type"]
        for import_id in import_ids
        for event in patience.get(f"{api.url}/v1/imports/{import_id}/events").json()["items"]
    )


@pytest.mark.parametrize("name", chosen(["one.db", "other.db"], "other.db"))
def test_a_second_process_on_the_same_sqlite_file_is_refused(tmp_path: Path, name: str):
    """One clear line, exit code 1, and the first one goes on; also by another name of the file."""
    url = f"sqlite:///{tmp_path / 'one.db'}"
    (tmp_path / "other.db").symlink_to(tmp_path / "one.db")
    with simulator(MARKETO) as (marketo, _), service(tmp_path, url, marketo, **QUICK) as first:
        second = Service(tmp_path, f"sqlite:///{tmp_path / name}", marketo, **QUICK)
        second.folder = tmp_path / "second"
        second.folder.mkdir()
        try:
            second.start()
        except AssertionError as refused:
            assert "Another process has" in str(refused)  # noqa: PT017  # the log is the message
        else:
            raise AssertionError("a second process started")
        assert second.child is not None
        assert second.child.returncode == 1
        assert patience.get(f"{first.url}/livez").status_code == 200
