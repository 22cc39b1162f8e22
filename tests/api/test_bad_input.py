"""Bad input: the right status, a problem that says what to do, and nothing left behind."""

from typing import Any

import pytest

from tests.story.files import LEADS
from tests.support.order import in_order
from tests.support.stage import Stage

BAD_FILES = {  # name: (file, status, code, a word of what it says)
    "no bytes": (b"", 422, "empty_file", "Send a header line"),
    "blank lines only": (b"\n\r\n\n", 422, "empty_file", "Send a header line"),
    "header only": (b"email,firstName\n", 422, "no_rows", "nothing to import"),
    "a blank column name": (b"email,,lastName\na@example.com,b,c\n", 422, "blank_column", "Column 2"),
    "a doubled column name": (b"email,Email\na@example.com,b\n", 422, "duplicate_column", "email"),
    "no lookup column": (b"firstName,lastName\nA,B\n", 422, "missing_column", "'email'"),
    "another format": (b"email;firstName\na@example.com;A\n", 422, "missing_column", "format=ssv"),
    "a quote never closed": (b'email,firstName\na@example.com,A\nb@example.com,"B\n', 422, "unclosed_quote", "row 2"),
    "a NUL byte": (b"email\na@example.com\nb\0@example.com\n", 422, "nul_byte", "Row 2"),
    "bytes that are not UTF-8": (b"email\na@example.com\n\xff@example.com\n", 422, "bad_bytes", "Row 2"),
}

BAD_PARAMETERS = [  # parameters, the field that is named, a word of what it says
    ({"format": "xlsx"}, "format", "csv, tsv, ssv"),
    ({"formatt": "csv"}, "formatt", "'format'"),
    ({"object_type": "company"}, "object_type", "custom_object"),
    ({"instance": "sandbox"}, "instance", "default"),
    ({"priority": "10"}, "priority", "0 to 9"),
    ({"priority": "-1"}, "priority", "0 to 9"),
    ({"priority": "x"}, "priority", "0 to 9"),
    ({"list_id": "0"}, "list_id", "whole number"),
    ({"list_id": "4294967296"}, "list_id", "whole number"),
    ({"not_before": "tomorrow"}, "not_before", "offset"),
    ({"not_before": "2026-11-23T10:00:00"}, "not_before", "offset"),
    ({"not_before": "20260101T000000Z"}, "not_before", "2026-11-23T10:00:00Z"),
    ({"not_before": "2026-W01-1T00:00:00Z"}, "not_before", "2026-11-23T10:00:00Z"),
    ({"not_before": "2026-11-23T10:00Z"}, "not_before", "2026-11-23T10:00:00Z"),
    ({"not_before": "2026-11-31T10:00:00Z"}, "not_before", "2026-11-23T10:00:00Z"),
    ({"not_before": "2026-11-23T10:00:00 01:00"}, "not_before", "write + as %2B"),
    ({"metadata": "[]"}, "metadata", "JSON object"),
    ({"metadata": '{"a": 1}'}, "metadata", "JSON object"),
    ({"metadata": "{" + ",".join(f'"{n}": "v"' for n in range(17)) + "}"}, "metadata", "16"),
    ({"label": "x" * 201}, "label", "200"),
    ({"on_unconfirmed": "maybe"}, "on_unconfirmed", "hold"),
    ({"preflight": "all"}, "preflight", "header"),
    ({"object_type": "custom_object"}, "object_name", "required"),
    ({"object_type": "program_member", "program_member_status": "On List"}, "program_id", "required"),
    ({"object_type": "program_member", "program_id": "1001"}, "program_member_status", "required"),
    ({"object_type": "lead", "program_id": "1001"}, "program_id", "program_member"),
    ({"object_name": "car_c"}, "object_name", "custom_object"),
    ({"not_before": "0001-06-01T00:00:00Z"}, "not_before", "offset"),
    ({"not_before": "9999-12-31T23:59:59-14:00"}, "not_before", "offset"),
    ({"metadata": '{"a": "\\ud800"}'}, "metadata", "half a character"),
    ({"metadata": '{"\\u0000": "a"}'}, "metadata", "NUL"),
    ({"label": "a\0b"}, "label", "NUL"),
    ({"lookup_field": "x" * 256}, "lookup_field", "255"),
    ({"partition_name": "x" * 256}, "partition_name", "255"),
    ({"object_type": "custom_object", "object_name": "x" * 256}, "object_name", "255"),
    ({"charset": "klingon"}, None, "klingon"),
    ({"charset": "base64"}, None, "base64"),
    ({"charset": "utf-7"}, None, "utf-7"),
]


