"""Marketo's own paths, answered by us: its envelope, its codes, its files."""

import json
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import httpx
import pytest

from app.domain.api_keys import Scope
from app.simulator import Rules
from app.simulator.faults import Fault
from tests.api.marketo_compat.calls import (
    CARS_AT,
    FAMILIES,
    FILES,
    GRANT,
    bearing,
    create,
    created,
    pair,
    refused,
    result,
    run,
    status,
    token,
)
from tests.story.files import CARS, LEADS, LEADS_WITH_TROUBLE, leads
from tests.support.clock import SteppedClock
from tests.support.stage import MARKETO, Stage, staged
from tests.support.tiers import chosen


async def test_scopes_hold_here_too(stage: Stage):
    """Who may not submit is denied; what one may not see does not exist."""
    ours = await token(stage)
    batch = await created(stage, ours)
    reader = await token(stage, Scope.READ, client="monitor")
    refused(await create(stage, reader), "603", says="Access denied")
    hidden = FORM | {"access_token": (None, reader)}
    refused(await stage.api.post("/bulk/v1/leads.json", files=hidden), "603")
    assert (await status(stage, reader, batch)).json()["success"]
    theirs = await token(stage, client="web-shop")
    refused(await status(stage, theirs, batch), "1013", says="Object not found")


@pytest.mark.parametrize("kind", FAMILIES)
async def test_every_answer_has_the_shape_of_marketos(stage: Stage, kind: str):
    """The same file is given to the simulated Marketo and to us: records and files agree, byte for byte."""
    content, parameters = FILES[kind]
    made, path, end = FAMILIES[kind]
    sent = await token(stage)
    direct = stage.container.http
    marketo = GRANT | {"client_id": Rules().client_id, "client_secret": Rules().client_secret}
    theirs = (await direct.get(f"{MARKETO}/identity/oauth/token", params=marketo)).json()["access_token"]
    file = {"file": ("a.csv", content, "text/csv")}
    told = result(await direct.post(MARKETO + made, files=file, params=parameters, headers=bearing(theirs)))
    ours = result(await stage.api.post(made, files=file, params=parameters, headers=bearing(sent)))
    assert masked(ours) == masked(told)
    batch, wanted = ours["batchId"], told["batchId"]
    assert masked(result(await status(stage, sent, batch, kind))) == masked(ours) | operation(kind)
    assert (await stage.api.get(f"{path.format(batch)}/failures.json", headers=bearing(sent))).status_code == 404
    await run(stage, sent, batch, kind)
    there = await direct.get(MARKETO + path.format(wanted) + end, headers=bearing(theirs))
    here = result(await status(stage, sent, batch, kind))
    assert here["status"] == "Complete"
    assert masked(here) == masked(result(there))
    for name in ("failures", "warnings"):
        there = await direct.get(f"{MARKETO}{path.format(wanted)}/{name}.json", headers=bearing(theirs))
        answer = await stage.api.get(f"{path.format(batch)}/{name}.json", headers=bearing(sent))
        assert (answer.status_code, answer.content) == (there.status_code, there.content)
        if answer.content:
            assert answer.headers["content-type"] == there.headers["content-type"] == "text/csv;charset=UTF-8"
    assert here["numOfRowsFailed"] > 0


@pytest.mark.parametrize(
    ("kind", "format_"),
    chosen(
        product(FAMILIES, ["csv", "tsv", "ssv"]),
        *(("lead", "csv"), ("custom_object", "ssv"), ("program_member", "tsv")),
    ),
)
async def test_a_files_media_type_is_marketos_to_the_letter(stage: Stage, kind: str, format_: str):
    """A client compares the header as a text to tell a file from an error: no blank, no other case, no other type."""
    content = {
        "lead": b"email,leadScore\nno-address,1\na@example.com,many\n",
        "custom_object": b"vin,make\n,bmw\nA,vw\n",
    }
    content |= {"program_member": b"email,firstName\n,A\nno-address,B\n"}
    sent = await token(stage)
    delimited = content[kind].replace(b",", {"csv": b",", "tsv": b"\t", "ssv": b";"}[format_])
    query = {"programMemberStatus": "On List"} if kind == "program_member" else {}
    batch = await created(stage, sent, delimited, kind, format=format_, **query)
    await run(stage, sent, batch, kind)
    path = FAMILIES[kind][1].format(batch)
    names = ["failures"] if kind == "custom_object" else ["failures", "warnings"]
    for name in names:
        answer = await stage.api.get(f"{path}/{name}.json", headers=bearing(sent))
        assert answer.content.count(b"\n") > 1
        assert [value for header, value in answer.headers.raw if header.lower() == b"content-type"] == [
            b"text/csv;charset=UTF-8"
        ]


