"""Two processes of the service on one PostgreSQL: create on one, watch on the other, cancel on either."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.simulator import Rules
from tests.story.files import leads
from tests.story.test_processes import MARKETO, QUICK
from tests.support import patience
from tests.support.listener import events_in
from tests.support.processes import Service, service, simulator, wait_until

LATER = {"not_before": "2099-01-01T00:00:00Z"}


@contextmanager
def two(folder: Path, url: str, rules: Rules = MARKETO) -> Iterator[tuple[Service, Service]]:
    for name in ("one", "other"):
        (folder / name).mkdir()
    with (
        simulator(rules) as (marketo, _),
        service(folder / "one", url, marketo, **QUICK) as one,
        service(folder / "other", url, marketo, **QUICK) as other,
    ):
        yield one, other


def create(running: Service, **parameters: str) -> int:
    answer = patience.post(
        f"{running.url}/v1/imports", content=leads(5), params=parameters, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def history(running: Service, import_id: int) -> list[dict[str, Any]]:
    return patience.get(f"{running.url}/v1/imports/{import_id}/events", params={"page_size": 200}).json()["items"]


@contextmanager
def asked_and_waiting(running: Service, import_id: int) -> Iterator[HTTPConnection]:
    """The answer is yet to come."""
    with closing(HTTPConnection("127.0.0.1", running.port, timeout=patience.seconds() + 10)) as line:
        line.request("GET", f"/v1/imports/{import_id}?wait=60")
        yield line


class Watcher(threading.Thread):
    """Reads a stream of events to its end, in a thread."""

    def __init__(self, running: Service, import_id: int, *, seen: int | None = None) -> None:
        super().__init__()
        self.url = f"{running.url}/v1/imports/{import_id}/events"
        self.seen = seen
        self.received: list[dict[str, Any]] = []
        self.start()
        if seen is None:
            wait_until(lambda: bool(self.received), "the first event")

    def run(self) -> None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(self.seen)} if self.seen else {})
        with httpx.stream("GET", self.url, headers=headers, timeout=patience.seconds()) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    self.received.append(json.loads(line.removeprefix("data: ")))

    def whole(self) -> list[dict[str, Any]]:
        """What was heard, once the stream has ended."""
        self.join(patience.seconds())
        assert not self.is_alive(), f"the stream goes on; so far: {self.received}"
        return self.received


@pytest.mark.endure
def test_create_on_one_watch_on_the_other_cancel_on_either(postgres_url: str, tmp_path: Path):
    """The stream and the wait end with the import, whoever moved it; and any process can go on with a stream."""
    with two(tmp_path, postgres_url) as (one, other):
        for canceller in (one, other):
            import_id = create(one, **LATER)
            with asked_and_waiting(other, import_id) as waiting:
                subscriber = Watcher(other, import_id)
                assert patience.post(f"{canceller.url}/v1/imports/{import_id}/cancel").status_code == 202
                assert json.load(waiting.getresponse())["status"] == "cancelled"
            told = subscriber.whole()
            assert [event["type"] for event in told] == ["accepted", "cancel_requested", "cancel", "finished"]
            assert told == history(one, import_id) == history(other, import_id)
        for running in (one, other):
            for seen in range(len(told) - 1):
                assert Watcher(running, import_id, seen=told[seen]["id"]).whole() == told[seen + 1 :]


def test_an_import_is_followed_from_any_process_to_its_end(postgres_url: str, tmp_path: Path):
    """Only one of them drives the instance; both tell each event of it, once and in order."""
    with two(tmp_path, postgres_url) as (one, other):
        import_id = create(one)
        subscribers = [Watcher(running, import_id) for running in (one, other)]
        told = [subscriber.whole() for subscriber in subscribers]
        assert told[0] == told[1] == history(one, import_id)
        assert told[0][-1]["type"] == "finished"
        assert told[0][-1]["data"]["status"] == "complete"


@pytest.mark.endure
def test_a_process_that_stops_sends_its_watchers_to_the_other(postgres_url: str, tmp_path: Path):
    """SIGTERM ends streams and waits at once, and the exit is clean; nothing is missed or told twice."""
    with two(tmp_path, postgres_url) as (one, other):
        import_id = create(one, **LATER)
        url = f"{other.url}/v1/imports/{import_id}/events"
        with (
            asked_and_waiting(other, import_id) as waiting,
            httpx.stream("GET", url, headers={"Accept": "text/event-stream"}),  # who reads nothing holds nobody up
        ):
            subscriber = Watcher(other, import_id)
            assert other.end(signal.SIGTERM) == 0
            assert json.load(waiting.getresponse())["status"] == "queued"
        assert "Cancel" not in other.log.read_text(), "nobody was waited for to the last"
        assert [event["type"] for event in subscriber.whole()] == ["accepted"]
        follower = Watcher(one, import_id, seen=subscriber.received[-1]["id"])
        patience.post(f"{one.url}/v1/imports/{import_id}/cancel").raise_for_status()
        assert [event["type"] for event in follower.whole()] == ["cancel_requested", "cancel", "finished"]


@pytest.mark.endure
def test_streams_of_one_process_end_with_it_too(sqlite_url: str, tmp_path: Path):
    """On SQLite there is no other: the client comes back once it runs again."""
    with simulator(MARKETO) as (marketo, _), service(tmp_path, sqlite_url, marketo, **QUICK) as running:
        import_id = create(running, **LATER)
        subscriber = Watcher(running, import_id)
        assert running.end(signal.SIGTERM) == 0
        assert [event["type"] for event in subscriber.whole()] == ["accepted"]
        running.start()
        patience.post(f"{running.url}/v1/imports/{import_id}/cancel").raise_for_status()
        told = patience.get(
            f"{running.url}/v1/imports/{import_id}/events",
            headers={"Accept": "text/event-stream", "Last-Event-ID": str(subscriber.received[-1]["id"])},
        )
        assert [event["type"] for event in events_in(told.text)] == ["cancel_requested", "cancel", "finished"]
