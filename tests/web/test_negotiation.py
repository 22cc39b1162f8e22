"""Accept: in which form an answer comes."""

import pytest
from starlette.requests import Request

from app.web.negotiation import preferred
from tests.story.files import LEADS_WITH_TROUBLE
from tests.support.stage import Stage

CSV, TSV, JSON = "text/csv", "text/tab-separated-values", "application/json"


@pytest.mark.parametrize(
    ("accept", "liked"),
    [
        ([], CSV),
        (["*/*"], CSV),
        ([""], CSV),
        (["image/png"], CSV),
        ([JSON], JSON),
        (["Application/JSON"], JSON),
        (["application/*"], JSON),
        (["application/json, text/plain, */*"], JSON),
        (["application/json;q=0.5, text/csv"], CSV),
        (["text/csv;q=0.5, application/json"], JSON),
        (["text/csv; charset=utf-8; q=0.2, application/json; q=0.3"], JSON),
        (["application/json;q=0"], CSV),
        (["application/json;q=0, */*"], CSV),
        (["text/csv;q=0, */*"], JSON),
        (["application/json;q=x, */*;q=0.1"], CSV),
        (["application/json, text/csv"], JSON),
        (["text/csv, application/json"], CSV),
        (["image/png", JSON], JSON),
        (["application/jsonl"], CSV),
    ],
)
def test_the_form_is_the_one_that_is_liked_best(accept: list[str], liked: str):
    """By weight; then by how exactly it is named; then by which comes first."""
    headers = [(b"accept", item.encode()) for item in accept]
    assert preferred(Request({"type": "http", "headers": headers}), CSV, JSON) == liked


@pytest.mark.parametrize("name", ["failures", "warnings"])
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", JSON),
        ("image/png", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("application/JSON", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("text/csv, application/json;q=0.9", CSV),
        (TSV, CSV),
    ],
)
async def test_results_come_as_they_are_asked_for(stage: Stage, name: str, accept: str, media_type: str):
    """JSON, unless a delimited type is named: then the file, as its import has it. Both say what they vary with."""
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    answer = await stage.api.get(f"/v1/imports/{import_id}/{name}", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == media_type
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    ("format_", "media_type"),
    [("csv", f"{CSV}; charset=utf-8"), ("ssv", f"{CSV}; charset=utf-8"), ("tsv", f"{TSV}; charset=utf-8")],
)
async def test_a_failures_file_has_the_media_type_of_the_imports_format(stage: Stage, format_: str, media_type: str):
    """There is none for semicolons."""
    delimiter = {"csv": b",", "ssv": b";", "tsv": b"\t"}[format_]
    content = b"email,leadScore\nann@example.com,many\n".replace(b",", delimiter)
    import_id = await stage.created(content, format=format_)
    await stage.run()
    headers = {"Accept": "application/json"}  # this path has the file, and nothing else
    answer = await stage.api.get(f"/v1/imports/{import_id}/failures.csv", headers=headers)
    assert answer.headers["content-type"] == media_type
    assert "vary" not in answer.headers
    assert answer.headers["content-disposition"] == f'attachment; filename="failures-{import_id}.{format_}"'
    assert answer.content.count(b"\n") == 2
    assert answer.content.splitlines()[1].startswith(b"ann@example.com" + delimiter + b"many" + delimiter)
