"""Rows that Marketo spoilt: brought back to what was uploaded, or left out and said. NOT_A_GUESS, told over HTTP."""

import csv
import hashlib
import io
import logging
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import select

from app.files.compression import unpacked
from app.simulator import Fault
from app.store.tables import part, part_file, result_file
from tests.support.stage import Stage
from tests.support.tiers import chosen, endured

HEADER = b"email,company,title,leadScore\n"
BROKEN = b'lee@example.com,"Leeds\nLtd, UK",Boss,many\n'


async def send_instead(stage: Stage, content: bytes, kind: str = "failures") -> None:
    """From now on Marketo gives this for a file."""

    async def spoil(request: httpx.Request, response: httpx.Response) -> None:
        if request.url.path.endswith(f"{kind}.json"):
            await response.aread()
            response._content = content
            response.headers["content-length"] = str(len(content))

    stage.transport.after_request = spoil


async def imported(stage: Stage, content: bytes, *, seconds: float = 5) -> int:
    import_id = await stage.created(content, preflight="off")
    await stage.run(seconds=seconds)
    return import_id


async def shown(stage: Stage, import_id: int) -> list[dict[str, Any]]:
    answer = await stage.api.get(f"/v1/imports/{import_id}/failures", headers={"Accept": "application/json"})
    return answer.json()["items"]


async def events(stage: Stage, import_id: int, type_: str) -> list[dict[str, Any]]:
    told = (await stage.api.get(f"/v1/imports/{import_id}/events", params={"page_size": 200})).json()["items"]
    return [event["data"] for event in told if event["type"] == type_]


async def file_of(stage: Stage, import_id: int) -> bytes:
    """What is sent of an import of one part."""
    async with stage.container.db.read() as tx:
        found = select(part_file.c.blob).join(part).where(part.c.import_id == import_id)
        return b"".join(unpacked((await tx.execute(found)).scalar_one()))


async def test_NOT_A_GUESS_what_nobody_can_place_is_not_sent(stage: Stage):
    """Two pieces of a row that nobody can find: one row goes again, one is left out, and no lead is made of them."""
    await send_instead(
        stage,
        HEADER.replace(b"\n", b",Import Failure Reason\n")
        + b"bo@example.com,Acme,Boss,many,Invalid data type\nl?e@exam,Leeds\nLtd, UK,Boss,many,Invalid data type\n",
    )
    import_id = await imported(stage, HEADER + BROKEN + b"bo@example.com,Acme,Boss,many\nann@example.com,A,B,7\n")
    told = await stage.read(import_id)
    assert (told["rows"]["failed"], told["attention"]["code"]) == (2, "results_missing")
    assert told["attention"]["message"].startswith("1 row of Marketo's result files cannot be read")
    assert await events(stage, import_id, "unplaced") == [{"file": "failures", "rows": 1, "lines": [3]}]
    placed, unplaced = await shown(stage, import_id)
    assert (placed["source_row"], placed["raw"]) == (2, None)
    assert (unplaced["source_row"], unplaced["raw"]) == (None, "l?e@exam,Leeds\nLtd, UK,Boss,many,Invalid data type")
    assert set(unplaced["values"].values()) == {None}, "no piece of it is shown as a value"

    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert answer.status_code == 202
    left_out = answer.json()["left_out"]
    assert (left_out["rows"], left_out["not_placed"], left_out["superseded"]) == (1, 1, 0)
    assert "download the failures, mend them" in left_out["reason"]
    again = answer.json()["id"]
    assert (await stage.read(again))["left_out"] == left_out
    assert (await events(stage, import_id, "retried")) == [{"by": "local", "as_import": again, "left_out": 1}]
    await stage.run()
    assert await file_of(stage, again) == HEADER + b"bo@example.com,Acme,Boss,many\n"
    assert {record["email"] for record in stage.simulator.records("lead")} == {"ann@example.com"}


async def test_a_row_that_came_in_pieces_goes_again_as_it_was_uploaded(stage: Stage):
    """Marketo gave its cells back without quotes; its key says whose they are."""
    stage.simulator.order(Fault("unquoted_file", on="failures"))
    import_id = await imported(stage, HEADER + BROKEN + b'"bo@example.com","Bo, ""B""",Boss,many\n')
    assert [row["source_row"] for row in await shown(stage, import_id)] == [1, 2]
    assert (await shown(stage, import_id))[0]["values"]["company"] == "Leeds\nLtd, UK"
    assert (await stage.read(import_id))["attention"] is None
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert (answer.status_code, answer.json()["left_out"]) == (202, None)
    await stage.run()
    sent = HEADER + BROKEN + b'"bo@example.com","Bo, ""B""",Boss,many\n'
    assert await file_of(stage, answer.json()["id"]) == sent
    assert stage.simulator.report()["jobs"][-1]["sha256"] == hashlib.sha256(sent).hexdigest()
    assert stage.simulator.records("lead") == []


