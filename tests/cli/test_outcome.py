"""What is shown of an import that has ended."""

import json

import httpx
import pytest

from app.api.openapi import examples
from app.cli import outcome

ROWS = {"total": 40, "imported": 10, "failed": 30, "warned": 0, "pending": 0}
DONE = examples.IMPORT | {"status": "complete", "rows": ROWS, "error": None}


def answers(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("/reasons"):
        reasons = [{"reason": f"Reason {n}", "rows": 30 - n, "first_source_row": n or None} for n in range(12)]
        return httpx.Response(200, json={"items": reasons, "reasons_total": 1_200})
    size = int(request.url.params["page_size"])
    rows = [{"source_row": n + 1, "reason": "Reason 0", "values": {"email": f"p{n}@example.com"}} for n in range(size)]
    return httpx.Response(200, json={"items": rows, "next_page_token": "more"})


def test_reasons_are_counted_and_the_first_rows_are_shown(capsys: pytest.CaptureFixture[str]):
    """With how much there is beside, and the commands to go on with."""
    with httpx.Client(transport=httpx.MockTransport(answers), base_url="http://127.0.0.1") as client:
        outcome.show(client, DONE, as_json=False)
        shown = capsys.readouterr().out
        for said in ("Reason 9", "… and 1,190 more reasons", "p19@example.com", "… and 10 more"):
            assert said in shown
        assert "Reason 10" not in shown
        assert "p20@example.com" not in shown
        assert "sluice retry 42 --failures mended.csv" in shown
        outcome.show(client, DONE, as_json=True)
        assert json.loads(capsys.readouterr().out) == DONE


def test_all_is_well_only_where_every_row_was_taken():
    """Rows that failed are no success, nor is an import that was cancelled."""
    good = DONE | {"rows": ROWS | {"failed": 0}}
    assert outcome.has_gone_well(good)
    assert not outcome.has_gone_well(DONE)
    assert not outcome.has_gone_well(good | {"status": "cancelled"})
