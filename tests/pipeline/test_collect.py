"""Collecting what Marketo says of single rows."""

from contextlib import suppress

import httpx
import pytest
from sqlalchemy import select

from app.files.compression import unpacked
from app.simulator import Fault
from app.store.tables import result_file
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


async def collecting(stage: Stage, *ids: int) -> bool:
    return all([(await stage.parts(one))[0]["state"] == "collecting" for one in ids])


async def test_a_part_whose_results_cannot_be_kept_does_not_hold_the_others_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    """Whatever is wrong with it: it is tried again later, and the next one is collected."""
    first = await stage.created(LEADS_WITH_TROUBLE)
    second = await stage.created(leads(2, start=50))
    await stage.instance_worker.submit.run_once(stage.lease)
    await stage.instance_worker.submit.run_once(stage.lease)
    stage.clock.step(10)
    await stage.instance_worker.poll.run_once(stage.lease)
    stage.clock.step(10)
    await stage.instance_worker.poll.run_once(stage.lease)
    assert await collecting(stage, first, second)
    monkeypatch.setattr("app.results.fetching.match_job_file", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await stage.instance_worker.collect.run_once(stage.lease)
    assert await stage.instance_worker.collect.run_once(stage.lease) is True
    assert await stage.instance_worker.collect.run_once(stage.lease) is False
    assert (await stage.read(second))["status"] == "complete"
    monkeypatch.undo()
    await stage.run()
    assert (await stage.read(first))["rows"]["failed"] == 2


async def test_a_file_that_we_cannot_place_is_kept_and_not_hidden(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    """A mistake of ours is tried again for an hour, and not until Marketo has forgotten the file."""
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    monkeypatch.setattr("app.results.fetching.match_job_file", lambda *_, **__: 1 / 0)
    for _ in range(16):
        with suppress(ZeroDivisionError):
            await stage.beat()
        stage.clock.step(300)
    told = await stage.read(import_id)
    assert (told["status"], told["attention"]["code"]) == ("complete", "results_missing")
    async with stage.container.db.read() as tx:
        assert (await tx.execute(select(result_file.c.kind).order_by(result_file.c.kind))).scalars().all() == [
            "failures",
            "warnings",
        ]


async def test_marketos_files_are_kept_as_they_came(stage: Stage):
    """Byte for byte, for whoever wants to look behind what was made of them."""
    sent: dict[str, bytes] = {}

    async def watch(request: httpx.Request, response: httpx.Response) -> None:
        if request.url.path.endswith(("failures.json", "warnings.json")):
            sent[request.url.path.rpartition("/")[2].removesuffix(".json")] = await response.aread()

    stage.transport.after_request = watch
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    async with stage.container.db.read() as tx:
        kept = {row.kind: b"".join(unpacked(row.blob)) for row in await tx.execute(select(result_file))}
    assert "failures" in kept
    assert kept == sent


async def test_a_result_file_with_a_nul_is_kept(stage: Stage):
    """PostgreSQL keeps no NUL in a text: it is shown as what it is not, and the row as it was uploaded."""

    async def spoil(request: httpx.Request, response: httpx.Response) -> None:
        if request.url.path.endswith("failures.json"):
            await response.aread()
            response._content = response.content.replace(b"bob", b"b\0b").replace(b"Invalid", b"In\0valid")

    stage.transport.after_request = spoil
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    assert (await stage.read(import_id))["status"] == "complete"
    told = (await stage.api.get(f"/v1/imports/{import_id}/failures.csv")).text
    assert "bob@example.com" in told, "its row was found"
    assert "In\ufffdvalid" in told


@pytest.mark.parametrize(
    ("counts", "imported", "attention"),
    [({"numOfLeadsProcessed": 0, "numOfRowsFailed": 0}, 0, "results_missing"), ({}, 2, None)],
)
async def test_that_marketo_imported_none_and_that_it_did_not_say_are_two_things(
    stage: Stage, counts: dict[str, int], imported: int, attention: str | None
):
    """`Complete` with explicit zeros leaves the rows unaccounted for; without counts the files decide."""

    async def recount(request: httpx.Request, response: httpx.Response) -> None:
        if "/batch/" in request.url.path and not request.url.path.endswith("s.json"):
            told = httpx.Response(200, content=await response.aread()).json()
            for record in told["result"]:
                for name in ("numOfLeadsProcessed", "numOfRowsFailed", "numOfRowsWithWarning"):
                    record.pop(name, None)
                record.update(counts)
            response._content = httpx.Response(200, json=told).content
            response.headers["content-length"] = str(len(response._content))

    stage.transport.after_request = recount
    import_id = await stage.created(leads(2))
    await stage.run()
    told = await stage.read(import_id)
    assert told["rows"]["imported"] == imported
    assert (told["attention"] or {}).get("code") == attention


async def test_damaged_bytes_are_a_failure_and_no_loop(stage: Stage):
    """What cannot be read here will never be sent; the part says so, and holds no slot."""
    import_id = await stage.created(leads(2))
    async with stage.container.db.write() as tx:
        await tx.exec_driver_sql("UPDATE part_file SET blob = substr(blob, 1, 20)")
    await stage.run()
    told = await stage.read(import_id)
    assert told["status"] == "failed"
    assert told["error"]["code"] == "corrupt"
    assert (await stage.api.get("/v1/instances/default")).json()["slots"]["used"] == 0


async def test_late_files_are_waited_for(stage: Stage):
    """404 for a file that was announced is not the last word."""
    stage.simulator.order(Fault("late_file", on="failures", times=3))
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    assert (await stage.read(import_id))["attention"] is None


async def test_a_job_that_is_given_up_while_it_is_collected_keeps_no_rows(database_url: str, clock: SteppedClock):
    """NOT_A_GUESS: nothing is shown of what is not counted; the worker that is late finds out and goes on."""
    async with staged(database_url, clock, bundle_seconds=20) as stage:
        first = await stage.created(leads(2, start=90))
        await stage.beat()
        made = [await stage.created(f"email,leadScore\np{n}@example.com,bad\n".encode()) for n in range(2)]
        made.append(await stage.created(b"email,leadScore\nq@example.com,1\n"))
        answers = []

        async def give_up(request: httpx.Request, _: httpx.Response) -> None:
            if request.url.path.endswith("failures.json"):
                stage.transport.after_request = None
                path = f"/v1/imports/{made[0]}/parts/1/resolve"
                answers.append(await stage.api.post(path, json={"outcome": "give_up"}))

        stage.transport.after_request = give_up
        await stage.run()
        assert [(answer.status_code, answer.json()["bundled_imports"]) for answer in answers] == [(200, made[1:])]
        assert (await stage.read(first))["status"] == "complete"
        for import_id in made:
            told = await stage.read(import_id)
            assert (told["status"], told["error"]["code"], told["rows"]["pending"]) == ("failed", "given_up", 1)
            rows = await stage.api.get(f"/v1/imports/{import_id}/failures", headers={"Accept": "application/json"})
            assert rows.json()["items"] == []