def is_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["code"] == code
    assert told["type"] == f"/problems/{code.replace('_', '-')}"
    assert told["title"]
    assert told["instance"].startswith("/")
    return told


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_file_that_cannot_be_imported_is_refused_with_what_to_do(stage: Stage, name: str):
    """Before it is queued, and with nothing kept of it."""
    content, status, code, word = BAD_FILES[name]
    told = is_problem(await stage.create(content), status, code)
    assert word in told["detail"]
    assert await stage.holds_nothing()


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_form_is_checked_like_a_raw_body(stage: Stage, name: str):
    """Multipart is another envelope around the same rules."""
    content, status, code, _ = BAD_FILES[name]
    answer = await stage.api.post("/v1/imports", files={"file": ("leads.csv", content)})
    is_problem(answer, status, code)
    assert await stage.holds_nothing()


@pytest.mark.parametrize(("parameters", "field", "word"), BAD_PARAMETERS)
async def test_a_wrong_parameter_is_named_with_what_is_right(
    stage: Stage, parameters: dict[str, str], field: str | None, word: str
):
    """422 (415 for charsets), the parameter by name, and a word that helps."""
    answer = await stage.create(LEADS, **parameters)
    assert answer.status_code == (422 if field else 415), answer.text
    told = answer.json()
    assert word in told["detail"]
    if field:
        assert field in [error["field"] for error in told["errors"]]
    assert await stage.holds_nothing()


@pytest.mark.parametrize(
    "written",
    ["2026-11-23T11:00:00+01:00", "2026-11-23t10:00:00z", "2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00-00:00"],
)
async def test_a_time_is_what_rfc_3339_says_it_is(stage: Stage, written: str):
    """With its offset; it is given back in UTC."""
    import_id = await stage.created(LEADS, not_before=written)
    assert (await stage.read(import_id))["not_before"] == "2026-11-23T10:00:00.000Z"


@pytest.mark.parametrize(
    ("media_type", "parameters", "status"),
    [
        ("text/csv; charset=cp1252", {}, 202),
        ('text/csv; charset="CP1252"', {}, 202),
        ("text/csv; charset=cp1252", {"charset": "windows-1252"}, 202),
        ("application/octet-stream; charset=binary", {"charset": "cp1252"}, 202),
        ("text/csv; charset=utf-8", {"charset": "cp1252"}, 422),
        ("text/csv; charset=klingon", {}, 415),
        ("text/csv; charset=klingon", {"charset": "cp1252"}, 422),
        ("text/csv", {}, 422),
    ],
)
async def test_a_content_type_may_say_the_charset(
    stage: Stage, media_type: str, parameters: dict[str, str], status: int
):
    """Of a text; it is not passed over, and not believed against the parameter."""
    answer = await stage.api.post(
        "/v1/imports",
        content="email,firstName\na@example.com,Zoë\n".encode("cp1252"),
        params=parameters,
        headers={"Content-Type": media_type},
    )
    assert answer.status_code == status, answer.text
    if "charset=" in media_type and status == 422:
        assert [error["field"] for error in answer.json()["errors"]] == ["charset"]
        assert "Content-Type" in answer.json()["detail"]


