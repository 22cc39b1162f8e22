"""A corpus of ugly files, each with the answer it must get. The small ones lie in `tests/ugly`."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.stage import Stage
from tests.support.tiers import chosen

FOLDER = Path(__file__).parents[1] / "ugly"

TAKEN: dict[str, tuple[dict[str, str], tuple[int, int, int], dict[str, dict[str, Any]]]] = {
    # file: (parameters, (imported, failed, warned), values that must have arrived, by email)
    "excel-unicode-text.tsv": (
        {"format": "tsv", "charset": "utf-16"},
        (2, 0, 0),
        {"zoe@example.com": {"firstName": "Zoë", "company": 'Köhler "&" Söhne'}},
    ),
    "excel-european.csv": (
        {"format": "ssv", "charset": "cp1252"},
        (2, 0, 0),
        {"zoe@example.com": {"company": "Müller & Co – Käse"}, "jose@example.com": {"company": "€uro"}},
    ),
    "excel-utf8.csv": ({}, (1, 0, 0), {"zoe@example.com": {"firstName": "Zoë"}}),
    "no-final-newline.csv": ({}, (2, 0, 0), {"b@example.com": {"firstName": "B"}}),
    "lone-quote.csv": (
        {},
        (3, 0, 0),
        {"a@example.com": {"company": '5" pipe & 3" hose'}, "c@example.com": {"company": "quoted tail"}},
    ),
    "emoji.csv": ({}, (2, 0, 0), {"flag@example.com": {"firstName": "🇪🇺", "company": "a\n🎉"}}),
    "mixed-line-ends.csv": ({}, (4, 0, 0), {"c@example.com": {"firstName": "C"}}),
    "macintosh.csv": ({}, (2, 0, 0), {"b@example.com": {"firstName": "B"}}),
    "blank-lines.csv": ({}, (2, 0, 0), {"b@example.com": {"firstName": "B"}}),
    "trailing-empty-cells.csv": ({}, (2, 1, 0), {"c@example.com": {"firstName": "C"}}),
    "ragged.csv": ({}, (3, 0, 0), {"b@example.com": {"company": "Co"}, "c@example.com": {"firstName": "C"}}),
    "blanks-in-the-header.csv": ({}, (1, 0, 0), {"a@example.com": {"firstName": "A", "company": "Co"}}),
    "line-breaks-in-cells.csv": (
        {},
        (2, 0, 0),
        {"a@example.com": {"firstName": "A\r\nA"}, "b@example.com": {"company": '"quoted",\n;'}},
    ),
    "repeated.csv": ({}, (4, 0, 0), {"a@example.com": {"firstName": "C"}}),
    "missing-keys.csv": ({}, (2, 2, 0), {"d@example.com": {"firstName": "D"}}),
    "only-bad-rows.csv": ({}, (0, 2, 0), {}),
}
REFUSED: dict[str, tuple[dict[str, str], int, str, str]] = {
    # file: (parameters, status, code, a word of what it says)
    "excel-unicode-text.tsv": ({"format": "tsv"}, 422, "bad_bytes", "The header, column 1"),
    "excel-european.csv": ({"format": "ssv"}, 422, "bad_bytes", "Row 1, column 2 (firstName)"),
    "excel-workbook.xlsx": ({}, 422, "not_delimited", "CSV"),
    "nothing.csv": ({}, 422, "empty_file", "header line"),
    "header-alone.csv": ({}, 422, "no_rows", "nothing to import"),
    "unclosed-quote.csv": ({}, 422, "unclosed_quote", "row 2, column 2"),
    "nul-bytes.csv": ({}, 422, "nul_byte", "Row 2, column 2 (firstName)"),
    "semicolons.csv": ({}, 422, "missing_column", "format=ssv"),
    "tabs.csv": ({}, 422, "missing_column", "format=tsv"),
    "doubled-column.csv": ({}, 422, "duplicate_column", "email"),
    "nameless-column.csv": ({}, 422, "blank_column", "Column 2"),
    "error-page.csv": ({}, 422, "not_delimited", "web page"),
    "packed-and-not-said.csv": ({}, 422, "not_delimited", "Content-Encoding: gzip"),
    "half-a-character.csv": ({}, 422, "bad_bytes", "Row 1, column 2 (firstName)"),
}


def test_every_file_of_the_corpus_has_its_answer():
    """And every answer its file."""
    assert {path.name for path in FOLDER.iterdir()} == TAKEN.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", chosen(TAKEN, *list(TAKEN)[::3]))
async def test_an_ugly_file_is_imported_as_it_was_meant(stage: Stage, name: str):
    """Every row accounted for, each failure with its row, and the values as they were written."""
    parameters, counts, arrived = TAKEN[name]
    import_id = await stage.created((FOLDER / name).read_bytes(), **parameters)
    await stage.run()
    told = await stage.read(import_id)
    assert told["status"] == "complete"
    assert tuple(told["rows"][count] for count in ("imported", "failed", "warned")) == counts
    assert told["rows"]["pending"] == 0
    assert told["attention"] is None
    answer = await stage.api.get(f"/v1/imports/{import_id}/failures", headers={"Accept": "application/json"})
    assert [row["source_row"] for row in answer.json()["items"]].count(None) == 0
    assert len(answer.json()["items"]) == counts[1]
    records = {record["email"].lower(): record for record in stage.simulator.records("lead")}
    for email, values in arrived.items():
        assert values.items() <= records[email].items()


@pytest.mark.parametrize("name", REFUSED)
async def test_an_ugly_file_that_cannot_be_meant_is_refused_with_what_to_do(stage: Stage, name: str):
    """Where it is, why, and nothing is kept."""
    parameters, status, code, word = REFUSED[name]
    answer = await stage.create((FOLDER / name).read_bytes(), **parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert word in answer.json()["detail"]
    assert (await stage.api.get("/v1/imports")).json()["items"] == []


def wide(columns: int) -> bytes:
    names = ["email", *(f"c{n}" for n in range(columns - 1))]
    rows = [[f"p{row}@example.com", *["v"] * (columns - 1)] for row in range(5)]
    return "\n".join(",".join(line) for line in [names, *rows]).encode()


async def test_two_thousand_columns_are_cut_and_sent(stage: Stage):
    """Whether Marketo has so many fields is for Marketo to say: it names the first that it does not know."""
    answer = await stage.create(wide(2_000))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_header")
    assert answer.json()["errors_total"] == 1_999
    import_id = await stage.created(wide(2_000), preflight="off")
    await stage.run()
    told = await stage.read(import_id)
    assert (told["status"], told["error"]["marketo_code"]) == ("failed", "1006")


async def test_a_cell_of_nine_megabytes_goes_through(stage: Stage):
    """As long as the record fits into a part; and the next row goes into the next one."""
    cell = b'"' + b'x""\n' * 2_300_000 + b'"'
    content = b"email,company\na@example.com," + cell + b"\nb@example.com," + b"y" * 900_000 + b"\n"
    import_id = await stage.created(content)
    assert [part["rows"] for part in await stage.parts(import_id)] == [1, 1]
    await stage.run()
    assert (await stage.read(import_id))["rows"]["imported"] == 2
    records = {record["email"]: record["company"] for record in stage.simulator.records("lead")}
    assert records["a@example.com"] == 'x"\n' * 2_300_000 or records["a@example.com"] == ('x"\n' * 2_300_000).strip()


async def test_a_cell_of_ten_megabytes_is_refused_with_its_row(stage: Stage):
    """Marketo would take no part that holds it."""
    content = b"email,company\na@example.com,A\nb@example.com," + b"y" * 10_000_000 + b"\n"
    answer = await stage.create(content)
    assert (answer.status_code, answer.json()["code"]) == (422, "record_too_large")
    assert answer.json()["errors"][0]["row"] == 2
