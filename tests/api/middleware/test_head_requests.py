"""HEAD: what GET answers, without its body."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.story.files import LEADS_WITH_TROUBLE
from tests.support.listener import SOON_SECONDS
from tests.support.logged import Log, log
from tests.support.processes import service
from tests.support.stage import Stage
from tests.support.tiers import chosen

__all__ = ["log"]
ITS_OWN = {"x-request-id", "date"}


@pytest.mark.parametrize(
    ("path", "status"),
    chosen(
        [
            ("/v1/imports/1", 200),
            ("/v1/imports", 200),
            ("/v1/imports/1/failures", 200),
            ("/v1/imports/1/failures.csv", 200),
            ("/v1/imports/9", 404),
            ("/v1/imports?colour=red", 422),
            ("/v1/status", 200),
            ("/livez", 200),
            ("/problems/", 200),
            ("/openapi.json", 200),
            ("/docs", 200),
            ("/bulk/v1/leads/batch/1.json", 200),
            ("/v1/imports/1/cancel", 405),
        ],
        *(("/v1/imports/1/failures.csv", 200), ("/v1/imports/9", 404), ("/docs", 200), ("/v1/imports/1/cancel", 405)),
    ),
)
async def test_a_head_is_the_get_without_its_body(stage: Stage, path: str, status: int):
    """Status and headers are the same, also of an error."""
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    got, head = await stage.api.get(path), await stage.api.head(path)
    assert (got.status_code, head.status_code) == (status, status)
    assert (bool(got.content), head.content) == (True, b"")
    told = [{name: value for name, value in item.headers.items() if name not in ITS_OWN} for item in (got, head)]
    if not path.startswith("/v1/status"):  # which measures, and may say more of it the next time
        assert told[0] == told[1]


async def test_the_head_of_a_stream_of_events_ends_at_once(stage: Stage, log: Log):
    """And with it all that would have gone on; the log calls it what it was."""
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    async with asyncio.timeout(SOON_SECONDS):
        answer = await stage.api.head(f"/v1/imports/{import_id}/events", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert not stage.container.subscriptions.subscribers
    (line,) = log.lines("request")[-1:]
    assert (line["method"], line["status"]) == ("HEAD", 200)


async def test_a_head_changes_nothing(stage: Stage):
    """Where there is only a POST, it is refused."""
    answer = await stage.api.head("/v1/instances/default/pause")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.endure
def test_a_line_goes_on_behind_a_head(sqlite_url: str, tmp_path: Path):
    """Over a real socket nothing of a body stands between two answers."""
    with (
        service(tmp_path, sqlite_url, "http://127.0.0.1:9") as running,
        socket.create_connection(("127.0.0.1", running.port)) as line,
    ):
        for end in ("", "Connection: close\r\n"):
            line.sendall(f"HEAD /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n{end}\r\n".encode())
        answer = b""
        while more := line.recv(4096):
            answer += more
    heads = answer.split(b"\r\n\r\n")
    assert [head.partition(b"\r\n")[0] for head in heads] == [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b""]