async def test_where_nothing_may_be_sent_the_answer_says_what_to_do(stage: Stage):
    """409, and no import is made; a mended file is taken."""
    await send_instead(stage, b"email,company,Import Failure Reason\nLtd,bad\n")
    import_id = await imported(stage, HEADER + b"bo@example.com,Acme,Boss,many\n")
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_retry")
    assert "1 row: not found among the uploaded rows" in answer.json()["detail"]
    assert "send them as the body of retry-failures" in answer.json()["detail"]
    mended = HEADER + b"bo@example.com,Acme,Boss,7\n"
    answer = await stage.api.post(
        f"/v1/imports/{import_id}/retry-failures", content=mended, headers={"Content-Type": "text/csv"}
    )
    assert (answer.status_code, answer.json()["left_out"]) == (202, None)


async def test_a_file_that_never_came_leaves_out_what_marketo_counted(stage: Stage):
    """There are rejected rows: it is not true that there are none."""
    stage.simulator.order(Fault("missing_file", on="failures"))
    import_id = await imported(stage, HEADER + b"bo@example.com,Acme,Boss,many\nann@example.com,A,B,7\n", seconds=300)
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_retry")
    assert "1 row: not found" in answer.json()["detail"]
    body = HEADER + b"bo@example.com,Acme,Boss,7\n"
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures", content=body)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "change",
    chosen(
        ["lower_case", "blanks", "no_break_space", "normal_form", "decimal", "null", "date", "question_mark"],
        *("normal_form", "decimal"),
    ),
)
async def test_a_changed_row_keeps_its_number_and_goes_again_unchanged(stage: Stage, change: str):
    """In each way that was seen: the uploaded bytes are what is shown and sent."""
    stage.simulator.order(Fault("changed_file", on="failures", message=change))
    content = (
        b"email,company,title,leadScore\n"
        b"ann@example.com,A,B,7\n"
        b"cy@example.com,Acme  Works,1980-02-01,many\n"
        b"Bo@example.com,Z\xc3\xbcrich,,much\n"
    )
    import_id = await imported(stage, content)
    rows = await shown(stage, import_id)
    assert [row["source_row"] for row in rows] == [2, 3]
    assert rows[1]["values"] == {"email": "Bo@example.com", "company": "Zürich", "title": "", "leadScore": "much"}
    assert (await stage.read(import_id))["attention"] is None
    again = (await stage.api.post(f"/v1/imports/{import_id}/retry-failures")).json()["id"]
    assert await file_of(stage, again) == content.replace(b"ann@example.com,A,B,7\n", b"")


async def test_a_superseded_row_stays_out_in_whatever_form_it_came_back(stage: Stage):
    """A later row of its key was imported: to send the earlier one would undo it."""
    stage.simulator.order(Fault("changed_file", on="failures", message="lower_case,null"))
    content = HEADER + b"Ann@example.com,Old,,many\nbo@example.com,Acme,,many\nann@example.com,New,B,7\n"
    import_id = await imported(stage, content)
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    told = answer.json()
    assert (told["rows"]["total"], told["left_out"]["rows"], told["left_out"]["superseded"]) == (1, 1, 1)
    assert "a later row of the same key was imported" in told["left_out"]["reason"]
    await stage.run()
    assert [record["company"] for record in stage.simulator.records("lead")] == ["New"]


async def test_what_could_not_be_read_and_was_not_mended_is_left_out_of_a_mended_file(stage: Stage):
    """Our failures file as it was downloaded: one row mended, one unreadable row left as it was."""
    await send_instead(
        stage,
        b"email,company,title,leadScore,Import Failure Reason\nbo@example.com,Acme,Boss,many,bad\nLtd,Leeds\nx,bad\n",
    )
    import_id = await imported(stage, HEADER + BROKEN + b"bo@example.com,Acme,Boss,many\n")
    text = (await stage.api.get(f"/v1/imports/{import_id}/failures", headers={"Accept": "text/csv"})).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[1]["Source Row"] == rows[1]["email"] == ""
    assert rows[1]["Import Failure Reason"] == "This row of Marketo's file cannot be read: Ltd,Leeds\nx,bad"
    path = f"/v1/imports/{import_id}/retry-failures"
    answer = await stage.api.post(path, content=text.replace("many", "7").encode())
    told = answer.json()
    assert (told["rows"]["total"], told["left_out"]["without_values"]) == (1, 1)
    only = "\n".join([text.splitlines()[0], *text.splitlines()[2:], ""])
    answer = await stage.api.post(path, content=only.encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "no_rows")
    assert "1 row: not readable in Marketo's file" in answer.json()["detail"]
    await stage.run()
    assert {record["email"] for record in stage.simulator.records("lead")} == {"bo@example.com"}