async def test_adobes_sample_with_a_blank_before_a_column_is_imported_here(stage: Stage):
    """` vin`: Marketo takes the file and fails every row of it. We send the cell trimmed, as our page of them says."""
    sent = await token(stage)
    content = b"color,make,model, vin\nred,bmw,2002,WBA4R7C55HK895912\nyellow,bmw,320i,WBA4R7C30HK896061\n"
    direct = stage.container.http
    known = GRANT | {"client_id": Rules().client_id, "client_secret": Rules().client_secret}
    theirs = (await direct.get(f"{MARKETO}/identity/oauth/token", params=known)).json()["access_token"]
    there = result(
        await direct.post(f"{MARKETO}{CARS_AT}.json", files={"file": ("a.csv", content)}, headers=bearing(theirs))
    )
    batch = await created(stage, sent, content, "custom_object", format="csv")
    await run(stage, sent, batch, "custom_object")
    here = result(await status(stage, sent, batch, "custom_object"))
    assert (here["status"], here["numOfObjectsProcessed"], here["numOfRowsFailed"]) == ("Complete", 2, 0)
    path = f"{MARKETO}{CARS_AT}/{there['batchId']}/status.json"
    marketos = result(await direct.get(path, headers=bearing(theirs)))
    assert (marketos["status"], marketos["numOfObjectsProcessed"], marketos["numOfRowsFailed"]) == ("Complete", 0, 2)


def masked(record: dict[str, Any]) -> dict[str, Any]:
    """Without what is each side's own: the id, and how long it took."""
    assert record.get("importId", str(record["batchId"])) == str(record["batchId"])
    hidden = {"batchId": 0, "importId": "0", "importTime": "0 second(s)"}
    return {name: hidden.get(name, value) for name, value in record.items()}


def operation(kind: str) -> dict[str, str]:
    return {"operation": "import"} if kind == "custom_object" else {}


async def test_a_batch_is_found_only_where_it_belongs(stage: Stage):
    """As with Marketo: under its own kind, and a custom object under its own name, in either case."""
    sent = await token(stage)
    batch = await created(stage, sent, CARS, "custom_object", format="ssv")
    other = f"/bulk/v1/customobjects/tire_c/import/{batch}/status.json"
    for path in (
        f"/bulk/v1/leads/batch/{batch}.json",
        f"/bulk/v1/program/members/import/{batch}/status.json",
        other,
        "/bulk/v1/leads/batch/999.json",
        "/bulk/v1/leads/batch/abc/failures.json",
    ):
        refused(await stage.api.get(path, headers=bearing(sent)), "1013")
    answer = await stage.api.get(other.replace("tire_c", "CAR_C"), headers=bearing(sent))
    assert result(answer)["objectApiName"] == "car_c"


async def test_what_failed_here_reads_failed(stage: Stage):
    """A cancelled import too, for Marketo has no fifth word; the message says which it was."""
    sent = await token(stage)
    first = await created(stage, sent)
    await stage.container.cancel.run(first, by="crm-sync")
    told = result(await status(stage, sent, first))
    assert told["status"] == "Failed"
    assert told["message"] == "Import cancelled, 0 records imported, 2 not sent"
    stage.simulator.order(Fault("job_failed", on="create", times=1, message="Import failed: no more room"))
    second = await created(stage, sent)
    await run(stage, sent, second)
    told = result(await status(stage, sent, second))
    assert told["status"] == "Failed"
    assert "no more room" in told["message"]
    third = await created(stage, sent, listId=999)
    await run(stage, sent, third)
    told = result(await status(stage, sent, third))
    assert (told["status"], told["message"]) == ("Failed", "Static list not found")


async def test_counts_are_told_from_the_start_and_the_message_at_the_end(stage: Stage):
    """What is at Marketo, or on its way there, is being imported."""
    sent = await token(stage)
    batch = await created(stage, sent)
    await stage.beat()
    told = result(await status(stage, sent, batch))
    counts = {"numOfLeadsProcessed": 0, "numOfRowsFailed": 0, "numOfRowsWithWarning": 0}
    assert told == {"batchId": batch, "importId": str(batch), "status": "Importing"} | counts


