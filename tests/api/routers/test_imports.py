"""Creating, reading and listing imports."""

import base64
import gzip
import hashlib

import pytest

from app.files.compression import zstd
from tests.story.files import CARS, LEADS, leads
from tests.support.stage import Stage

FIELDS = {
    "id", "object_type", "instance", "client", "format", "lookup_field", "list_id", "partition_name", "object_name",
    "dedupe_fields", "program_id", "program_member_status", "priority", "not_before", "review_until", "on_unconfirmed",
    "label", "metadata", "column_map", "status", "attention", "file", "rows", "parts", "progress",
    "estimated_finish_at", "error", "created_at", "started_at", "finished_at", "retry_of", "left_out", "links",
}  # fmt: skip


async def test_a_created_import_is_answered_whole(stage: Stage):
    """202, Location, Retry-After, and every field of the contract."""
    answer = await stage.create(LEADS, label="nightly", priority=7, list_id=3, partition_name="EU")
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["Location"] == f"/v1/imports/{body['id']}"
    assert int(answer.headers["Retry-After"]) > 0
    assert body.keys() == FIELDS
    assert body["file"] == {
        "name": None,
        "bytes": len(LEADS),
        "sha256": hashlib.sha256(LEADS).hexdigest(),
        "rows": 2,
        "ragged_rows": 0,
    }
    assert body["rows"] == {"total": 2, "imported": 0, "failed": 0, "warned": 0, "pending": 2}
    assert body["parts"] == {"total": 1, "waiting": 1, "at_marketo": 0, "complete": 0, "failed": 0, "cancelled": 0}
    assert (body["lookup_field"], body["list_id"], body["partition_name"]) == ("email", 3, "EU")
    assert (body["object_name"], body["program_id"]) == (None, None)
    assert body["created_at"] == "2026-11-04T12:00:00.000Z"
    assert body["links"]["failures"] == f"/v1/imports/{body['id']}/failures"


async def test_a_form_takes_its_parameters_before_and_after_the_file(stage: Stage):
    """In any order, as the contract says."""
    before = b'--b\r\nContent-Disposition: form-data; name="object_type"\r\n\r\ncustom_object\r\n'
    file = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="C:\\\\x\\\\cars.ssv"\r\n\r\n' + CARS + b"\r\n"
    )
    after = (
        b'--b\r\nContent-Disposition: form-data; name="bundle"\r\n\r\nNever\r\n'
        b'--b\r\nContent-Disposition: form-data; name="format"\r\n\r\nssv\r\n'
        b'--b\r\nContent-Disposition: form-data; name="object_name"\r\n\r\ncar_c\r\n--b--\r\n'
    )
    answer = await stage.api.post(
        "/v1/imports", content=before + file + after, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["object_type"], body["format"], body["object_name"]) == ("custom_object", "ssv", "car_c")
    assert body["file"]["name"] == "cars.ssv"
    stored = await stage.container.reports.imports.get(body["id"])
    assert stored is not None
    assert stored.request.bundle == "never"
    assert body["file"]["sha256"] == hashlib.sha256(CARS).hexdigest()


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
async def test_compressed_bodies_are_undone(stage: Stage, encoding: str, pack):
    """The digest and the size are those of the file, not of its wrapping."""
    headers = {"Content-Type": "text/csv", "Content-Encoding": encoding}
    answer = await stage.api.post("/v1/imports", content=pack(LEADS), headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["file"]["sha256"] == hashlib.sha256(LEADS).hexdigest()


async def test_other_charsets_arrive_as_utf8_without_a_bom(stage: Stage):
    """Marketo does not strip a BOM: it would refuse the header."""
    text = "email,lastName\nzoe@example.com,Zoë\n"
    await stage.created(text.encode("utf-16"), charset="utf-16")
    await stage.created(text.encode("utf-8-sig"))
    await stage.run()
    assert {job["sha256"] for job in stage.simulator.report()["jobs"]} == {hashlib.sha256(text.encode()).hexdigest()}


async def test_a_right_digest_is_accepted(stage: Stage):
    """Content-Digest, RFC 9530."""
    digest = base64.b64encode(hashlib.sha256(LEADS).digest()).decode()
    headers = {"Content-Type": "text/csv", "Content-Digest": f"sha-256=:{digest}:"}
    assert (await stage.api.post("/v1/imports", content=LEADS, headers=headers)).status_code == 202


async def test_pages_hold_every_import_once_newest_first(stage: Stage):
    """Also while new ones arrive between two pages."""
    made = [await stage.created(leads(1, start=n)) for n in range(7)]
    seen: list[int] = []
    token = None
    while True:
        parameters = {"page_size": 3} | ({"page_token": token} if token else {})
        body = (await stage.api.get("/v1/imports", params=parameters)).json()
        seen += [item["id"] for item in body["items"]]
        token = body["next_page_token"]
        if not token:
            break
        await stage.created(leads(1, start=100 + len(seen)))
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("media_type", "format_"),
    [
        ("text/csv", "csv"),
        ("text/tab-separated-values", "tsv"),
        ("application/octet-stream", "csv"),
        ("application/octet-stream", "ssv"),
        ("text/plain", "csv"),
        ("TEXT/CSV", "csv"),
        (None, "csv"),
    ],
)
async def test_a_raw_file_comes_as_any_of_its_media_types(stage: Stage, media_type: str | None, format_: str):
    """`format` alone says how its cells are told apart."""
    content = LEADS.replace(b",", {"csv": b",", "tsv": b"\t", "ssv": b";"}[format_])
    headers = {"Content-Type": media_type} if media_type else {}
    answer = await stage.api.post("/v1/imports", content=content, params={"format": format_}, headers=headers)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["format"], answer.json()["rows"]["total"]) == (format_, 2)