async def test_one_odd_row_does_not_cost_the_others(stage: Stage):
    """A quote that nothing closes, a byte of Latin-1, a line that is none: all the rest is there at once."""
    rows = b"".join(b"p%d@example.com,Acme,Boss,many\n" % n for n in range(200))
    lines = [b"p%d@example.com,Acme,Boss,many,bad" % n for n in range(200)]
    lines[5] = b'p5@example.com,"Acme,Boss,many,bad'
    lines[7] = b"p7@example.com,Acm\xe9,Boss,many,bad"
    lines[9] = b"\xff\xfe"
    content = b"\n".join([b"email,company,title,leadScore,Import Failure Reason", *lines, b""])
    await send_instead(stage, content)
    import_id = await imported(stage, HEADER + rows)
    told = await stage.read(import_id)
    assert (told["status"], told["rows"]["failed"], told["attention"]["code"]) == ("complete", 200, "results_missing")
    assert "results_late" not in await stage.events(import_id)
    found = []
    page: dict[str, Any] = {"next_page_token": None}
    while not found or page["next_page_token"]:
        parameters = {"page_size": 200} | ({"page_token": page["next_page_token"]} if page["next_page_token"] else {})
        path = f"/v1/imports/{import_id}/failures"
        page = (await stage.api.get(path, params=parameters, headers={"Accept": "application/json"})).json()
        found += page["items"]
    assert [row["source_row"] for row in found] == [*(n for n in range(1, 201) if n != 10), None]
    assert found[-1]["raw"] == "\ufffd\ufffd"
    async with stage.container.db.read() as tx:
        (kept,) = (await tx.execute(select(result_file.c.blob))).scalars()
    assert b"".join(unpacked(kept)) == content, "the bytes are kept as they came"


@pytest.mark.parametrize(
    ("fault", "because", "says"),
    [
        ("html_file", "html", "HTML comes in its place"),
        ("late_file", "no_file", "Marketo says that there is none"),
        endured(("json_file", "json", "JSON comes in its place")),
        endured(("cut_off_file", "cut_off", "it ends in the middle")),
        endured(("json_error_on_file", "refused", "Marketo answers with an error")),
        endured(("half_body", "cut_off", "it ends in the middle")),
    ],
)
async def test_a_file_that_is_asked_for_again_is_not_kept_silent_about(
    stage: Stage, caplog: pytest.LogCaptureFixture, fault: str, because: str, says: str
):
    """At once an event and a warning in the log; within a minute a sign on the import, and no `ok` beside it."""
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())
    stage.simulator.order(Fault(fault, on="failures", once=False))
    with caplog.at_level(logging.WARNING):
        import_id = await stage.created(HEADER + b"bo@example.com,Acme,Boss,many\n", preflight="off")
        await stage.run(until=lambda: is_late(stage, import_id))
        for _ in range(9):
            stage.clock.step(5)
            await stage.beat()
    (told,) = await events(stage, import_id, "results_late")
    assert (told["file"], told["because"]) == ("failures", because)
    assert sum("results_late" in record.getMessage() for record in caplog.records) == 1
    seen = await stage.read(import_id)
    assert (seen["status"], seen["attention"]["code"]) == ("importing", "results_missing")
    assert says in seen["attention"]["message"]
    status = (await stage.api.get("/v1/status")).json()
    assert next(check for check in status["checks"] if check["name"] == "attention")["status"] == "degraded"
    listed = (await stage.api.get("/v1/imports", params={"attention": "true"})).json()["items"]
    assert [one["id"] for one in listed] == [import_id]
    stage.simulator.call_off()
    await stage.run(seconds=30)
    seen = await stage.read(import_id)
    assert (seen["status"], seen["attention"], seen["rows"]["failed"]) == ("complete", None, 1)


async def is_late(stage: Stage, import_id: int) -> bool:
    return "results_late" in await stage.events(import_id)


