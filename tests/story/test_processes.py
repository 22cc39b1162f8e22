"""Real processes, killed and stopped: what was accepted is done, once."""

import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from app.simulator import Rules
from tests.story.files import leads
from tests.support.processes import Service, service, simulator, wait_until

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
    items = httpx.get(f"{running.url}/v1/imports", params={"page_size": 200}).json()["items"]
    return Counter(item["status"] for item in items)


def create(running: Service, count: int, *, start: int = 0) -> list[int]:
    made = []
    for n in range(start, start + count):
        answer = httpx.post(
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
            rows = httpx.get(f"{running.url}/v1/imports/{import_id}").json()["rows"]
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
            for event in httpx.get(f"{running.url}/v1/imports/{import_id}/events").json()["items"]
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
            for event in httpx.get(f"{running.url}/v1/imports/{import_id}/events").json()["items"]
        }
        assert "lose" not in types
        assert len(played.report()["jobs"]) == 12


@pytest.mark.parametrize("name", ["one.db", "other.db"])
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
            assert "Another process serves" in str(refused)  # noqa: PT017  # the log is the message
        else:
            raise AssertionError("a second process started")
        assert second.child is not None
        assert second.child.returncode == 1
        assert httpx.get(f"{first.url}/livez").status_code == 200