@pytest.mark.parametrize("charset", ["utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["le", "be"])
async def test_NOT_A_GUESS_utf16_without_a_byte_order_mark_is_told_what_to_say(stage: Stage, charset: str, end: str):
    """Raw, in a form, as a corrected file and as a request that is sent again: never a 500."""
    import_id = await stage.created(b"email,leadScore\na@example.com,x\n")
    await stage.run()
    content, named = LEADS.decode().encode(f"{charset}-{end}"), {"charset": charset}
    headers = {"Content-Type": "text/csv"}
    for answer in (
        await stage.create(content, **named),
        await stage.api.post("/v1/imports", files={"file": ("a.csv", content)}, data=named),
        await stage.api.post(f"/v1/imports/{import_id}/retry-failures", content=content, params=named, headers=headers),
    ):
        assert f"`charset={charset}-{end}`" in is_problem(answer, 422, "bad_bytes")["detail"]
    right = {"charset": f"{charset}-{end}"}
    again = headers | {"Idempotency-Key": "k"}
    first = await stage.api.post("/v1/imports", content=content, params=right, headers=again)
    assert first.status_code == 202
    mirror = LEADS.decode().encode(f"{charset}-{'be' if end == 'le' else 'le'}")
    is_problem(
        await stage.api.post("/v1/imports", content=mirror, params=right, headers=again), 422, "idempotency_key_reused"
    )


async def test_all_mistakes_are_told_at_once(stage: Stage):
    """Nobody wants to mend three parameters in three rounds."""
    told = is_problem(await stage.create(LEADS, priority="x", format="y", label="z" * 300), 422, "invalid_parameter")
    assert {error["field"] for error in told["errors"]} == {"priority", "format", "label"}


async def test_the_same_parameter_in_query_and_form_with_two_values_is_refused(stage: Stage):
    """Guessing which one was meant would be worse."""
    answer = await stage.api.post(
        "/v1/imports", params={"priority": 3}, data={"priority": "4"}, files={"file": ("a.csv", LEADS)}
    )
    is_problem(answer, 422, "invalid_parameter")
    agreeing = await stage.api.post(
        "/v1/imports", params={"priority": 3}, data={"priority": "3"}, files={"file": ("a.csv", LEADS)}
    )
    assert agreeing.status_code == 202


async def test_a_form_without_a_file_says_how_to_name_it(stage: Stage):
    """The commonest mistake with forms."""
    answer = await stage.api.post("/v1/imports", files={"upload": ("a.csv", LEADS)})
    told = is_problem(answer, 422, "no_file")
    assert "`file`" in told["detail"]
    assert await stage.holds_nothing()


async def test_a_form_with_two_files_is_refused(stage: Stage):
    """One of them would be lost."""
    answer = await stage.api.post("/v1/imports", files=[("file", ("a.csv", LEADS)), ("file", ("b.csv", LEADS))])
    assert "two parts named `file`" in is_problem(answer, 422, "two_files")["detail"]
    assert await stage.holds_nothing()


async def test_a_form_cannot_be_compressed(stage: Stage):
    """What may be is said."""
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": "gzip"}
    answer = await stage.api.post("/v1/imports", content=b"", headers=headers)
    assert "Send the file raw" in is_problem(answer, 415, "unsupported_media")["detail"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({f"x{n}": "" for n in range(64)}, "there is no parameter 'x0'"),
        ({f"x{n}": "" for n in range(65)}, "The form has more than 64 fields."),
        ({"label": "x" * 65_536}, "is longer than 200 characters"),
        ({"label": "x" * 65_537}, "The field 'label' is longer than 65536 bytes."),
    ],
)
async def test_a_form_s_fields_are_bounded(stage: Stage, fields: dict[str, str], says: str):
    """They are held in memory: 64 of them, of 64 KiB each."""
    answer = await stage.api.post("/v1/imports", data=fields, files={"file": ("a.csv", LEADS)})
    assert says in is_problem(answer, 422, "invalid_parameter")["detail"]
    assert await stage.holds_nothing()


async def test_an_instance_that_is_none_is_told_those_that_are(stage: Stage):
    """By a code of its own."""
    told = is_problem(await stage.create(LEADS, instance="sandbox"), 422, "unknown_instance")
    assert told["errors"] == [{"field": "instance", "message": "use one of: default"}]


@pytest.mark.parametrize("path", ["/v1/imports/1/cancel", "/v1/imports/1/parts/1/resolve"])
async def test_what_comes_too_late_is_a_wrong_state(stage: Stage, path: str):
    """A finished import is not cancelled, and a part that is confirmed is not decided."""
    await stage.created(LEADS)
    await stage.run()
    body = {"json": {"outcome": "resubmit"}} if path.endswith("resolve") else {}
    is_problem(await stage.api.post(path, **body), 409, "wrong_state")


@pytest.mark.parametrize("boundary", ["x" * 5000, "", '"'])
async def test_a_form_whose_boundary_is_none_is_refused(stage: Stage, boundary: str):
    """Whatever its header says."""
    answer = await stage.api.post(
        "/v1/imports", content=LEADS, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    is_problem(answer, 400, "broken_upload")


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename*=idna''%ff", None),
        ("attachment; filename*=undefined''x", None),
        ("attachment; filename*=utf-7''%2B2AA-", None),
        ("attachment; filename=" + "x" * 300, "x" * 255),
        ("attachment; filename*=utf-8''..%2Fa%00b.csv", "ab.csv"),
    ],
)
async def test_a_file_name_that_cannot_be_read_costs_nothing(stage: Stage, disposition: str, name: str | None):
    """It is for people; nothing hangs on it."""
    headers = {"Content-Type": "text/csv", "Content-Disposition": disposition}
    answer = await stage.api.post("/v1/imports", content=LEADS, headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["file"]["name"] == name
    assert (await stage.api.get("/v1/imports")).status_code == 200


async def test_a_pause_reason_is_one_that_can_be_kept(stage: Stage):
    """422, not a database's error."""
    answer = await stage.api.post("/v1/instances/default/pause", json={"reason": "a\0b"})
    is_problem(answer, 422, "invalid_parameter")


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code", "word"),
    [
        (b'{"reason": "x"', "application/json", 422, "invalid_parameter", "The body is no JSON (at character 14)."),
        (b"\xff", "application/json", 400, "bad_request", "body"),
        (b'{"reason": "x"}', "text/plain", 415, "unsupported_media", "Content-Type: application/json"),
        (b'{"reason": "x"}', "application/x-www-form-urlencoded", 415, "unsupported_media", "application/json"),
        (b'"x"', "application/json", 422, "invalid_parameter", "dictionary"),
    ],
)
async def test_a_body_that_should_be_json_and_is_not_is_told_so(
    stage: Stage, content: bytes, media_type: str, status: int, code: str, word: str
):
    """No field is to blame for that."""
    headers = {"Content-Type": media_type}
    answer = await stage.api.post("/v1/instances/default/pause", content=content, headers=headers)
    told = is_problem(answer, status, code)
    assert word in told["detail"]
    assert not any("field" in error for error in told.get("errors", []))