async def test_a_failures_file_is_whole_or_not_there(database_url: str, clock: SteppedClock):
    """Marketo writes it at the end; a part of it would look like all of it."""
    rows = b"".join(b"p%d@example.com,much\n" % n for n in range(300))
    async with staged(database_url, clock, rules=Rules(rows_per_second=20), auth="on", part_bytes=2_000) as stage:
        sent = await token(stage)
        batch = await created(stage, sent, b"email,leadScore\n" + rows)

        async def one_is_done() -> bool:
            return bool((await detail(stage, batch))["parts"]["complete"])

        await stage.run(until=one_is_done, seconds=1)
        assert result(await status(stage, sent, batch))["status"] == "Importing"
        there = f"/bulk/v1/leads/batch/{batch}/failures.json"
        answer = await stage.api.get(there, headers=bearing(sent))
        assert (answer.status_code, answer.content) == (404, b"")
        await run(stage, sent, batch)
        answer = await stage.api.get(there, headers=bearing(sent))
        assert len(answer.text.splitlines()) == 301


async def test_a_warnings_file_holds_marketos_own_remarks_alone(stage: Stage):
    """As many as the batch counts, also where our pre-flight had something to say."""
    _, key = await stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    sent = bearing(key) | {"Content-Type": "text/csv"}
    answer = await stage.api.post("/v1/imports?preflight=rows", content=LEADS_WITH_TROUBLE, headers=sent)
    batch, theirs = answer.json()["id"], await token(stage)
    await run(stage, theirs, batch)
    ours = (await stage.api.get(f"/v1/imports/{batch}/warnings.csv", headers=bearing(key))).text
    assert "Pre-flight:" in ours
    file = (await stage.api.get(f"/bulk/v1/leads/batch/{batch}/warnings.json", headers=bearing(theirs))).text
    counted = result(await status(stage, theirs, batch))["numOfRowsWithWarning"]
    assert "Pre-flight:" not in file
    assert len(file.splitlines()[1:]) == counted > 0


async def test_a_file_that_was_erased_is_not_said_to_be_empty(stage: Stage):
    """404 would be "no row was rejected"."""
    sent = await token(stage)
    batch = await created(stage, sent, LEADS_WITH_TROUBLE)
    await run(stage, sent, batch)
    await stage.container.erase.one(batch, by="crm-sync")
    for name in ("failures", "warnings"):
        answer = await stage.api.get(f"/bulk/v1/leads/batch/{batch}/{name}.json", headers=bearing(sent))
        refused(answer, "1013", says="were erased")
    assert result(await status(stage, sent, batch))["numOfRowsFailed"] > 0


