"""What a request, and a form's part, say of their bytes: believed or refused, never passed over."""

import base64
import gzip
import hashlib
import quopri
from itertools import product
from typing import Any

import httpx
import pytest

from app.files.compression import zstd
from tests.api.test_bad_input import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage, staged
from tests.support.tiers import chosen

ZOE = "email,firstName,company\nzoe@example.com,Zoë,Müller & Söhne\n"
MARKETO = "/bulk/v1/leads.json"


def form(content: bytes, *headers: str, before: str = "", name: str = "file", file_name: str = "a.csv") -> bytes:
    """A form by hand: its file's part has these headers beside its name."""
    lines = [f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"', *headers]
    return before.encode() + b"--b\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n--b--\r\n"


async def send(stage: Stage, body: bytes, path: str = "/v1/imports", **more: Any) -> httpx.Response:
    """A form."""
    headers = {"Content-Type": "multipart/form-data; boundary=b"} | more.pop("headers", {})
    return await stage.api.post(path, content=body, headers=headers, **more)


async def raw(stage: Stage, content: bytes, path: str = "/v1/imports", **headers: str) -> httpx.Response:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stage.api.post(path, content=content, headers={"Content-Type": "text/csv"} | said)


async def arrived(stage: Stage, answer: httpx.Response) -> dict[str, Any]:
    """The record that Marketo has of the file's only row."""
    assert answer.status_code == 202, answer.text
    await stage.run()
    (record,) = stage.simulator.records("lead")
    return record


PIECES = [
    {"Content-Range": "bytes 0-99/222"},
    {"Content-Range": "bytes 0-221/222"},
    {"Content-Range": "rows 1-2/9"},
    {"X-Content-Range": "bytes 0-99/222"},
    {"Upload-Complete": "?0"},
    {"Upload-Incomplete": "?1"},
    {"Upload-Offset": "100"},
    {"Upload-Length": "222"},
    {"Content-Part": "1 of 2"},
]


@pytest.mark.parametrize("piece", chosen(PIECES, PIECES[0], PIECES[4]), ids=str)
async def test_NOT_A_GUESS_half_a_file_is_not_taken_for_a_whole_one(stage: Stage, piece: dict[str, str]):
    """Raw, in a form, of a form's part, and as a corrected file: 400, and nothing of it is kept."""
    import_id = await stage.created(b"email,leadScore\na@example.com,x\n")
    await stage.run()
    ((name, value),) = piece.items()
    for answer in (
        await raw(stage, LEADS, **piece),
        await raw(stage, LEADS, f"/v1/imports/{import_id}/retry-failures", **piece),
        await send(stage, form(LEADS), headers=piece),
        await send(stage, form(LEADS, f"{name}: {value}")),
        await send(
            stage,
            form(LEADS, before=f'--b\r\nContent-Disposition: form-data; name="label"\r\n{name}: {value}\r\n\r\nx\r\n'),
        ),
    ):
        problem = is_problem(answer, 400, "partial_upload")
        assert "Send the whole file in one request" in problem["detail"]
    assert len((await stage.api.get("/v1/imports")).json()["items"]) == 1


@pytest.mark.parametrize("piece", PIECES, ids=str)
async def test_half_a_file_is_refused_in_marketos_envelope_on_marketos_paths(stage: Stage, piece: dict[str, str]):
    """Its code for a form that cannot be taken, and our words."""
    ((name, value),) = piece.items()
    for answer in (
        await send(stage, form(LEADS), MARKETO, headers=piece),
        await send(stage, form(LEADS, f"{name}: {value}"), MARKETO),
        await raw(stage, LEADS, MARKETO, **piece),
    ):
        assert answer.status_code == 200
        body = answer.json()
        assert (body["success"], body["errors"][0]["code"]) == (False, "613")
        assert "Send the whole file in one request" in body["errors"][0]["message"]
    assert await stage.holds_nothing()


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Complete": "?1"},
        {"Upload-Incomplete": "?0", "Upload-Offset": "0"},
        {"Upload-Length": str(len(LEADS))},
        {"Content-Language": "de", "Content-Location": "/leads.csv"},
        {"Content-Transfer-Encoding": "text/plain"},
    ],
    ids=str,
)
async def test_a_file_that_says_it_is_whole_is_taken(stage: Stage, headers: dict[str, str]):
    """And so is what says nothing of its bytes."""
    assert (await raw(stage, LEADS, **headers)).status_code == 202