async def test_a_json_body_that_goes_on_and_on_is_refused(stage: Stage):
    """It would be held in memory whole."""
    answer = await stage.api.post("/v1/instances/default/pause", content=b'{"reason": "' + b"x" * 100_000)
    assert is_problem(answer, 413, "content_too_large")["detail"]

    async def chunks():
        for _ in range(10):
            yield b" " * 10_000

    answer = await stage.api.post("/v1/instances/default/pause", content=chunks())
    is_problem(answer, 413, "content_too_large")


async def test_a_form_that_breaks_off_leaves_nothing(stage: Stage):
    """Without its last boundary nobody can know whether the file was whole."""
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + LEADS
    answer = await stage.api.post(
        "/v1/imports", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    is_problem(answer, 400, "broken_upload")
    assert await stage.holds_nothing()


async def test_a_file_over_the_limit_is_refused_while_it_arrives(stage: Stage):
    """413 also where no length was announced, with parts of it stored already; nothing is kept."""
    object.__setattr__(stage.container.intake.limits, "file_bytes", 3_000_000)
    object.__setattr__(stage.container.intake.limits, "part_bytes", 1_000_000)

    async def body():
        yield b"email,company\n"
        for n in range(4000):
            yield b"%d@example.com," % n + b"x" * 1000 + b"\n"

    answer = await stage.api.post("/v1/imports", content=body(), headers={"Content-Type": "text/csv"})
    told = is_problem(answer, 413, "file_too_large")
    assert "3000000 bytes" in told["detail"]
    assert await stage.holds_nothing()


async def test_a_length_that_is_too_large_is_refused_before_the_body_is_read(stage: Stage):
    """And the line is closed, which spares the sender the upload."""
    headers = {"Content-Type": "text/csv", "Content-Length": str(20 * 10**9)}
    async with in_order(stage.container) as (api, log):
        answer = await api.post("/v1/imports", content=LEADS, headers=headers)
    is_problem(answer, 413, "file_too_large")
    assert answer.headers["connection"] == "close"
    assert log[0] == "answer"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "application/json"}, 415, "unsupported_media_type"),
        ({"Content-Type": "text/csv", "Content-Encoding": "br"}, 415, "unsupported_encoding"),
        ({"Content-Type": "text/csv", "Content-Encoding": "gzip"}, 400, "broken_upload"),
        ({"Content-Type": "text/csv", "Content-Digest": "sha-256=:zzz:"}, 400, "invalid_digest"),
        ({"Content-Type": "text/csv", "Content-Digest": f"sha-256=:{'A' * 43}=:"}, 400, "digest_mismatch"),
    ],
)
async def test_headers_that_promise_what_is_not_so_are_refused(
    stage: Stage, headers: dict[str, str], status: int, code: str
):
    """Encoding, digest and media type are held to the body."""
    is_problem(await stage.api.post("/v1/imports", content=LEADS, headers=headers), status, code)
    assert await stage.holds_nothing()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/imports/999", 404, "not_found"),
        ("GET", "/v1/imports/zero", 404, "not_found"),
        ("GET", "/v1/imports/99999999999999999999", 404, "not_found"),
        ("GET", "/v1/imports/999/failures", 404, "not_found"),
        ("POST", "/v1/imports/999/cancel", 404, "not_found"),
        ("GET", "/v1/instances/nowhere", 404, "not_found"),
        ("POST", "/v1/instances/nowhere/pause", 404, "not_found"),
        ("GET", "/v2/imports", 404, "not_found"),
        ("PUT", "/v1/imports", 405, "method_not_allowed"),
        ("GET", "/v1/imports?page_size=0", 422, "invalid_parameter"),
        ("GET", "/v1/imports?page_size=201", 422, "invalid_parameter"),
        ("GET", "/v1/imports?page_token=nonsense", 422, "invalid_parameter"),
        ("GET", "/v1/imports?status=done", 422, "invalid_parameter"),
        ("GET", "/v1/imports?created_after=yesterday", 422, "invalid_parameter"),
        ("GET", "/v1/imports?attention=maybe", 422, "invalid_parameter"),
        ("GET", "/v1/imports?label=%00", 422, "invalid_parameter"),
        ("GET", "/v1/imports?created_after=0001-01-01T00:00:00%2B14:00", 422, "invalid_parameter"),
        ("GET", "/v1/imports?colour=red", 422, "invalid_parameter"),
    ],
)
async def test_every_error_is_a_problem_document(stage: Stage, method: str, path: str, status: int, code: str):
    """Also what the framework says by itself."""
    told = is_problem(await stage.api.request(method, path), status, code)
    assert told["detail"]


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        ("GET", "/v1/imports?status=done", "'done' is not one of queued, importing, complete, failed, cancelled"),
        ("GET", "/v1/imports?object_type=leads", "'leads' is not one of lead, custom_object, program_member"),
        ("GET", "/v1/imports?status=", "'' is not one of queued"),
        ("GET", "/v1/imports?status=failed&status=complete", "is given twice, as 'failed' and as 'complete'"),
        ("GET", "/v1/imports/1/parts?page_size=1", "This takes no parameters."),
        ("GET", "/v1/instances?name=x", "This takes no parameters."),
        ("POST", "/v1/imports/1/retry-failures?format=tsv", "format: is of a corrected file, but no body came"),
    ],
)
async def test_a_query_that_is_not_taken_is_told_what_is(stage: Stage, method: str, path: str, says: str):
    """In the API's words, not in ours."""
    await stage.created(LEADS)
    told = is_problem(await stage.api.request(method, path), 422, "invalid_parameter")
    assert says in told["detail"]