@pytest.mark.parametrize("charset", ["utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["le", "be"])
async def test_a_file_without_a_byte_order_mark_is_refused_in_marketos_envelope(stage: Stage, charset: str, end: str):
    """It was a bare 500. What to say instead is said."""
    sent = await token(stage)
    answer = await create(stage, sent, LEADS.decode().encode(f"{charset}-{end}"), charset=charset)
    refused(answer, "1003", says=f"`charset={charset}-{end}`")
    assert (await create(stage, sent, LEADS.decode().encode(f"{charset}-{end}"), charset=f"{charset}-{end}")).json()[
        "success"
    ]


FORM = {"format": (None, "csv"), "file": ("leads.csv", LEADS, "text/csv"), "lookupField": (None, "email")}


async def test_parameters_may_be_fields_of_the_form_and_so_may_the_token(stage: Stage):
    """As Adobe's curl samples send them: the token behind the file. What Marketo does not know is left alone."""
    sent = await token(stage)
    answer = await stage.api.post(
        "/bulk/v1/leads.json", files=FORM | {"listId": (None, "7"), "access_token": (None, sent)}
    )
    batch = result(answer)["batchId"]
    kept = await detail(stage, batch)
    assert (kept["lookup_field"], kept["list_id"], kept["file"]["name"]) == ("email", 7, "leads.csv")
    answer = await stage.api.post(
        "/bulk/v1/leads.json", files=FORM, params={"access_token": sent, "partner_id": "x", "_method": "POST"}
    )
    assert result(answer)["status"] == "Queued"
    again = {"priority": 9, "label": "by way of Marketo", "programMemberStatus": "On List", "bundle": "never"}
    kept = await detail(stage, alone := await created(stage, sent, **again))
    assert (kept["priority"], kept["label"]) == (9, "by way of Marketo")
    stored = [await stage.container.reports.imports.get(number) for number in (batch, alone)]
    assert [import_.request.bundle for import_ in stored if import_] == ["auto", "never"]
    refused(await stage.api.post("/bulk/v1/leads.json", files=FORM | {"access_token": (None, "no.1.x")}), "601")
    refused(await stage.api.post("/bulk/v1/leads.json", files=FORM), "600")


async def detail(stage: Stage, batch: int) -> dict[str, Any]:
    _, written = await stage.container.keys.create("monitor", [Scope.READ])
    answer = await stage.api.get(f"/v1/imports/{batch}", headers=bearing(written))
    return dict(answer.json())


async def test_a_form_that_hides_its_token_may_be_as_large_as_marketo_takes(stage: Stage):
    """Nobody knows whose it is before all of it is there."""
    large = leads(400_000)
    assert len(large) > 10_000_000
    sent = await token(stage)
    form = {"file": ("a.csv", large, "text/csv"), "access_token": (None, sent)}
    refused(await stage.api.post("/bulk/v1/leads.json", files=form), "600", says="Authorization header")
    assert await stage.holds_nothing()


async def test_a_file_of_more_than_ten_megabytes_is_welcome(stage: Stage):
    """Marketo answers HTTP 413; we cut it."""
    sent = await token(stage)
    kept = await detail(stage, await created(stage, sent, leads(500_000)))
    assert kept["file"]["bytes"] > 10_000_000
    assert kept["parts"]["total"] > 1


async def test_a_full_queue_at_marketo_is_no_reason_to_refuse(database_url: str, clock: SteppedClock):
    """1016 comes only from our own limit, with the time to wait."""
    async with staged(database_url, clock, auth="on", client_backlog_parts=5) as stage:
        sent = await token(stage)
        stage.simulator.occupy(10, 3600)
        for n in range(5):
            assert (await create(stage, sent, leads(1, start=n))).json()["success"]
            await stage.beat()
        answer = await create(stage, sent, leads(1, start=9))
        refused(answer, "1016", says="Too many imports")
        assert int(answer.headers["retry-after"]) > 0


async def test_forms_and_paths_that_are_none_are_refused(stage: Stage):
    """By the codes for that."""
    sent = await token(stage)
    here, known = "/bulk/v1/leads.json", bearing(sent)
    refused(await stage.api.post(here, files={"upload": ("a.csv", LEADS)}, headers=known), "1002", says="`file`")
    refused(await stage.api.post(here, json={}, headers=known), "612")
    broken = known | {"Content-Type": "multipart/form-data"}
    refused(await stage.api.post(here, content=LEADS, headers=broken), "613")
    refused(
        await stage.api.post("/bulk/v1/program/x/members/import.json", files=FORM | STATUS, headers=known),
        "1001",
        says="programId",
    )
    for method in ("GET", "PUT", "OPTIONS", "TRACE"):
        refused(await stage.api.request(method, here, headers=known), "605")
    refused(await stage.api.get("/rest/v1/leads/describe.json", headers=known), "610")
    refused(await stage.api.get("/bulk/v1/leads/export.json", headers=known), "610")
    refused(await stage.api.get("/rest/bulk/v1/leads/batch/1.json", headers=known), "610")
    object.__setattr__(stage.container.settings, "max_file_bytes", 10)
    refused(await create(stage, sent), "1003", says="larger than the 10 bytes", status=413)
    assert await stage.holds_nothing()


STATUS = {"programMemberStatus": (None, "On List")}
BOUNDARY = "1479215471083"  # Adobe's Java sample takes the time in milliseconds
JAVA = (
    f"--{BOUNDARY}\r\n"
    'Content-Disposition: form-data; name="file";filename="C:\\LeadList\\mktoseedlist.csv";\r\n'
    'Content-type: text/plain; charset="utf-8"\r\n'
    "Content-Transfer-Encoding: text/plain\r\n"
    "MIME-Version: 1.0\r\n"
    "\r\n"
).encode()
ENDS = {"nothing": b"", "line end": b"\r\n", "dashes": b"--", "dashes, line end": b"--\r\n"}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("chunk_bytes", [1, 7, 1 << 16])
async def test_a_form_may_lack_the_dashes_behind_its_last_boundary(stage: Stage, end: str, chunk_bytes: int):
    """As Adobe's own Java sample sends it. The file in it is whole: a boundary stands behind it."""
    sent = await token(stage)
    body = JAVA + LEADS + b"\r\n--" + BOUNDARY.encode() + ENDS[end]
    answer = await post(stage, "/bulk/v1/leads.json", body, sent, chunk_bytes)
    kept = await detail(stage, result(answer)["batchId"])
    assert (kept["file"]["bytes"], kept["file"]["name"]) == (len(LEADS), "mktoseedlist.csv")


async def post(stage: Stage, path: str, body: bytes, sent: str, chunk_bytes: int = 1 << 16) -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), chunk_bytes):
            yield body[at : at + chunk_bytes]

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "accept": "text/json"}
    return await stage.api.post(path, content=chunks(), headers=headers, params={"access_token": sent, "format": "csv"})


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"\r\n--" + BOUNDARY.encode()[:-1],
        b"\r\n--" + BOUNDARY.encode() + b"0",
        b"\r\n--" + BOUNDARY.encode() + b'\r\nContent-Disposition: form-data; name="format"\r\n',
    ],
)
async def test_a_form_that_breaks_off_elsewhere_is_refused(stage: Stage, rest: bytes):
    """Only the last two dashes may be missing."""
    refused(await post(stage, "/bulk/v1/leads.json", JAVA + LEADS + rest, await token(stage)), "613", says="breaks off")
    assert await stage.holds_nothing()


