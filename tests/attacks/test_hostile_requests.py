"""What a caller with a key may ask: bounded, told what is wrong, and never a fault of the service's own."""

import base64
import json
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest

from app.api.app import create_app
from app.domain.errors import BadFile
from app.domain.formats import Format
from app.files.corrected_file import Corrected
from app.files.cutting import Cutter
from app.web.import_parameters import KNOWN
from app.web.parameter_names import only
from tests.story.files import CARS, LEADS, MEMBERS
from tests.support.fixtures import stage
from tests.support.growth import calls
from tests.support.order import in_order
from tests.support.stage import Stage
from tests.support.statements import statements
from tests.support.tiers import chosen

__all__ = ["stage"]
DIGITS = "1" * 5000
DEEP = "[" * 50_000


async def refused(stage: Stage, code: str, content: Any, **parameters: Any) -> dict[str, Any]:
    answer = await stage.api.post(
        "/v1/imports", content=content, params=parameters, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 422, answer.text
    assert len(answer.content) < 50_000
    told: dict[str, Any] = answer.json()
    assert told["code"] == code
    return told


def header(columns: int) -> bytes:
    return b"email," + b",".join(b"c%d" % n for n in range(columns - 1)) + b"\n"


async def test_a_file_may_have_two_thousand_columns(stage: Stage):
    """One more is refused, and nothing of it is kept."""
    answer = await refused(stage, "too_many_columns", header(2001) + b"a@example.com\n", preflight="off")
    assert "2000 columns" in answer["detail"]
    assert await stage.holds_nothing()
    await stage.created(header(2000) + b"a@example.com\n", preflight="off")


@pytest.mark.parametrize("form", chosen(["csv", "tsv"], "csv"))
async def test_a_header_that_goes_on_and_on_is_refused_before_it_has_ended(stage: Stage, form: str):
    """400,000 columns were read, kept, and read again for every list."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"c,\t" * 100_000

    async with in_order(stage.container) as (api, log):
        answer = await api.post(f"/v1/imports?format={form}", content=body(), headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_columns")
    assert log.index("answer") < 10, "of a hundred pieces"
    assert await stage.holds_nothing()


async def test_a_name_of_a_column_is_no_longer_than_a_field_s(stage: Stage):
    """It would stand in the header of every part, and in every row of a page of failures."""
    long = b"email," + b"x" * 256 + b"\na@example.com,b\n"
    assert (await refused(stage, "column_name_too_long", long, preflight="off"))["errors"][0]["field"] == "2"
    assert await stage.holds_nothing()
    await stage.created(long.replace(b"x" * 256, b"x" * 255), preflight="off")


def test_a_corrected_file_may_have_our_columns_besides():
    """2,000 of its own: our three are left out before they are counted."""
    corrected = [
        header(columns)[:-1] + b",Import Failure Reason,Source Row\na@example.com\n" for columns in (2000, 2001)
    ]
    for content, wanted in zip(corrected, (2000, None), strict=True):
        file = Corrected(",", limit_bytes=9_900_000)
        cutter = Cutter(format=Format.CSV, limit_bytes=9_900_000, key_columns=("email",), numbers=file.numbers)
        if wanted:
            list(cutter.feed(file.feed(content) + file.finish()))
            assert len(cutter.columns) == wanted
        else:
            with pytest.raises(BadFile) as refusal:
                list(cutter.feed(file.feed(content) + file.finish()))
            assert refusal.value.code == "too_many_columns"
    with pytest.raises(BadFile):
        Corrected(",", limit_bytes=9_900_000).feed(b"c," * 3000)


async def test_a_missing_column_is_told_beside_a_few_that_are_there(stage: Stage):
    """Not beside half a megabyte of them."""
    answer = await refused(stage, "missing_column", header(2000)[6:] + b"a\n", preflight="off")
    assert "c19 and 1979 more" in answer["detail"]


async def test_a_problem_lists_a_hundred_mistakes_and_says_how_many_there_are(stage: Stage):
    """Of a header that Marketo has none of."""
    answer = await refused(stage, "invalid_header", header(2000) + b"a@example.com\n")
    assert (len(answer["errors"]), answer["errors_total"]) == (100, 1999)
    assert "And 1994 more" in answer["detail"]


async def test_names_that_nobody_knows_are_bounded_too(stage: Stage):
    """2,000 of them kept everybody waiting while each was compared with all that are known."""
    answer = await stage.api.get("/v1/imports", params={f"strange{n}": "x" for n in range(2000)})
    body = answer.json()
    assert (answer.status_code, len(body["errors"]), body["errors_total"]) == (422, 100, 2000)
    assert len(answer.content) < 50_000
    few, many = [f"strange{n}" for n in range(200)], [f"strange{n}" for n in range(2000)]
    assert calls(lambda: only(many, KNOWN)) < 3 * calls(lambda: only(few, KNOWN))
    assert calls(lambda: only(["priorit" * 10_000], KNOWN)) < 100


async def test_a_long_value_is_quoted_by_its_beginning(stage: Stage):
    """Whatever is wrong with it."""
    for name in ("priority", "format", "not_before", "preflight", "list_id"):
        told = await refused(stage, "invalid_parameter", LEADS, **{name: "9" * 30_000})
        assert len(json.dumps(told)) < 2000
    answer = await stage.api.post(f"/v1/imports?label={'a' * 9000}&label={'b' * 9000}", content=LEADS)
    assert answer.status_code == 422
    assert len(answer.content) < 2000


async def test_a_json_body_full_of_strange_names_is_answered_as_briefly(stage: Stage):
    """Each is a mistake of its own to whoever reads the body."""
    answer = await stage.api.post("/v1/instances/default/pause", json={f"x{n}": 1 for n in range(3000)})
    assert (answer.status_code, len(answer.json()["errors"]), answer.json()["errors_total"]) == (422, 100, 3000)
    assert len(answer.content) < 50_000


async def test_no_list_reads_what_it_does_not_show(stage: Stage):
    """The columns of a file, which may be half a megabyte for each import, stand in no answer but its failures."""
    import_id = await stage.created(header(2000) + b"a@example.com\n", preflight="off")
    paths = ["", f"/{import_id}", f"/{import_id}/parts", f"/{import_id}/events", "?status=queued", "?attention=true"]
    with statements(stage.container.db) as sent:
        for path in paths:
            assert (await stage.api.get(f"/v1/imports{path}")).status_code == 200
        for path in ("/v1/status", "/metrics", "/v1/instances"):
            assert (await stage.api.get(path)).status_code == 200
    assert len(sent) > 10
    assert [item for item in sent if "import.columns" in item or "part_file.blob" in item] == []


async def test_a_page_of_large_rows_ends_sooner(stage: Stage):
    """A row may be as large as a part: two hundred of them were two gigabytes. All of them come, page by page."""
    rows = b"".join(b"no-address-%d,%s\n" % (n, b"x" * 300_000) for n in range(1, 9))
    import_id = await stage.created(b"email,firstName\n" + rows, preflight="rows")
    path, token, seen = f"/v1/imports/{import_id}/warnings", None, []
    while token or not seen:
        asked = {"page_size": 200} | ({"page_token": token} if token else {})
        page = (await stage.api.get(path, params=asked, headers={"Accept": "application/json"})).json()
        assert 0 < len(page["items"]) <= 4
        seen += [row["source_row"] for row in page["items"]]
        token = page["next_page_token"]
    assert seen == list(range(1, 9))
    file = (await stage.api.get(f"{path}.csv")).text
    assert [line.partition(",")[0] for line in file.splitlines()[1:]] == [f"no-address-{n}" for n in range(1, 9)]


NUMBERS = [
    ("GET", f"/v1/imports/{DIGITS}", 404),
    ("GET", f"/v1/imports/{DIGITS}/parts", 404),
    ("POST", f"/v1/imports/{DIGITS}/cancel", 404),
    ("POST", f"/v1/imports/1/parts/{DIGITS}/resolve", 422),
    ("GET", f"/v1/imports?page_size={DIGITS}", 422),
    ("GET", f"/v1/imports?page_token={DIGITS}", 422),
    ("GET", f"/v1/imports?created_after={DIGITS}", 422),
    ("GET", f"/v1/imports/1?wait={DIGITS}", 422),
    ("GET", f"/bulk/v1/leads/batch/{DIGITS}.json", 200),
    ("GET", f"/bulk/v1/customobjects/car_c/import/{DIGITS}/status.json", 200),
]


async def test_a_number_of_5000_digits_is_one_that_there_is_not(stage: Stage):
    """Python refuses to read it, by an error that was a fault of ours."""
    await stage.created(LEADS)
    for method, path, status in NUMBERS:
        body = {"json": {"outcome": "resubmit"}} if path.endswith("resolve") else {}
        answer = await stage.api.request(method, path, **body)
        assert answer.status_code == status, answer.text
        assert len(answer.content) < len(path) + 500
        if "/bulk/" in path:
            assert answer.json()["errors"][0]["code"] == "1013"


async def test_a_parameter_of_5000_digits_or_depths_is_wrong(stage: Stage):
    """In a form, where the longest value may stand."""
    values = (DIGITS, f"[{DIGITS}]", DEEP, '{"a":' * 10_000, '{"a": ' + DIGITS + "}")
    for name, value in product(("priority", "list_id", "program_id", "not_before", "metadata"), values):
        kind = {"object_type": "program_member", "program_member_status": "On List"} if name == "program_id" else {}
        answer = await stage.api.post("/v1/imports", data={name: value} | kind, files={"file": ("a.csv", LEADS)})
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [name]
    assert await stage.holds_nothing()


async def test_a_page_token_of_5000_digits_or_depths_is_none_of_ours(stage: Stage):
    """It is read as JSON."""
    for token in (f"[{DIGITS}]", DEEP[:30_000], '{"a":' * 6000, f"[{DIGITS}, 1]", "[1e5000]", "[NaN]"):
        written = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
        answer = await stage.api.get("/v1/imports", params={"page_token": written})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == "page_token"


async def test_a_json_body_of_5000_digits_or_depths_is_the_caller_s_mistake(stage: Stage):
    """Where a person pauses or decides."""
    await stage.created(LEADS)
    bodies = (DEEP, '{"reason":' * 6000, '{"reason": ' + DIGITS + "}", '{"reason": NaN}', DIGITS)
    for path, body in product(("/v1/instances/default/pause", "/v1/imports/1/parts/1/resolve"), bodies):
        answer = await stage.api.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, answer.text


async def test_a_length_of_5000_digits_is_too_large(stage: Stage):
    """Behind a server that passes it on."""
    app, sent = create_app(stage.container), []
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/imports", "query_string": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message.get("status"))

    for length in (DIGITS, "9" * 19):
        headers = {"content-type": "text/csv", "content-length": length, "host": "localhost"}
        sent.clear()
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await app(scope | {"state": {}, "headers": named}, receive, send)
        assert sent[0] == 413


BAD_NAMES = [
    "..",
    ".",
    "../x",
    "car_c/../x",
    "a/b",
    "a\\b",
    "%2e%2e",
    "a?b",
    "a#b",
    "car c",
    "-a",
    "é",
    "a\x1b[2J",
    "a\nb",
]


async def test_a_name_that_becomes_part_of_a_path_is_an_identifier(stage: Stage):
    """`object_name=..` reached Marketo as another path."""
    car = {"object_type": "custom_object", "format": "ssv"}
    for name in BAD_NAMES:
        for content, wrong, others in (
            (CARS, {"object_name": name}, car),
            (CARS, {"dedupe_fields": f"vin,{name}"}, car | {"object_name": "car_c"}),
        ):
            told = await refused(stage, "invalid_parameter", content, **wrong, **others)
            assert [error["field"] for error in told["errors"]] == list(wrong)
    for name in ("%2E%2E", "%252e%252e", "a%2fb", "car%20c"):
        path = f"/bulk/v1/customobjects/{name}/import.json"
        answer = await stage.api.post(path, files={"file": ("cars.ssv", CARS)}, data={"format": "ssv"})
        assert answer.json()["errors"][0]["code"] in {"1001", "610", "605"}, "nor one in a path of Marketo's own"
    assert stage.asked == [], "Marketo is asked nothing"
    assert await stage.holds_nothing()


async def test_a_name_that_people_gave_has_no_control_characters(stage: Stage):
    """A partition or a status of a program: free text, but for these."""
    kind = {"object_type": "program_member", "program_id": 1001, "format": "tsv"}
    for name in ("a\x1b[2J", "a\nb", "a\u202eb", "a\x9bb"):
        for named in ("partition_name", "lookup_field"):
            answer = await refused(stage, "invalid_parameter", LEADS, **{named: name})
            assert [error["field"] for error in answer["errors"]] == [named]
        answer = await refused(stage, "invalid_parameter", MEMBERS, program_member_status=name, **kind)
        assert [error["field"] for error in answer["errors"]] == ["program_member_status"]


async def test_names_as_marketo_has_them_are_taken(stage: Stage):
    """Letters, digits, _ and -; and in what people named, nearly everything."""
    await stage.created(b"My_Field-2\na\n", lookup_field="My_Field-2", preflight="off")
    await stage.created(LEADS, partition_name="Größe & Söhne (EU) / 名簿")
    await stage.created(CARS, object_type="custom_object", object_name="car_c", dedupe_fields=" vin ", format="ssv")
