"""What an import left behind goes again, as a new import that knows where it came from."""

import csv
import io
from dataclasses import replace

import pytest
from sqlalchemy import update

from app.domain.lifecycle import PartState
from app.domain.parts import Failure
from app.operations.retry import _may_be_imported
from app.simulator import Fault, Rules
from app.store.tables import result_row
from tests.domain.test_instances import part
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.story.test_large_files import a_file, failures
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock):
    """Parts of 2 KB: a small file is a large one."""
    async with staged(database_url, clock, rules=Rules(rows_per_second=20), part_bytes=2_000) as found:
        yield found


async def retried(stage: Stage, import_id: int, what: str = "retry", **request: object) -> int:
    answer = await stage.api.post(f"/v1/imports/{import_id}/{what}", **request)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert answer.headers["Location"] == f"/v1/imports/{told['id']}"
    assert told["retry_of"] == import_id
    return int(told["id"])


async def test_the_rows_of_failed_parts_go_again_and_no_others(stage: Stage):
    """Marketo ends two of the jobs as failed; the new import holds just their rows, under their old numbers."""
    content, wins, _ = a_file(300, repeated=0.1)
    content += b"last@example.com,Z,much\r\n"
    stage.simulator.order(Fault("job_failed", nth=2, times=1))
    stage.simulator.order(Fault("job_failed", nth=3, times=1))
    import_id = await stage.created(content, label="nightly", priority=7, metadata='{"run": "1"}', bundle="never")
    await stage.run()
    told = await stage.read(import_id)
    assert (told["status"], told["parts"]["failed"]) == ("failed", 2)
    again = await retried(stage, import_id)
    made = await stage.read(again)
    assert 0 < made["rows"]["total"] <= told["rows"]["pending"]
    assert (made["label"], made["priority"], made["metadata"]) == ("nightly", 7, {"run": "1"})
    stored = await stage.container.reports.imports.get(again)
    assert stored is not None
    assert stored.request.bundle == "never"
    await stage.run()
    assert (await stage.read(again))["status"] == "complete"
    records = {record["email"]: record["firstName"] for record in stage.simulator.records("lead")}
    assert len(stage.simulator.records("lead")) == len(records)
    assert records == wins, "the last row of each key won, though earlier ones were sent after it"
    (rejected,) = [await failures(stage, one) for one in (import_id, again) if await failures(stage, one)]
    assert [row["Source Row"] for row in rejected] == ["301"]


async def test_the_rows_of_a_cancelled_import_go_again(stage: Stage):
    """All of them, if none was sent; each with its line end, also the one that had none."""
    content, wins, _ = a_file(100)
    import_id = await stage.created(content.rstrip(b"\r\n"))
    assert (await stage.api.post(f"/v1/imports/{import_id}/cancel")).status_code == 202
    again = await retried(stage, import_id)
    await stage.run()
    assert (await stage.read(again))["rows"]["imported"] == 100
    assert {r["email"]: r["firstName"] for r in stage.simulator.records("lead")} == wins


async def test_a_retry_may_be_retried(stage: Stage):
    """And its failures still say where a row stood in the first upload."""
    content, _, rejected = a_file(200, bad=0.1)
    import_id = await stage.created(content)
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    second = await retried(stage, import_id)
    await stage.api.post(f"/v1/imports/{second}/cancel")
    third = await retried(stage, second)
    await stage.run()
    assert [int(row["Source Row"]) for row in await failures(stage, third)] == rejected


async def test_rejected_rows_go_again_as_they_were_uploaded(stage: Stage):
    """The field was mended at Marketo, say."""
    content, _, rejected = a_file(300, bad=0.05, repeated=0.2)
    import_id = await stage.created(content)
    await stage.run()
    again = await retried(stage, import_id, "retry-failures")
    await stage.run()
    told = await failures(stage, again)
    names = {record["email"]: record["firstName"] for record in stage.simulator.records("lead")}
    emails = {row["Source Row"]: row["email"] for row in await failures(stage, import_id)}
    still_due = [n for n in rejected if int(names.get(emails[str(n)], "N0")[1:]) < n]
    assert sorted(int(row["Source Row"]) for row in told) == still_due, "no row that a later one has replaced"
    assert {row["Source Row"]: row["email"] for row in told}.items() <= emails.items()


async def test_our_failures_file_can_be_mended_and_sent_back(stage: Stage):
    """As it was downloaded, with our columns in it; a row that is still wrong has its old number."""
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    text = (await stage.api.get(f"/v1/imports/{import_id}/failures.csv")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["Source Row"] for row in rows] == ["2", "4"]
    mended = text.replace(rows[0]["leadScore"], "7")
    again = await retried(
        stage, import_id, "retry-failures", content=mended.encode(), headers={"Content-Type": "text/csv"}
    )
    await stage.run()
    told = await stage.read(again)
    assert (told["rows"]["imported"], told["rows"]["failed"]) == (1, 1)
    (left,) = await failures(stage, again)
    assert left["Source Row"] == "4"
    assert "Import Failure Reason" in left