@pytest.mark.parametrize(
    ("charset", "kind"),
    chosen(
        product(
            ["utf-8", "cp1252", "utf-16", "utf-16-le", "mac_roman"],
            ["text/csv", "text/plain", "application/vnd.ms-excel", "application/octet-stream"],
        ),
        *(("cp1252", "text/csv"), ("utf-16", "application/vnd.ms-excel"), ("utf-16-le", "text/plain")),
    ),
)
async def test_a_parts_charset_counts_as_a_raw_bodys_does(sqlite_url: str, clock, charset: str, kind: str):
    """Whatever else its Content-Type says."""
    async with staged(sqlite_url, clock) as stage:
        answer = await send(stage, form(ZOE.encode(charset), f"Content-Type: {kind}; charset={charset}"))
        assert (await arrived(stage, answer))["company"] == "Müller & Söhne"


async def test_a_parts_charset_and_a_parameter_that_differ_are_refused(stage: Stage):
    """In the query or in a field; nobody can say which was meant."""
    body = form(ZOE.encode("cp1252"), "Content-Type: text/csv; charset=cp1252")
    field = '--b\r\nContent-Disposition: form-data; name="charset"\r\n\r\n{}\r\n'
    for answer in (
        await send(stage, body, params={"charset": "utf-8"}),
        await send(stage, field.format("utf-8").encode() + body),
    ):
        problem = is_problem(answer, 422, "invalid_parameter")
        assert [error["field"] for error in problem["errors"]] == ["charset"]
        assert "Content-Type says 'cp1252'" in problem["detail"]
    assert (await send(stage, body, params={"charset": "windows-1252"})).status_code == 202
    assert (await send(stage, field.format("CP1252").encode() + body)).status_code == 202
    unknown = form(LEADS, "Content-Type: text/csv; charset=klingon")
    is_problem(await send(stage, unknown), 415, "unsupported_charset")
    assert (await send(stage, form(LEADS, "Content-Type: text/csv; charset=binary"))).status_code == 202


async def test_marketos_paths_honour_a_parts_charset_too(stage: Stage):
    """It is the same form."""
    body = form(ZOE.encode("cp1252"), "Content-Type: text/csv; charset=cp1252")
    assert (await send(stage, body, MARKETO)).json()["success"]
    await stage.run()
    assert stage.simulator.records("lead")[0]["firstName"] == "Zoë"


@pytest.mark.parametrize("where", chosen(["part", "raw"], "part"))
@pytest.mark.parametrize(
    ("named", "written"),
    [
        ("quoted-printable", lambda plain: quopri.encodestring(plain)),
        ("Quoted-Printable", lambda plain: quopri.encodestring(plain, quotetabs=True)),
        ("base64", lambda plain: base64.encodebytes(plain).replace(b"\n", b"\r\n")),
        ("BASE64", base64.b64encode),
        ("binary", bytes),
        ("8bit", bytes),
        ("text/plain", bytes),
    ],
)
async def test_a_content_transfer_encoding_is_undone(sqlite_url: str, clock, where: str, named: str, written):
    """No line that a mailer wrapped becomes two leads."""
    plain = f"email,firstName,company\nzoe@example.com,Zoë,{'Müller & Söhne ' * 9}\n".encode()
    async with staged(sqlite_url, clock) as stage:
        if where == "part":
            answer = await send(stage, form(written(plain), f"Content-Transfer-Encoding: {named}"))
        else:
            answer = await raw(stage, written(plain), Content_Transfer_Encoding=named)
        assert answer.json()["file"]["sha256"] == hashlib.sha256(plain).hexdigest()
        assert (await arrived(stage, answer))["company"] == ("Müller & Söhne " * 9).strip()


@pytest.mark.parametrize(
    ("named", "status", "code"), [("x-uuencode", 415, "unsupported_encoding"), ("base64", 400, "broken_upload")]
)
async def test_a_transfer_encoding_that_is_none_is_refused(stage: Stage, named: str, status: int, code: str):
    """As unknown, or as not what the bytes are."""
    is_problem(await send(stage, form(LEADS, f"Content-Transfer-Encoding: {named}")), status, code)
    is_problem(await raw(stage, LEADS, Content_Transfer_Encoding=named), status, code)
    body = (await send(stage, form(LEADS, f"Content-Transfer-Encoding: {named}"), MARKETO)).json()
    assert body["errors"][0]["code"] in {"612", "613"}
    assert await stage.holds_nothing()


