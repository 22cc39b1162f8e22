"""Bodies as they come: how much of them is held, and what happens when they stop coming."""

import socket
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.web import form, uploads
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.order import in_order
from tests.support.processes import service, wait_until
from tests.support.stage import Stage, staged
from tests.support.tiers import chosen

ROW = b"p%06d@example.com," + b"x" * 980 + b"\n"
MORE_BYTES = 5_000_000  # for a file that is four times as long: less than a tenth of what it has more
BEFORE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.csv"\r\n\r\n'
AFTER = b"\r\n--b--\r\n"


async def body(rows: int, before: bytes = b"", after: bytes = b"") -> AsyncIterator[bytes]:
    yield before + b"email,company\n"
    for first in range(0, rows, 50):
        yield b"".join(ROW % n for n in range(first, first + 50))
    yield after


@pytest.mark.parametrize("form", chosen([False, True], False), ids=["raw", "form"])
async def test_memory_does_not_grow_with_the_file(stage: Stage, form: bool):
    """15 MB and 60 MB, each in parts; a form's file goes through a spool."""
    kind, around = ("multipart/form-data; boundary=b", (BEFORE, AFTER)) if form else ("text/csv", ())
    peaks = []
    for rows in (15_000, 60_000):
        tracemalloc.start()
        try:
            answer = await stage.api.post("/v1/imports", content=body(rows, *around), headers={"Content-Type": kind})
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert (answer.status_code, answer.json()["rows"]["total"]) == (202, rows), answer.text
    assert peaks[1] < peaks[0] + MORE_BYTES


async def test_a_form_that_does_not_fit_the_temporary_disk_is_507(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """The operating system says so while the form is written; the answer tells what to do."""
    full = partial(Path("/dev/full").open, "r+b", buffering=0)
    monkeypatch.setattr(uploads.tempfile, "SpooledTemporaryFile", lambda **_: full())
    answer = await stage.api.post("/v1/imports", files={"file": ("leads.csv", LEADS)})
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full"), answer.text
    assert "send the file raw" in answer.json()["detail"]
    assert await stage.holds_nothing()


async def test_a_form_stops_at_the_floor_of_the_temporary_disk(
    database_url: str, clock: SteppedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SLUICE_DISK_FLOOR_BYTES holds there too; it is looked at now and then while the form is written."""
    free = iter([1000, 1000, 999])
    disk = form.shutil._ntuple_diskusage

    def usage(of: Path | str) -> Any:
        return disk(10**12, 0, next(free) if str(of) == str(tmp_path / "spool") else 10**12)

    (tmp_path / "spool").mkdir()
    async with staged(database_url, clock, disk_floor_bytes=1000) as stage:
        monkeypatch.setattr(uploads.tempfile, "tempdir", str(tmp_path / "spool"))
        monkeypatch.setattr(form.shutil, "disk_usage", usage)
        async with in_order(stage.container) as (api, log):
            content = body(60_000, BEFORE, AFTER)
            answer = await api.post(
                "/v1/imports", content=content, headers={"Content-Type": "multipart/form-data; boundary=b"}
            )
        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full"), answer.text
        assert "send the file raw" in answer.json()["detail"]
        assert log.index("answer") < 20_000_000 / len(ROW % 0 * 50)
        assert not list((tmp_path / "spool").iterdir())
        assert await stage.holds_nothing()
        small = await stage.api.post("/v1/imports", files={"file": ("leads.csv", LEADS)})
        assert small.status_code == 202  # needs none of that disk: nobody looks


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("/v1/imports", ("backlog_full", "disk_full")),
        ("/v1/imports/1/retry-failures", ("backlog_full", "disk_full")),
        ("/bulk/v1/leads.json?access_token=x", ("1016", "608")),
    ],
)
async def test_a_form_that_there_is_no_room_for_is_refused_unread(
    sqlite_url: str, clock: SteppedClock, path: str, codes: tuple[str, str]
):
    """As a raw body is."""
    async with staged(sqlite_url, clock) as stage:
        assert await stage.created(LEADS) == 1
        for knob, bound, code in zip(("backlog_parts", "disk_floor_bytes"), (1, 10**18), codes, strict=True):
            object.__setattr__(stage.container.capacity, knob, bound)
            async with in_order(stage.container) as (api, log):
                answer = await api.post(path, files={"file": ("leads.csv", LEADS)})
            assert (f'"code":"{code}"' in answer.text, log[0]) == (True, "answer"), answer.text
            object.__setattr__(stage.container.capacity, "backlog_parts", 100)


def test_a_caller_that_hangs_up_in_the_middle_leaves_nothing(sqlite_url: str, tmp_path: Path):
    """Over a real socket, once some parts are stored already."""

    def stored(table: str) -> int:
        with closing(sqlite3.connect(f"file:{sqlite_url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as seen:
            return int(seen.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    nowhere = "http://127.0.0.1:9"
    with service(tmp_path, sqlite_url, nowhere, PART_BYTES=20_000) as running:
        with socket.create_connection(("127.0.0.1", running.port)) as line:
            line.sendall(
                b"POST /v1/imports?preflight=off HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\n"
                b"Content-Length: 100000000\r\n\r\nemail,company\n"
            )
            line.sendall(b"".join(ROW % n for n in range(2_000)))
            wait_until(lambda: stored("part") > 1, "some parts to be stored")
        wait_until(lambda: stored("import") == 0, "the upload to be taken away")
        assert stored("part") == stored("part_file") == stored("event") == 0