async def test_another_reason_is_told_anew_and_the_same_one_once(stage: Stage):
    """HTML three times, and then none: two events."""
    stage.simulator.order(Fault("html_file", on="failures", times=3))
    stage.simulator.order(Fault("late_file", on="failures", times=3))
    import_id = await imported(stage, HEADER + b"bo@example.com,Acme,Boss,many\n")
    assert [told["because"] for told in await events(stage, import_id, "results_late")] == ["html", "no_file"]
    assert (await stage.read(import_id))["attention"] is None


async def test_a_file_without_its_last_line_end_is_taken_after_a_while(stage: Stage):
    """Every row is there, and a reason may be cut off: Marketo is asked again for five minutes, not for an hour."""
    await send_instead(stage, HEADER.replace(b"\n", b",Import Failure Reason\n") + b"bo@example.com,Acme,Boss,many,bad")
    import_id = await stage.created(HEADER + b"bo@example.com,Acme,Boss,many\n", preflight="off")
    begun = stage.clock()
    await stage.run()
    assert 300 <= (stage.clock() - begun).total_seconds() <= 400
    assert [told["because"] for told in await events(stage, import_id, "results_late")] == ["cut_off"]
    assert [(row["source_row"], row["reason"]) for row in await shown(stage, import_id)] == [(1, "bad")]
    assert (await stage.read(import_id))["attention"] is None


async def test_a_file_that_never_is_one_is_kept_when_it_is_given_up(stage: Stage):
    """After the hour: whoever has to find out what happened can see what Marketo sent."""
    stage.simulator.order(Fault("json_file", on="failures", once=False))
    import_id = await stage.created(HEADER + b"bo@example.com,Acme,Boss,many\n", preflight="off")
    await stage.run(seconds=300)
    assert (await stage.read(import_id))["attention"]["code"] == "results_missing"
    async with stage.container.db.read() as tx:
        (kept,) = (await tx.execute(select(result_file.c.blob))).scalars()
    assert b"".join(unpacked(kept)).startswith(b'{"requestId"')


async def test_marketos_paths_hand_on_what_cannot_be_read_as_it_came(stage: Stage):
    """Byte for byte, behind the rows that were found; and what never came does not look like none."""
    spoilt = b"email,company,title,leadScore,Import Failure Reason\nbo@example.com,ACME,Boss,many,bad\nLtd,\xff\n"
    await send_instead(stage, spoilt)
    import_id = await imported(stage, HEADER + BROKEN + b"bo@example.com,Acme,Boss,many\n")
    token = (await stage.api.get("/identity/oauth/token", params=CLIENT)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    path = "/bulk/v1/leads/batch/{}/failures.json"
    assert (await stage.api.get(path.format(import_id), headers=bearer)).content == spoilt.replace(b"ACME", b"Acme")
    stage.transport.after_request = None
    stage.simulator.order(Fault("missing_file", on="failures"))
    import_id = await imported(stage, HEADER + b"cy@example.com,Acme,Boss,many\n", seconds=300)
    answer = (await stage.api.get(path.format(import_id), headers=bearer)).json()
    assert (answer["success"], answer["errors"][0]["code"]) == (False, "1013")


CLIENT = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}


async def test_what_cannot_be_read_is_erased_with_the_results(stage: Stage):
    """It is a piece of somebody's row; what is left tells only how many there were, and on which lines."""
    await send_instead(stage, b"email,company,title,leadScore,Import Failure Reason\nLtd,Leeds\n")
    import_id = await imported(stage, HEADER + BROKEN)
    assert (await stage.api.delete(f"/v1/imports/{import_id}")).status_code == 204
    history = await stage.api.get(f"/v1/imports/{import_id}/events")
    assert "unplaced" in history.text
    everything = history.text + str(await stage.read(import_id)) + str(await stage.parts(import_id))
    assert "Leeds" not in everything
    assert (await stage.api.get(f"/v1/imports/{import_id}/failures")).status_code == 410


async def test_rows_that_marketo_is_not_done_with_are_said(stage: Stage):
    """Its results are not here: nobody can know yet which rows were rejected."""
    stage.simulator.order(Fault("late_file", on="failures", once=False))
    import_id = await stage.created(HEADER + b"bo@example.com,Acme,Boss,many\n", preflight="off")
    await stage.run(until=lambda: is_late(stage, import_id))
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert answer.status_code == 409
    assert "1 row: rejected in parts whose results are not here yet" in answer.json()["detail"]