@pytest.mark.parametrize("pack", chosen([gzip.compress, zstd.compress], zstd.compress), ids=["gz", "zst"])
async def test_a_packed_file_in_a_form_is_simply_unpacked(stage: Stage, pack):
    """Whether its part says so or not, on Marketo's paths too, and in a corrected file."""
    packed = pack(ZOE.encode())
    named = "gzip" if pack is gzip.compress else "zstd"
    for body in (
        form(packed),
        form(packed, f"Content-Encoding: {named}"),
        form(packed, f"Content-Type: application/{named}"),
    ):
        answer = await send(stage, body)
        assert answer.status_code == 202, answer.text
        assert answer.json()["file"]["sha256"] == hashlib.sha256(ZOE.encode()).hexdigest()
        assert (await send(stage, body, MARKETO)).json()["success"]
    import_id = await stage.created(b"email,leadScore\na@example.com,x\n")
    await stage.run()
    mended = form(pack(b"email,leadScore\na@example.com,7\n"))
    assert (await send(stage, mended, f"/v1/imports/{import_id}/retry-failures")).status_code == 202
    is_problem(await send(stage, form(LEADS, "Content-Encoding: gzip")), 400, "broken_upload")
    is_problem(await send(stage, form(LEADS, "Content-Encoding: br")), 415, "unsupported_encoding")
    problem = is_problem(await send(stage, form(pack(packed))), 422, "not_delimited")
    assert "Pack it once only" in problem["detail"]


async def test_a_fields_charset_is_honoured(stage: Stage):
    """Its own, or the one that a field called _charset_ names for all (RFC 7578, 4.6); else UTF-8, and nothing else."""
    label = '--b\r\nContent-Disposition: form-data; name="label"\r\n{}\r\n'
    cp1252 = "Müller".encode("cp1252")

    def body(more: str, value: bytes, before: str = "") -> bytes:
        return before.encode() + label.format(more).encode() + value + b"\r\n" + form(LEADS)

    default = '--b\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\ncp1252\r\n'
    for sent in (
        body("", "Müller".encode()),
        body("Content-Type: text/plain; charset=cp1252\r\n", cp1252),
        body("", cp1252, default),
        body("Content-Transfer-Encoding: base64\r\n", base64.b64encode("Müller".encode())),
    ):
        answer = await send(stage, sent)
        assert answer.status_code == 202, answer.text
        assert answer.json()["label"] == "Müller"
    problem = is_problem(await send(stage, body("", cp1252)), 422, "invalid_parameter")
    assert [error["field"] for error in problem["errors"]] == ["label"]
    assert "not utf-8" in problem["detail"]
    is_problem(
        await send(stage, body("Content-Type: text/plain; charset=klingon\r\n", cp1252)), 422, "invalid_parameter"
    )


async def test_a_media_type_of_tabs_means_tabs(stage: Stage):
    """Raw, and of a part; against a parameter that says otherwise it is not believed."""
    tabs = b"email\tfirstName\na@example.com\tA\n"
    kind = "text/tab-separated-values"
    for answer in (await raw(stage, tabs, Content_Type=kind), await send(stage, form(tabs, f"Content-Type: {kind}"))):
        assert answer.status_code == 202, answer.text
        assert answer.json()["format"] == "tsv"
    answer = await stage.api.post("/v1/imports?format=csv", content=LEADS, headers={"Content-Type": kind})
    assert is_problem(answer, 422, "invalid_parameter")["errors"][0]["field"] == "format"


async def test_a_file_that_says_it_has_no_header_is_refused(stage: Stage):
    """RFC 4180 has a word for it; its first row would be taken for names."""
    problem = is_problem(await raw(stage, LEADS, Content_Type="text/csv; header=absent"), 422, "invalid_parameter")
    assert "no header line" in problem["detail"]
    assert (await raw(stage, LEADS, Content_Type="text/csv; header=present")).status_code == 202


def digest(algorithm: str, content: bytes) -> str:
    return base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


