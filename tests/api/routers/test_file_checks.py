"""`POST /v1/checks`: what is wrong with a file before it is sent, and nothing of it is kept."""

import gzip
import hashlib
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.domain.api_keys import Scope
from app.files.compression import zstd
from app.simulator import Fault
from app.store.tables import metadata
from tests.api.test_api_keys import bearing, key
from tests.story.files import CARS, LEADS, MEMBERS
from tests.story.test_ugly import REFUSED, TAKEN
from tests.support.stage import Stage, staged
from tests.web.test_uploads import AFTER, BEFORE, MORE_BYTES, ROW

CSV = {"Content-Type": "text/csv"}
CAR = {"object_type": "custom_object", "object_name": "car_c", "format": "ssv"}
UGLY = Path(__file__).parents[2] / "ugly"
ASKED_OF_MARKETO = {"description", "tally"}  # tables that tell of calls to Marketo, and what it said


async def check(stage: Stage, content: Any, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
    return await stage.api.post("/v1/checks", content=content, params=parameters, headers=CSV | (headers or {}))


async def checked(stage: Stage, content: Any, headers: dict[str, str] | None = None, **parameters: Any) -> Any:
    answer = await check(stage, content, headers, **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def codes(told: dict[str, Any]) -> list[str]:
    return [item["code"] for item in told["mistakes"]]


async def rows_of_tables(stage: Stage) -> dict[str, int]:
    async with stage.container.db.read() as tx:
        counted = [
            (table.name, (await tx.execute(select(func.count()).select_from(table))).scalar_one())
            for table in metadata.sorted_tables
        ]
    return dict(counted)


async def test_a_good_file_is_told_what_it_is(stage: Stage):
    """Field by field, as the contract has it."""
    content = b"email,leadScore\na@example.com,7\nb@example.com,8\nA@example.com,9\n"
    assert await checked(stage, content) == {
        "rows": 3,
        "parts": 1,
        "columns": [
            {"name": "email", "field": "email", "data_type": "email", "mistake": None, "suggestion": None},
            {"name": "leadScore", "field": "leadScore", "data_type": "integer", "mistake": None, "suggestion": None},
        ],
        "mistakes": [],
        "mistakes_total": 0,
        "remarks": [],
        "remarks_total": 0,
        "ragged_rows": 0,
        "repeated_keys": 1,
        "guessed": None,
    }


@pytest.mark.both_databases
async def test_nothing_is_stored_and_of_marketo_only_its_fields_are_asked(stage: Stage):
    """No row of any table, but for what Marketo said and that it was asked; afterwards it is not asked again."""
    before = await rows_of_tables(stage)
    await checked(stage, LEADS)
    await checked(stage, b"email,shoeSize\nnone,7,8\n")
    await checked(stage, CARS, **CAR)
    assert await stage.holds_nothing()
    after = await rows_of_tables(stage)
    assert {name for name in after if after[name] != before[name]} <= ASKED_OF_MARKETO
    assert (await stage.api.get("/v1/imports")).json()["items"] == []
    assert stage.posted == []
    assert {path.rsplit("/", 1)[1] for path in stage.asked} == {"token", "describe.json"}
    await stage.run()
    assert stage.posted == []


@pytest.mark.parametrize("how", ["raw", "gzip", "zstd", "form", "packed in a form", "parameters behind the file"])
async def test_a_body_may_come_as_an_upload_s(stage: Stage, how: str):
    """Raw or in a form, plain or packed, parameters in the query or as fields."""
    content = b"email;leadScore\na@example.com;x\n"
    match how:
        case "raw":
            told = await checked(stage, content, format="ssv")
        case "gzip":
            told = await checked(stage, gzip.compress(content), {"Content-Encoding": "gzip"}, format="ssv")
        case "zstd":
            told = await checked(stage, zstd.compress(content), {"Content-Encoding": "zstd"}, format="ssv")
        case "parameters behind the file":
            field = b'\r\n--b\r\nContent-Disposition: form-data; name="format"\r\n\r\nssv' + AFTER
            kind = {"Content-Type": "multipart/form-data; boundary=b"}
            told = await checked(stage, BEFORE + content + field, kind)
        case _:
            name, sent = ("leads.csv", content) if how == "form" else ("leads.csv.gz", gzip.compress(content))
            answer = await stage.api.post("/v1/checks", files={"file": (name, sent)}, data={"format": "ssv"})
            assert answer.status_code == 200, answer.text
            told = answer.json()
    assert (told["rows"], told["mistakes"]) == (1, [])
    assert told["remarks"] == [{"row": 1, "column": "leadScore", "message": "leadScore is not a whole number"}]


async def test_all_mistakes_come_at_once_and_are_those_of_an_upload(stage: Stage):
    """Each with its code, and the column; the same sentences as in the 422."""
    content = b"E-mail,First Name,,shoeSize,createdAt,Company,company\na@example.com,A,,7,x,y,z\n"
    answer = await checked(stage, content)
    assert sorted(set(codes(answer))) == ["blank_column", "duplicate_column", "invalid_header", "missing_column"]
    assert {item["column"] for item in answer["mistakes"]} == {
        *("email", "First Name", "3", "shoeSize", "createdAt", "company"),
    }
    assert answer["mistakes_total"] == len(answer["mistakes"])
    refusal = (await stage.create(content)).json()
    assert [item["message"] for item in answer["mistakes"]] == [item["message"] for item in refusal["errors"]]
    suggested = {item["name"]: item["suggestion"] for item in answer["columns"]}
    assert suggested["First Name"] == "firstName"
    assert "nobody write" in answer["columns"][4]["mistake"]


async def test_a_mistake_of_a_parameter_names_no_column(stage: Stage):
    """It says what to say instead."""
    (told,) = (await checked(stage, b"email;company\na@example.com;A\n"))["mistakes"]
    assert (told["code"], told["column"], told["row"]) == ("missing_column", None, None)
    assert "`format=ssv`" in told["message"]


async def test_a_mistake_in_a_row_names_it(stage: Stage):
    """What comes before it is counted and looked at."""
    answer = await checked(stage, b"email,company\nnone,A\nb@example.com,B\nc@example.com,\xff\n")
    assert [(item["code"], item["column"], item["row"]) for item in answer["mistakes"]] == [("bad_bytes", "company", 3)]
    assert [item["row"] for item in answer["remarks"]] == [1]


async def test_remarks_name_row_and_column_and_ragged_rows_are_among_them(stage: Stage):
    """Such rows are sent all the same."""
    content = b'email,leadScore,company\na@example.com,x\n,7,B\nc@example.com,8,"Co"x\nd,9,D,E\n'
    answer = await checked(stage, content)
    assert [(item["row"], item["column"]) for item in answer["remarks"]] == [
        *((1, None), (1, "leadScore"), (2, None), (3, "company"), (4, None), (4, "email")),
    ]
    assert answer["remarks"][0]["message"] == "the row has 2 cells, and the header 3"
    assert (answer["ragged_rows"], answer["remarks_total"], answer["mistakes"]) == (2, 6, [])


async def test_the_first_hundred_remarks_are_told_and_all_are_counted(stage: Stage):
    """Of mistakes, too."""
    answer = await checked(stage, b"email\n" + b"none\n" * 150)
    assert (len(answer["remarks"]), answer["remarks_total"]) == (100, 150)
    columns = b",".join(b"x%d" % n for n in range(150))
    answer = await checked(stage, b"email," + columns + b"\na@example.com" + b"," * 150 + b"\n")
    assert (len(answer["mistakes"]), answer["mistakes_total"], len(answer["columns"])) == (100, 150, 151)


@pytest.mark.parametrize(
    ("content", "guessed"),
    [
        ("email;Vorname\nzoë@example.com;Zoë\n".encode("cp1252"), ("ssv", "cp1252", True)),
        ("email\tVorname\nzoë@example.com\tZoë\n".encode("utf-16"), ("tsv", "utf-16", True)),
        (b"email,firstName\na@example.com,A\n", ("csv", "utf-8", True)),
        (b"a@example.com,A\nb@example.com,B\n", ("csv", "utf-8", False)),
        (b"email|firstName\na@example.com|A\n", (None, "utf-8", True)),
    ],
)
async def test_what_a_sample_seems_to_be_is_guessed(
    stage: Stage, content: bytes, guessed: tuple[str | None, str, bool]
):
    """Its charset, what separates its cells, and whether it has a header."""
    answer = await checked(stage, content, sample="true")
    assert tuple(answer["guessed"][name] for name in ("format", "charset", "header")) == guessed


@pytest.mark.parametrize("packed", [False, True])
async def test_a_sample_may_be_cut_off_anywhere(stage: Stage, packed: bool):
    """In a cell, in a letter, in a packed stream; the same file, said to be whole, has that mistake."""
    content = 'email,company\na@example.com,A\nb@example.com,"Müller\nÄ'.encode()[:-1]
    headers = {}
    if packed:
        content, headers = gzip.compress(LEADS)[:-12], {"Content-Encoding": "gzip"}
    answer = await checked(stage, content, headers, sample="true")
    assert answer["mistakes"] == []
    whole = await check(stage, content, headers)
    assert whole.status_code == 400 if packed else codes(whole.json()) != []


@pytest.mark.parametrize("name", [*TAKEN, *REFUSED])
async def test_what_a_check_finds_no_mistake_in_is_taken_and_nothing_else(stage: Stage, name: str):
    """Of the whole corpus of ugly files; the code of the refusal is among the mistakes'."""
    for known, taken in ((TAKEN, True), (REFUSED, False)):
        if name in known:
            content = (UGLY / name).read_bytes()
            told = await checked(stage, content, **known[name][0])
            answer = await stage.create(content, **known[name][0])
            assert (answer.status_code == 202, told["mistakes"] == []) == (taken, taken)
            if taken:
                assert answer.json()["rows"]["total"] == told["rows"]
                assert answer.json()["parts"]["total"] == told["parts"]
            else:
                assert answer.json()["code"] in codes(told)


async def test_custom_objects_and_members_are_held_against_their_fields(stage: Stage):
    """Their keys are Marketo's."""
    answer = await checked(stage, CARS + CARS.splitlines(keepends=True)[1], **CAR)
    assert (answer["mistakes"], answer["repeated_keys"]) == ([], 1)
    members = {"object_type": "program_member", "program_id": 1001, "program_member_status": "On List", "format": "tsv"}
    answer = await checked(stage, MEMBERS, **members)
    assert answer["mistakes"] == []
    assert all(item["field"] for item in answer["columns"])


async def test_an_object_that_marketo_does_not_have_is_refused_as_an_import_is(stage: Stage):
    """So is a key that is another than Marketo's."""
    answer = await check(stage, CARS, **CAR | {"object_name": "cars_c"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_object")
    answer = await check(stage, CARS, **CAR, dedupe_fields="color")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "dedupe_fields")


async def test_a_marketo_that_cannot_be_asked_finds_no_mistake(stage: Stage):
    """An upload would be taken, too. Rows are looked at as they are written."""
    stage.simulator.order(Fault("html_502", on="any", times=10))
    answer = await checked(stage, b"email,shoeSize\na@example.com,7,8\n")
    assert (answer["mistakes"], answer["columns"][1]["field"], answer["remarks_total"]) == ([], None, 1)


async def test_before_a_column_is_called_a_mistake_marketo_is_asked_again(stage: Stage):
    """The field may have been made since; but not with every file, and not for one without mistakes."""
    await checked(stage, LEADS)
    stage.clock.step(3600)
    await checked(stage, LEADS)
    assert sum("describe" in path for path in stage.asked) == 1
    for _ in range(3):
        assert codes(await checked(stage, b"email,shoeSize\na@example.com,7\n")) == ["invalid_header"]
    assert sum("describe" in path for path in stage.asked) == 2
    stage.clock.step(3600)
    stage.simulator.order(Fault("html_502", on="any", times=1))
    answer = await checked(stage, b"email,First Name\na@example.com,7\n")
    assert (answer["mistakes"], answer["columns"][1]["suggestion"]) == ([], "firstName")


async def test_preflight_off_asks_nobody(stage: Stage):
    """As for an import."""
    answer = await checked(stage, b"email,shoeSize\na@example.com,7\n", preflight="off")
    assert (answer["mistakes"], stage.asked) == ([], [])


@pytest.mark.parametrize(
    ("parameters", "status", "code", "says"),
    [
        ({"sampel": "true"}, 422, "invalid_parameter", "'sample'"),
        ({"sample": "maybe"}, 422, "invalid_parameter", "neither true nor false"),
        ({"format": "xlsx"}, 422, "invalid_parameter", "csv, tsv, ssv"),
        ({"instance": "other"}, 422, "unknown_instance", "default"),
        ({"charset": "klingon"}, 415, "unsupported_charset", "klingon"),
        ({"object_type": "custom_object"}, 422, "invalid_parameter", "object_name"),
    ],
)
async def test_parameters_are_refused_as_an_import_s(
    stage: Stage, parameters: dict[str, str], status: int, code: str, says: str
):
    """In the query and in a form."""
    form = await stage.api.post("/v1/checks", files={"file": ("a.csv", LEADS)}, data=parameters)
    for answer in (await check(stage, LEADS, **parameters), form):
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Range": "bytes 0-9/100"}, 400, "partial_upload"),
        ({"Content-Digest": f"sha-256=:{b64encode(bytes(32)).decode()}:"}, 400, "digest_mismatch"),
        ({"Content-Encoding": "br"}, 415, "unsupported_encoding"),
        ({"Content-Encoding": "gzip"}, 400, "broken_upload"),
        ({"Content-Type": "application/json"}, 415, "unsupported_media_type"),
        ({"Content-Type": "text/csv; charset=cp1252"}, 422, "invalid_parameter"),
    ],
)
async def test_what_is_said_of_the_bytes_is_believed_or_refused(
    stage: Stage, headers: dict[str, str], status: int, code: str
):
    """Never passed over."""
    answer = await check(stage, LEADS, headers, charset="utf-8")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_digest_that_is_right_is_no_hindrance(stage: Stage):
    digest = b64encode(hashlib.sha256(LEADS).digest()).decode()
    assert (await check(stage, LEADS, {"Content-Digest": f"sha-256=:{digest}:"})).status_code == 200


async def test_a_file_that_is_too_large_is_refused(sqlite_url: str, clock):
    """Whether it says so beforehand or not, and packed."""
    content = b"email\n" + b"a@example.com\n" * 1000

    async def chunks(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async with staged(sqlite_url, clock, max_file_bytes=10_000) as stage:
        for answer in (
            await check(stage, content),
            await check(stage, chunks([content[:5000], content[5000:]])),
            await check(stage, gzip.compress(content), {"Content-Encoding": "gzip"}),
            await stage.api.post("/v1/checks", files={"file": ("a.csv", content)}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


@pytest.mark.endure
@pytest.mark.parametrize("form", [False, True], ids=["raw", "form"])
async def test_memory_does_not_grow_with_the_file(sqlite_url: str, clock, form: bool):
    """Several parts, all of them dropped."""
    kind, around = ("multipart/form-data; boundary=b", (BEFORE, AFTER)) if form else ("text/csv", (b"", b""))

    async def body(rows: int) -> AsyncIterator[bytes]:
        yield around[0] + b"email,company\n"
        for first in range(0, rows, 50):
            yield b"".join(ROW % n for n in range(first, first + 50))
        yield around[1]

    async with staged(sqlite_url, clock, part_bytes=2_500_000) as stage:
        peaks = []
        for rows, parts in ((8_000, 4), (16_000, 7)):
            tracemalloc.start()
            try:
                answer = await checked(stage, body(rows), {"Content-Type": kind})
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
            assert (answer["rows"], answer["parts"], answer["mistakes"]) == (rows, parts, [])
            assert not stage.container.admission._places
        assert peaks[1] < peaks[0] + MORE_BYTES


async def test_a_check_takes_the_place_of_an_upload(sqlite_url: str, clock):
    """So many at once as there may be uploads; what was refused gives its place back."""
    async with staged(sqlite_url, clock, uploads=1) as stage:
        for content in (LEADS, b"", b"\xff"):
            await checked(stage, content)
        admission = stage.container.admission
        async with admission.place("another"):
            assert not admission.limit.may_take("")
        assert (await check(stage, LEADS)).status_code == 200


async def test_a_full_backlog_stops_no_check(sqlite_url: str, clock):
    """Nothing is to be stored."""
    async with staged(sqlite_url, clock, backlog_parts=1) as stage:
        await stage.created(LEADS)
        assert (await stage.create(LEADS)).status_code == 429
        assert (await check(stage, LEADS)).status_code == 200


async def test_a_key_s_highest_priority_holds_and_its_client_is_counted(sqlite_url: str, clock):
    """A check says what an import with these parameters would be told."""
    async with staged(sqlite_url, clock, auth="on") as stage:
        _, low = await stage.container.keys.create("crm-sync", [Scope.SUBMIT], max_priority=3)
        answer = await check(stage, LEADS, bearing(low), priority=9)
        assert (answer.status_code, answer.json()["code"]) == (422, "priority_too_high")
        assert (await check(stage, LEADS, bearing(low))).status_code == 200
        reader = await key(stage, Scope.READ)
        assert (await check(stage, LEADS, bearing(reader))).status_code == 403
