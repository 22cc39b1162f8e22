"""Files of more than one part: cut, sent side by side, and put together again."""

import asyncio
import csv
import gzip
import io
import random
from datetime import datetime
from typing import Any

import httpx
import pytest

from app.simulator import Rules
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged
from tests.support.tiers import chosen

HEADER = "email,firstName,leadScore"


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock):
    """Parts of 2 KB: a small file is a large one."""
    async with staged(database_url, clock, rules=Rules(rows_per_second=20), part_bytes=2_000) as found:
        yield found


def a_file(
    rows: int, *, repeated: float = 0.0, bad: float = 0.0, seed: int = 1
) -> tuple[bytes, dict[str, str], list[int]]:
    """(the file, the name that must win for each email, the numbers of the rows that Marketo rejects)."""
    chance = random.Random(seed)
    lines, wins, rejected = [HEADER], {}, []
    emails: list[str] = []
    for number in range(1, rows + 1):
        email = chance.choice(emails) if emails and chance.random() < repeated else f"p{number}@example.com"
        emails.append(email)
        if chance.random() < bad:
            rejected.append(number)
            lines.append(f"{email},N{number},much")
        else:
            wins[email] = f"N{number}"
            lines.append(f'{email},"N{number}",7')
    return ("\r\n".join(lines) + "\r\n").encode(), wins, rejected


async def failures(stage: Stage, import_id: int) -> list[dict[str, str]]:
    text = (await stage.api.get(f"/v1/imports/{import_id}/failures.csv")).text
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("repeated", chosen([0.0, 0.02, 0.5], 0.5))
async def test_a_large_file_is_imported_whole_with_every_row_accounted_for(stage: Stage, repeated: float):
    """No duplicate record, the last row of each key won, each failure has its row; two importers at work."""
    content, wins, rejected = a_file(1_000, repeated=repeated, bad=0.02)
    import_id = await stage.created(content)
    made = await stage.read(import_id)
    assert made["parts"]["total"] > 10
    assert made["file"] == {
        "name": None,
        "bytes": len(content),
        "sha256": made["file"]["sha256"],
        "rows": 1_000,
        "ragged_rows": 0,
    }
    await stage.run()
    told = await stage.read(import_id)
    assert told["status"] == "complete"
    assert told["rows"] == {
        "total": 1_000, "imported": 1_000 - len(rejected), "failed": len(rejected), "warned": 0, "pending": 0
    }  # fmt: skip
    assert told["attention"] is None
    records = {record["email"]: record["firstName"] for record in stage.simulator.records("lead")}
    assert len(stage.simulator.records("lead")) == len(records)
    assert records == wins
    found = await failures(stage, import_id)
    assert [int(row["Source Row"]) for row in found] == rejected
    assert all(row["firstName"] == f"N{row['Source Row']}" for row in found)
    assert stage.simulator.report()["most_importing"] == 2


async def test_the_parts_that_follow_the_file_go_side_by_side_and_what_was_set_aside_comes_last(stage: Stage):
    """A few repeated keys cost one small part, not the parallelism of all the others. So many keep Marketo busy."""
    content, _, _ = a_file(1_000, repeated=0.02)
    import_id = await stage.created(content)
    while await stage.instance_worker.submit.run_once(stage.lease):
        pass
    parts = await stage.parts(import_id)
    assert 4 <= sum(part["state"] == "queued" for part in parts) <= 10
    assert next(part["waiting_for"] for part in parts if part["state"] == "waiting") == "slot"
    await stage.run()
    jobs = stage.simulator.report()["jobs"]
    assert len(jobs) == len(parts)


async def test_every_part_is_as_full_as_may_be_and_within_marketos_limit(stage: Stage):
    """95 % at least, but for the last that follows the file and the last that was set aside."""
    content, _, _ = a_file(500, repeated=0.3)
    import_id = await stage.created(content)
    sizes = [part["bytes"] for part in await stage.parts(import_id)]
    assert sum(size >= 0.95 * (2_000 - 180) for size in sizes) >= len(sizes) - 2
    await stage.run()
    assert max(int(request.headers["Content-Length"]) for request in stage.posted) <= 2_000