@pytest.mark.parametrize("of", ["request", "part"])
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Digest", "sha-256=:{sha256}:"),
        ("Content-Digest", "sha-512=:{sha512}:, sha-256=:{sha256}:"),
        ("Repr-Digest", "sha-512=:{sha512}:"),
        ("Content-MD5", "{md5}"),
    ],
)
async def test_every_digest_that_is_said_is_held_to_the_bytes(stage: Stage, of: str, header: str, value: str):
    """Of the request as it was sent, or of the file in a form."""

    def said(content: bytes) -> str:
        return value.format(**{name: digest(name, content) for name in ("sha256", "sha512", "md5")})

    for right in (True, False):
        other = LEADS if right else LEADS[:-1]
        if of == "part":
            answer = await send(stage, form(LEADS, f"{header}: {said(other)}"))
        else:
            answer = await stage.api.post(
                "/v1/imports", content=LEADS, headers={"Content-Type": "text/csv", header: said(other)}
            )
        if right:
            assert answer.status_code == 202, answer.text
        else:
            is_problem(answer, 400, "digest_mismatch")
    broken = {"Content-MD5": "x"} if header == "Content-MD5" else {header: "sha-512=:x:"}
    answer = await stage.api.post("/v1/imports", content=LEADS, headers={"Content-Type": "text/csv"} | broken)
    is_problem(answer, 400, "invalid_digest")


async def test_a_part_that_is_shorter_than_it_says_is_broken(stage: Stage):
    """Half of it was lost on the way."""
    problem = is_problem(await send(stage, form(LEADS, "Content-Length: 999")), 400, "broken_upload")
    assert f"says that it has 999 bytes, and has {len(LEADS)}" in problem["detail"]
    assert (await send(stage, form(LEADS, f"Content-Length: {len(LEADS)}"))).status_code == 202


@pytest.mark.parametrize("length", ["9" * 4000, "²"])
async def test_a_length_that_is_no_number_of_bytes_is_no_fault_of_ours(stage: Stage, length: str):
    """Python refuses to read so many digits, by an error of its own."""
    answer = await send(stage, form(LEADS, f"Content-Length: {length}").replace("²".encode(), b"\xb2"))
    assert answer.status_code in {202, 400}, answer.text


@pytest.mark.parametrize(("count", "status"), [(15, 202), (16, 400)])
async def test_a_part_may_have_sixteen_headers(stage: Stage, count: int, status: int):
    """Its name is one of them."""
    answer = await send(stage, form(LEADS, *[f"X-Note-{number}: a" for number in range(count)]))
    assert answer.status_code == status, answer.text
    assert status == 202 or "16 headers" in answer.json()["detail"]


async def test_a_form_within_a_form_is_refused(stage: Stage):
    """Its boundaries would be rows."""
    is_problem(await send(stage, form(LEADS, "Content-Type: multipart/mixed; boundary=c")), 415, "unsupported_media")


async def test_a_header_that_is_given_twice_is_not_half_believed(stage: Stage):
    """gzip and zstd are two, and the first of them would not do."""
    headers = [("Content-Type", "text/csv"), ("Content-Encoding", "gzip"), ("Content-Encoding", "zstd")]
    answer = await stage.api.post("/v1/imports", content=gzip.compress(LEADS), headers=headers)
    is_problem(answer, 415, "unsupported_encoding")


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_file_under_another_name_is_told_its_name(stage: Stage, size: int):
    """However large it is: a field's size is not what is wrong with it."""
    answer = await stage.api.post("/v1/imports", files={"upload": ("a.csv", b"x" * size)})
    problem = is_problem(answer, 422, "no_file")
    assert "'upload' holds one, as it seems: call it `file`; with curl, `-F file=@FILE`" in problem["detail"]
    answer = await stage.api.post("/v1/imports", data={"data": "x" * size}, files={"z": (None, "")})
    assert is_problem(answer, 422, "no_file")
    answer = await stage.api.post("/v1/imports", files={"label": ("a.csv", b"x" * 70_000)})
    assert "'label' holds one" in is_problem(answer, 422, "no_file")["detail"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("application/x-www-form-urlencoded", "`--data-binary @FILE`"),
        ("application/gzip", "Content-Encoding: gzip"),
        ("application/zstd", "Content-Encoding: zstd"),
        ("application/json", "Send CSV"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Save the sheet as CSV"),
        ("image/png", "Send the file as text/csv"),
    ],
)
async def test_a_media_type_that_is_not_taken_is_told_what_to_do_instead(stage: Stage, kind: str, says: str):
    """Each its own."""
    problem = is_problem(await raw(stage, LEADS, Content_Type=kind), 415, "unsupported_media_type")
    assert says in problem["detail"]