async def test_filters_narrow_the_list(stage: Stage):
    """Each of them alone."""
    car = await stage.created(CARS, object_type="custom_object", object_name="car_c", format="ssv")
    stage.clock.step(60)
    lead = await stage.created(LEADS, label="nightly")

    async def listed(**filters: str) -> list[int]:
        return [item["id"] for item in (await stage.api.get("/v1/imports", params=filters)).json()["items"]]

    assert await listed(object_type="custom_object") == [car]
    assert await listed(label="nightly") == [lead]
    assert await listed(created_after="2026-11-04T12:00:30Z") == [lead]
    assert await listed(created_before="2026-11-04T12:00:30Z") == [car]
    assert await listed(status="queued") == [lead, car]
    assert await listed(status="complete") == []
    assert await listed(instance="default", client="local") == [lead, car]
    assert await listed(client="somebody-else") == []
    assert await listed(attention="true") == []
    assert await listed(attention="false") == [lead, car]
    assert await listed(status="QUEUED", object_type="Lead", instance="DEFAULT") == [lead]
    disposition = {"Content-Type": "text/csv", "Content-Disposition": 'attachment; filename="50%_off.csv"'}
    named = (await stage.api.post("/v1/imports", content=LEADS, headers=disposition)).json()["id"]
    assert await listed(file_name="50%_") == [named]
    assert await listed(file_name="50__") == await listed(file_name="%") == []


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="leads.csv"', "leads.csv"),
        ("attachment; filename*=utf-8''f%C3%BChrung.csv", "führung.csv"),
        ('attachment; filename="../../etc/leads.csv"', "leads.csv"),
        ("inline", None),
    ],
)
async def test_a_raw_bodys_file_name_comes_from_its_content_disposition(stage: Stage, header: str, name: str | None):
    """Plain or encoded, and never with a path."""
    headers = {"Content-Type": "text/csv", "Content-Disposition": header}
    answer = await stage.api.post("/v1/imports", content=LEADS, headers=headers)
    assert answer.json()["file"]["name"] == name