async def test_a_retry_takes_no_corrected_file(stage: Stage):
    """It would be passed over; where it goes is said."""
    import_id = await stage.created(LEADS)
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry", content=LEADS)
    assert "retry-failures" in is_problem(answer, 422, "invalid_parameter")["detail"]
    assert (await stage.api.post(f"/v1/imports/{import_id}/retry")).status_code == 202


async def test_a_full_backlog_says_when_to_come_back(stage: Stage):
    """429 with Retry-After; what waits already is not touched."""
    object.__setattr__(stage.container.capacity, "backlog_parts", 1)
    await stage.created(LEADS)
    answer = await stage.create(LEADS)
    is_problem(answer, 429, "backlog_full")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_full_disk_is_said_before_a_byte_is_kept(stage: Stage):
    """507, on the database that lives on this disk."""
    object.__setattr__(stage.container.capacity, "disk_floor_bytes", 10**18)
    answer = await stage.create(LEADS)
    if stage.container.db.on_sqlite:
        is_problem(answer, 507, "disk_full")
        assert await stage.holds_nothing()
    else:
        assert answer.status_code == 202  # PostgreSQL's disk is not ours to measure


@pytest.mark.parametrize("name", ["größe.csv", "名簿.csv", "a\U0001f600.csv", "\xff"])
async def test_a_form_s_names_may_be_of_any_alphabet(stage: Stage, name: str):
    """Browsers and curl send them as UTF-8."""
    answer = await stage.api.post("/v1/imports", files={"file": (name, LEADS)})
    assert answer.status_code == 202, answer.text
    assert answer.json()["file"]["name"] == name
    answer = await stage.api.post("/v1/imports", files={"file": ("a.csv", LEADS)}, data={name: "1"})
    told = is_problem(answer, 422, "invalid_parameter")
    assert told["errors"][0]["field"] == name


async def test_the_paging_of_a_file_is_looked_at_too(stage: Stage):
    """A typing error must not go unnoticed, though a file has no pages."""
    import_id = await stage.created(LEADS)
    answer = await stage.api.get(f"/v1/imports/{import_id}/failures", params={"page_size": "201"})
    is_problem(answer, 422, "invalid_parameter")
