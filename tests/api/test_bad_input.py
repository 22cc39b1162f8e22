"""Bad input: the right status, a problem that says what to do, and nothing left behind."""

import pytest

from tests.api.bad_files import BAD_FILES
from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.order import in_order
from tests.support.stage import Stage


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_file_that_cannot_be_imported_is_refused_with_what_to_do(stage: Stage, name: str):
    """Before it is queued, and with nothing kept of it."""
    content, status, code, word = BAD_FILES[name]
    problem = is_problem(await stage.create(content), status, code)
    assert word in problem["detail"]
    assert await stage.holds_nothing()


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


async def test_an_instance_that_is_none_is_told_those_that_are(stage: Stage):
    """By a code of its own."""
    problem = is_problem(await stage.create(LEADS, instance="sandbox"), 422, "unknown_instance")
    assert problem["errors"] == [{"field": "instance", "message": "use one of: default"}]


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


async def test_a_file_over_the_limit_is_refused_while_it_arrives(stage: Stage):
    """413 also where no length was announced, with parts of it stored already; nothing is kept."""
    object.__setattr__(stage.container.intake.limits, "file_bytes", 3_000_000)
    object.__setattr__(stage.container.intake.limits, "part_bytes", 1_000_000)

    async def body():
        yield b"email,company\n"
        for n in range(4000):
            yield b"%d@example.com," % n + b"x" * 1000 + b"\n"

    answer = await stage.api.post("/v1/imports", content=body(), headers={"Content-Type": "text/csv"})
    problem = is_problem(answer, 413, "file_too_large")
    assert "3000000 bytes" in problem["detail"]
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
