"""A file whose columns have names of their own goes to Marketo under Marketo's names."""

import json
from typing import Any

import pytest

from app.simulator import Rules
from tests.api.problem_answers import is_problem
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

FILE = b"Id,Email Address,First,Score\n1,ada@example.com,Ada,5\n2,bob@example.com,Bob,many\n3,,Cy,7\n"
MAP = {"Email Address": "email", "First": "firstName", "Score": "leadScore", "Id": None}
FIELDS = ["email", "firstName", "leadScore"]


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> Any:
    async with staged(database_url, clock, rules=Rules(keep_jobs=True)) as found:
        yield found


async def created(stage: Stage, content: bytes = FILE, column_map: Any = MAP, **parameters: Any) -> Any:
    return await stage.create(content, column_map=json.dumps(column_map), **parameters)


async def carried(stage: Stage, import_id: int) -> list[list[str]]:
    """What Marketo got: the header and the rows."""
    (part,) = (await stage.api.get(f"/v1/imports/{import_id}/parts")).json()["items"]
    job = stage.simulator.carried(part["batch_id"])
    return [job["header"], *job["rows"]]


async def test_marketo_gets_its_own_names_and_nothing_that_is_left_out(stage: Stage):
    """Counts and row numbers are those of the file; the import says how its columns are called."""
    answer = await created(stage)
    assert answer.status_code == 202, answer.text
    import_id = answer.json()["id"]
    assert answer.json()["column_map"] == MAP
    assert answer.json()["file"]["bytes"] == len(FILE)
    await stage.run()
    assert (await stage.read(import_id))["rows"] | {"warned": 0} == {
        "total": 3,
        "imported": 1,
        "failed": 2,
        "warned": 0,
        "pending": 0,
    }
    assert await carried(stage, import_id) == [
        FIELDS,
        *(["ada@example.com", "Ada", "5"], ["bob@example.com", "Bob", "many"], ["", "Cy", "7"]),
    ]