async def test_the_services_own_api_stays_strict(stage: Stage):
    """A form of ours ends as forms do."""
    _, written = await stage.container.keys.create("crm-sync", [Scope.SUBMIT])
    headers = bearing(written) | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await stage.api.post("/v1/imports", content=JAVA + LEADS + b"\r\n--" + BOUNDARY.encode(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "broken_upload")


async def test_SECRETS_STAY_IN_no_answer_repeats_what_the_query_held(stage: Stage):
    """Neither secret nor token, whatever goes wrong."""
    known, sent = await pair(stage), await token(stage)
    answers = [
        await stage.api.get("/identity/oauth/token", params=known),
        await stage.api.get("/identity/oauth/token", params=GRANT | known | {"client_id": "x"}),
        await stage.api.get("/bulk/v1/nowhere.json", params={"access_token": sent}),
        await stage.api.get("/bulk/v1/leads/batch/9.json", params={"access_token": sent}),
        await stage.api.post("/bulk/v1/leads.json", params={"access_token": sent}, content=b""),
        await stage.api.post("/bulk/v1/leads.json", params={"access_token": sent + "0"}, content=b""),
    ]
    told = json.dumps([(dict(answer.headers), answer.text) for answer in answers])
    assert sent not in told
    assert known["client_secret"] not in told


async def test_its_clients_notice_nothing_of_bundles(database_url: str, clock: SteppedClock):
    """Each has its own batch, counts and message, and its own rows in the files, though all went in one job."""
    async with staged(database_url, clock, auth="on", bundle_seconds=20) as stage:
        sent = await token(stage)
        await created(stage, sent, leads(1, start=900))
        await stage.beat()
        batches = []
        for n in range(4):
            score = b"many" if n == 2 else b"5"
            content = b"email,leadScore\n" + b"a%d@example.com,1\nb%d@example.com,%b\n" % (n, n, score)
            batches.append(await created(stage, sent, content))
        for batch in batches:
            await run(stage, sent, batch)
        assert len({job["batch_id"] for job in stage.simulator.report()["jobs"]}) == 2, "they went together"
        records = [result(await status(stage, sent, batch)) for batch in batches]
        assert [record["numOfRowsFailed"] for record in records] == [0, 0, 1, 0]
        assert [record["batchId"] for record in records] == batches
        assert records[0]["message"] == "Import succeeded, 2 records imported (2 members)"
        files = [
            await stage.api.get(f"/bulk/v1/leads/batch/{batch}/failures.json", headers=bearing(sent))
            for batch in batches
        ]
        assert [b"b2@example.com" in file.content for file in files] == [False, False, True, False]