async def test_results_can_be_read_while_the_import_still_runs(stage: Stage):
    """What is known so far, in source order."""
    content, _, rejected = a_file(500, bad=0.05)
    import_id = await stage.created(content)
    seen: list[list[int]] = [[]]
    while (await stage.read(import_id))["status"] != "complete":
        await stage.beat()
        stage.clock.step(2)
        seen.append([int(row["Source Row"]) for row in await failures(stage, import_id)])
        assert set(seen[-2]) <= set(seen[-1])
        assert seen[-1] == sorted(seen[-1])
    assert seen[-1] == rejected
    assert any(0 < len(known) < len(rejected) for known in seen)


async def test_a_form_and_a_compressed_body_come_out_the_same(stage: Stage):
    """One intake behind all of them."""
    content, _, _ = a_file(300)
    raw = await stage.read(await stage.created(content))
    form = (await stage.api.post("/v1/imports", files={"file": ("a.csv", content)})).json()
    packed = await stage.api.post(
        "/v1/imports", content=gzip.compress(content), headers={"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    )
    for told in (form, packed.json()):
        assert told["file"]["sha256"] == raw["file"]["sha256"]
        assert (told["parts"], told["rows"]) == (raw["parts"], raw["rows"])


@pytest.mark.parametrize(
    ("tail", "code", "row"),
    [(b"x@example.com,\xff,1\n", "bad_bytes", 1001), (b'x@example.com,"a,1\n', "unclosed_quote", 1001)],
)
async def test_a_mistake_in_the_last_row_leaves_nothing_of_all_the_rows_before_it(
    stage: Stage, tail: bytes, code: str, row: int
):
    """Though hundreds of parts were stored already; and the caller is told where."""
    answer = await stage.create(a_file(1_000)[0] + tail)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert answer.json()["errors"][0]["row"] == row
    assert await stage.holds_nothing()


async def test_a_sender_that_goes_away_in_the_middle_leaves_nothing(stage: Stage):
    """Parts that were stored by then are taken away."""
    content, _, _ = a_file(1_000)
    stored = []

    async def breaks() -> Any:
        for at in range(0, len(content), 1000):
            yield content[at : at + 1000]
        stored.append(not await stage.holds_nothing())
        raise httpx.ReadError("the caller is gone")

    object.__setattr__(stage.container.intake.limits, "part_bytes", 2_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.uploads.part_files.BLOCK_BYTES", 1_000)
        with pytest.raises(httpx.ReadError):
            await stage.api.post("/v1/imports", content=breaks(), headers={"Content-Type": "text/csv"})
    assert stored == [True]
    assert await stage.holds_nothing()


async def test_an_import_is_created_when_its_upload_has_ended(stage: Stage):
    """Whoever asks for what is newer than the newest it knows must not miss one that took long."""
    content, _, _ = a_file(1_000)
    begun = stage.clock()

    async def slowly() -> Any:
        for at in range(0, len(content), 10_000):
            stage.clock.step(60)
            yield content[at : at + 10_000]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.uploads.part_files.BLOCK_BYTES", 10_000)
        answer = await stage.api.post("/v1/imports", content=slowly(), headers={"Content-Type": "text/csv"})
    made = answer.json()
    assert made["parts"]["total"] > 1
    assert datetime.fromisoformat(made["created_at"]) == stage.clock() > begun


async def test_a_digest_that_does_not_fit_leaves_nothing_of_many_parts(stage: Stage):
    """It is known only at the end."""
    headers = {"Content-Type": "text/csv", "Content-Digest": f"sha-256=:{'A' * 43}=:"}
    answer = await stage.api.post("/v1/imports", content=a_file(1_000)[0], headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "digest_mismatch")
    assert await stage.holds_nothing()


async def test_an_upload_that_was_given_up_as_broken_off_is_told_so(stage: Stage):
    """A line so slow that an hour went by without a part."""
    content, _, _ = a_file(1_000)

    async def slowly() -> Any:
        for at in range(0, len(content), 1000):
            if at == 20_000:
                while await stage.holds_nothing():
                    await asyncio.sleep(0)
                while not await stage.holds_nothing():  # a part that came before may just be being stored
                    stage.clock.step(7200)
                    await stage.maintenance.run_once()
            yield content[at : at + 1000]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.uploads.part_files.BLOCK_BYTES", 1_000)
        answer = await stage.api.post("/v1/imports", content=slowly(), headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (408, "upload_too_slow")
    assert await stage.holds_nothing()