async def test_a_corrected_file_may_be_another_one_in_another_form(stage: Stage):
    """The target stays; how it is read may change. As a form too."""
    import_id = await stage.created(LEADS_WITH_TROUBLE, list_id=3)
    await stage.run()
    again = await retried(
        stage,
        import_id,
        "retry-failures",
        files={"file": ("fix.csv", "email;lastName\nzoë@example.com;Z\n".encode("utf-16"))},
        data={"format": "ssv", "charset": "utf-16"},
    )
    told = await stage.read(again)
    assert (told["format"], told["list_id"], told["file"]["name"], told["rows"]["total"]) == ("ssv", 3, "fix.csv", 1)
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures", params={"list_id": 4}, content=b"email\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


@pytest.mark.parametrize("what", ["retry", "retry-failures"])
async def test_where_nothing_was_left_behind_there_is_nothing_to_retry(stage: Stage, what: str):
    """409, and no import is made."""
    import_id = await stage.created(leads(3))
    await stage.run()
    answer = await stage.api.post(f"/v1/imports/{import_id}/{what}")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_retry")
    assert (await stage.api.post(f"/v1/imports/99/{what}")).status_code == 404
    assert len((await stage.api.get("/v1/imports")).json()["items"]) == 1


async def test_rows_whose_time_is_over_cannot_be_retried(stage: Stage):
    """After the file's retention; said plainly, and nothing half made is left."""
    import_id = await stage.created(leads(3))
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    stage.clock.step(8 * 86_400)
    await stage.maintenance.run_once()
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "rows_erased")
    assert len((await stage.api.get("/v1/imports")).json()["items"]) == 1


async def test_a_rejected_row_that_nobody_can_place_is_left_out(stage: Stage):
    """Its number is not known, and is not made up; what Marketo gave back is not sent. The others go."""
    import_id = await stage.created(b"email,leadScore\nann@example.com,x\nbob@example.com,y\n")
    await stage.run()
    async with stage.container.db.write() as tx:
        await tx.execute(
            update(result_row)
            .where(result_row.c.source_row == 2)
            .values(source_row=None, part_row=None, position=2**62)
        )
    again = await retried(stage, import_id, "retry-failures")
    told = await stage.read(again)
    assert (told["rows"]["total"], told["left_out"]["rows"], told["left_out"]["not_placed"]) == (1, 1, 1)
    await stage.run()
    assert {row["email"]: row["Source Row"] for row in await failures(stage, again)} == {"ann@example.com": "1"}


async def test_a_retry_stands_in_the_history_of_what_it_retries(stage: Stage):
    """With who asked for it, and the new import."""
    import_id = await stage.created(leads(3))
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    again = await retried(stage, import_id)
    events = (await stage.api.get(f"/v1/imports/{import_id}/events")).json()["items"]
    assert events[-1]["type"] == "retried"
    assert events[-1]["data"] == {"by": "local", "as_import": again}
    assert (await stage.read(again))["left_out"] is None


async def test_a_row_that_a_later_one_has_replaced_is_not_sent_again(stage: Stage):
    """Within one part too; and if all are so, there is nothing to retry."""
    import_id = await stage.created(b"email,leadScore\nann@example.com,x\nann@example.com,2\nbob@example.com,y\n")
    await stage.run()
    again = await retried(stage, import_id, "retry-failures")
    assert (await stage.read(again))["rows"]["total"] == 1
    import_id = await stage.created(b"email,leadScore\ncy@example.com,x\ncy@example.com,2\n")
    await stage.run()
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_retry")


async def test_a_row_whose_later_one_is_still_to_be_imported_is_not_sent_again(stage: Stage):
    """It would go behind the later one, and undo it."""
    rows = [f"p{n}@example.com,{n}\n" for n in range(200)]
    rows[0] = "p0@example.com,x\n"
    import_id = await stage.created(("email,leadScore\n" + "".join(rows) + "p0@example.com,7\n").encode())

    async def first_ended() -> bool:
        return (await stage.parts(import_id))[0]["state"] == "complete"

    await stage.run(until=first_ended)
    *_, aside = await stage.parts(import_id)
    assert aside["state"] not in ("complete", "failed", "cancelled")
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_retry")
    assert "1 row: a later row of the same key" in answer.json()["detail"]


async def test_a_doubled_number_sends_no_other_row_again(stage: Stage):
    """Numbers in a mended file are the caller's; rows are known by where they stand."""
    first = await stage.created(b"email,leadScore\nann@example.com,x\nbob@example.com,y\n")
    await stage.run()
    mended = b"email,leadScore,Source Row\nann@example.com,1,2\nbob@example.com,y,2\n"
    second = await retried(stage, first, "retry-failures", content=mended, headers={"Content-Type": "text/csv"})
    await stage.run()
    third = await retried(stage, second, "retry-failures")
    assert (await stage.read(third))["rows"]["total"] == 1


@pytest.mark.parametrize(("code", "may_be"), [("given_up", True), ("marketo_failed", False)])
def test_a_part_that_was_given_up_may_have_been_imported_also_without_a_batch(code: str, may_be: bool):
    """Its answer was lost: a row that it superseded is not sent again. What Marketo refused was surely not."""
    ended = replace(part(PartState.FAILED), error=Failure(code, "…"))
    assert _may_be_imported(ended) is may_be
    assert _may_be_imported(replace(ended, batch_id=3404)) is True
