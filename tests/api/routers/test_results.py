"""Failed and warned rows: as pages, as a file, and by reason."""

from typing import Any

import pytest

from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage

MIXED = (
    b"email,leadScore\n"
    + b"".join(b"p%d@example.com,%s\n" % (n, b"many" if n % 3 else b"1") for n in range(9))
    + b",2\n"
)
BOM = b"\xef\xbb\xbf"


async def imported(stage: Stage, content: bytes, **parameters: Any) -> str:
    """The path of an import that is finished."""
    import_id = await stage.created(content, **parameters)
    await stage.run()
    return f"/v1/imports/{import_id}"


async def test_the_paging_of_a_file_is_looked_at_too(stage: Stage):
    """A typing error must not go unnoticed, though a file has no pages."""
    import_id = await stage.created(LEADS)
    answer = await stage.api.get(
        f"/v1/imports/{import_id}/failures", params={"page_size": "201"}, headers={"Accept": "text/csv"}
    )
    is_problem(answer, 422, "invalid_parameter")


async def pages(stage: Stage, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of all pages."""
    rows: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = await stage.api.get(path, params=parameters | token)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["items"]
        token = {"page_token": answer.json()["next_page_token"]}
        if not token["page_token"]:
            return rows


async def test_results_page_as_json_in_source_order(stage: Stage):
    """Every failed row once, by pages; JSON needs not be asked for."""
    content = b"email,leadScore\n" + b"".join(b"p%d@example.com,many\n" % n for n in range(25))
    path = await imported(stage, content)
    rows = await pages(stage, f"{path}/failures", page_size=10)
    assert [row["source_row"] for row in rows] == list(range(1, 26))


async def test_reasons_come_with_their_numbers_and_the_rows_of_one_can_be_asked_for(stage: Stage):
    """The most frequent first; together they are all failed rows, and each row is with its reason alone."""
    path = await imported(stage, MIXED)
    counted = (await stage.api.get(f"{path}/failures/reasons")).json()
    assert [(item["rows"], item["first_source_row"]) for item in counted["items"]] == [(6, 2), (1, 10)]
    assert counted["reasons_total"] == 2
    for item, places in zip(counted["items"], ([2, 3, 5, 6, 8, 9], [10]), strict=True):
        rows = await pages(stage, f"{path}/failures", page_size=4, reason=item["reason"])
        assert [row["source_row"] for row in rows] == places
        assert {row["reason"] for row in rows} == {item["reason"]}
    start = counted["items"][0]["reason"][:-1]
    assert await pages(stage, f"{path}/failures", reason=start) == [], "exactly this reason"


async def test_a_file_that_accept_asks_for_has_one_reason_where_one_is_named(stage: Stage):
    """What is asked for is never passed over."""
    path = await imported(stage, MIXED)
    reason = (await stage.api.get(f"{path}/failures/reasons")).json()["items"][1]["reason"]
    answer = await stage.api.get(f"{path}/failures", params={"reason": reason}, headers={"Accept": "text/csv"})
    assert answer.text.splitlines() == [
        "email,leadScore,Import Failure Reason,Source Row",
        f",2,{reason},10",
    ]


async def test_warnings_have_their_own_reasons_and_their_own_file(stage: Stage):
    """Those of pre-flight among them."""
    path = await imported(stage, b"email,country\nada@example.com,Atlantis\nbob@example.com,Norway\n", preflight="rows")
    warned = (await stage.api.get(f"{path}/warnings")).json()["items"]
    counted = (await stage.api.get(f"{path}/warnings/reasons")).json()["items"]
    assert sorted((row["reason"], 1) for row in warned) == sorted((item["reason"], item["rows"]) for item in counted)
    text = (await stage.api.get(f"{path}/warnings.csv")).text
    assert text.splitlines()[0] == "email,country,Import Warning Reason,Source Row"
    assert len(text.splitlines()) == 1 + len(warned)
    assert (await stage.api.get(f"{path}/failures/reasons")).json() == {"items": [], "reasons_total": 0}


@pytest.mark.parametrize("bom", ["true", "false", None])
async def test_a_byte_order_mark_for_excel(stage: Stage, bom: str | None):
    """Only where it is asked for; and the file may be sent back with it, mended."""
    path = await imported(stage, MIXED)
    answer = await stage.api.get(f"{path}/failures.csv", params={"bom": bom} if bom else {})
    assert answer.content.startswith(BOM) == (bom == "true")
    assert answer.content.removeprefix(BOM).startswith(b"email,leadScore,Import Failure Reason,Source Row\n")
    mended = answer.content.replace(b"many", b"3")
    sent = await stage.api.post(f"{path}/retry-failures", content=mended, headers={"Content-Type": "text/csv"})
    assert sent.status_code == 202, sent.text
    assert sent.json()["rows"]["total"] == 7


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("failures.csv", "bom=yes"),
        ("failures.csv", "reason=x"),
        ("failures.csv", "page_size=5"),
        ("failures", "bom=true"),
        ("failures", "reason=%00"),
        ("failures/reasons", "page_size=5"),
    ],
)
async def test_a_parameter_that_would_do_nothing_is_refused(stage: Stage, path: str, parameter: str):
    """A slip must not go unnoticed."""
    import_id = await stage.created(LEADS)
    is_problem(await stage.api.get(f"/v1/imports/{import_id}/{path}?{parameter}"), 422, "invalid_parameter")


@pytest.mark.parametrize("path", ["failures", "failures.csv", "failures/reasons", "warnings.csv", "warnings/reasons"])
async def test_erased_results_are_gone_in_every_form(stage: Stage, path: str):
    """Never an empty answer: that would say that no row was rejected."""
    import_path = await imported(stage, MIXED)
    assert (await stage.api.delete(import_path)).status_code == 204
    is_problem(await stage.api.get(f"{import_path}/{path}"), 410, "results_erased")