async def test_failures_are_under_the_names_of_the_file_and_can_be_mended_and_sent_back(stage: Stage):
    """Without the column that was left out, for that was not kept; Marketo's own form has Marketo's names."""
    import_id = (await created(stage)).json()["id"]
    await stage.run()
    path = f"/v1/imports/{import_id}"
    rows = (await stage.api.get(f"{path}/failures")).json()["items"]
    assert [(row["source_row"], row["values"]) for row in rows] == [
        (2, {"Email Address": "bob@example.com", "First": "Bob", "Score": "many"}),
        (3, {"Email Address": "", "First": "Cy", "Score": "7"}),
    ]
    text = (await stage.api.get(f"{path}/failures.csv")).text
    assert text.splitlines()[0] == "Email Address,First,Score,Import Failure Reason,Source Row"
    mended = text.replace("many", "9").replace("\n,Cy", "\ncy@example.com,Cy").encode()
    answer = await stage.api.post(f"{path}/retry-failures", content=mended, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["column_map"] == MAP
    await stage.run()
    assert (await stage.read(answer.json()["id"]))["rows"]["imported"] == 2
    assert await carried(stage, answer.json()["id"]) == [
        *(FIELDS, ["bob@example.com", "Bob", "9"], ["cy@example.com", "Cy", "7"]),
    ]


@pytest.mark.parametrize("way", ["retry", "retry-failures"])
async def test_rows_go_again_as_they_were_sent(stage: Stage, way: str):
    """They are stored under Marketo's names; the map still says what they are called in the file."""
    answer = await created(stage, **({"not_before": "2027-01-01T00:00:00Z"} if way == "retry" else {}))
    path = f"/v1/imports/{answer.json()['id']}"
    if way == "retry":
        await stage.api.post(f"{path}/cancel")
    else:
        await stage.run()
    again = await stage.api.post(f"{path}/{way}")
    assert again.status_code == 202, again.text
    await stage.run()
    rows = (await stage.api.get(f"/v1/imports/{again.json()['id']}/failures")).json()["items"]
    assert [row["source_row"] for row in rows] == [2, 3]
    assert set(rows[0]["values"]) == {"Email Address", "First", "Score"}


@pytest.mark.parametrize(
    ("column_map", "words"),
    [
        ("[]", "not a JSON object"),
        ("email", "not a JSON object"),
        ('[["a", "b"]]', "not a JSON object"),
        ('{"a": 5}', "neither"),
        ('{"a": {"b": null}}', "neither"),
        ('{"a": "x", "a": "y"}', "twice"),
        ('{"a": "email", "b": "Email", "c": ""}', "both go into"),
        ('{"a": "\\u0000"}', "NUL"),
        ("[" * 50_000, "not a JSON object"),
    ],
)
async def test_a_map_that_is_none_is_refused(stage: Stage, column_map: str, words: str):
    """Before the file is looked at."""
    answer = await stage.api.post(
        "/v1/imports", data={"column_map": column_map}, files={"file": ("leads.csv", FILE, "text/csv")}
    )
    problem = is_problem(answer, 422, "invalid_parameter")
    (error,) = problem["errors"]
    assert error["field"] == "column_map"
    assert words in error["message"]


async def test_all_that_is_wrong_with_a_header_and_its_map_comes_at_once(stage: Stage):
    """Columns that are not there, two for one field, a key that is missing, a field that Marketo lacks."""
    column_map = {"Emial": "email", "Nothing": None, "First": "Score", "Id": "noSuchField"}
    problem = is_problem(await created(stage, column_map=column_map), 422, "unknown_column")
    told = " ".join(error["message"] for error in problem["errors"])
    for words in ("'Emial'", "'Nothing'", "both go into 'Score'", "'email' is missing", "noSuchField"):
        assert words in told, words
    assert await stage.holds_nothing()


async def test_a_check_says_into_which_field_each_column_goes(stage: Stage):
    """By its name in the file; what is left out goes into none, and is no mistake."""
    answer = await stage.api.post(
        "/v1/checks", params={"column_map": json.dumps(MAP)}, content=FILE, headers={"Content-Type": "text/csv"}
    )
    body = answer.json()
    assert [(column["name"], column["field"], column["mistake"]) for column in body["columns"]] == [
        *(("Id", None, None), ("Email Address", "email", None)),
        *(("First", "firstName", None), ("Score", "leadScore", None)),
    ]
    assert body["mistakes"] == []
    wrong = await stage.api.post(
        "/v1/checks",
        params={"column_map": json.dumps({"First": "firstNme"})},
        content=FILE,
        headers={"Content-Type": "text/csv"},
    )
    assert {"First"} <= {column["name"] for column in wrong.json()["columns"] if column["mistake"]}
    assert any("firstNme" in mistake["message"] for mistake in wrong.json()["mistakes"])


async def test_the_map_is_part_of_the_request(stage: Stage):
    """The same key with another map is another request."""
    content = {"content": FILE, "headers": {"Content-Type": "text/csv", "Idempotency-Key": "one"}}
    first = await stage.api.post("/v1/imports", params={"column_map": json.dumps(MAP)}, **content)
    assert first.status_code == 202
    again = await stage.api.post("/v1/imports", params={"column_map": json.dumps(MAP)}, **content)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await stage.api.post("/v1/imports", params={"column_map": json.dumps(MAP | {"Id": "x"})}, **content)
    is_problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("format_", ["csv", "tsv", "ssv"])
async def test_every_format_is_mapped_and_a_place_is_told_by_the_files_names(stage: Stage, format_: str):
    """A mistake in the bytes is told with the row and the column of the file."""
    delimiter = {"csv": b",", "tsv": b"\t", "ssv": b";"}[format_]
    bad = FILE.replace(b"Bob", b"B\xffb").replace(b",", delimiter)
    problem = is_problem(await created(stage, bad, format=format_), 422, "bad_bytes")
    assert "Row 2, column 3 (First)" in problem["detail"]
    good = await created(stage, FILE.replace(b",", delimiter), format=format_)
    assert good.status_code == 202, good.text
    await stage.run()
    assert (await stage.read(good.json()["id"]))["rows"]["failed"] == 2
