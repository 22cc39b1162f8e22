"""An import as the API shows it."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.api.schemas.imports import Import, LeftOutRows, PartCounts
from app.domain import imports as domain
from app.domain.imports import ImportStatus, LeftOut, Remaining, Request, SourceFile
from app.domain.lifecycle import PartState
from app.domain.objects import CustomObject, Leads, Target
from app.domain.parts import Rows
from app.reporting.imports import ImportView

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def shown(target: Target | None = None, **fields: Any) -> dict[str, Any]:
    """An import of a hundred rows, with these fields, as JSON."""
    import_ = domain.Import(
        id=7,
        request=Request(target=target or Leads(list_id=3), client="crm", file_name="a.csv"),
        status=ImportStatus.IMPORTING,
        file=SourceFile(name="a.csv", size_bytes=900, sha256="ab", rows=100),
        rows=Rows(100, imported=33, failed=1, warned=2),
        parts=Counter({PartState.COMPLETE: 1, PartState.WAITING: 2}),
        remaining=Remaining(),
        attention=None,
        error=None,
        cancel_requested_at=None,
        created_at=NOON,
        started_at=None,
        finished_at=None,
        retry_of=None,
    )
    view = ImportView(replace(import_, **fields), estimated_finish_at=None, next_look_seconds=5)
    return Import.of(view).model_dump(mode="json")


def test_the_parameters_of_all_types_are_fields_and_those_of_others_are_null():
    """A caller need not know the type to read the answer."""
    leads = shown()
    assert (leads["object_type"], leads["lookup_field"], leads["list_id"]) == ("lead", "email", 3)
    assert (leads["object_name"], leads["dedupe_fields"], leads["program_id"]) == (None, None, None)
    cars = shown(CustomObject("car_c", ("vin",)))
    assert (cars["object_name"], cars["dedupe_fields"], cars["lookup_field"]) == ("car_c", ["vin"], None)


def test_rows_add_up_and_progress_is_their_settled_share():
    """1 when the import is finished, whatever was not processed."""
    assert shown()["rows"] == {"total": 100, "imported": 33, "failed": 1, "warned": 2, "pending": 66}
    assert shown()["progress"] == 0.34
    assert shown(status=ImportStatus.CANCELLED)["progress"] == 1.0


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ("waiting", "waiting"),
        ("submitting", "at_marketo"),
        ("unconfirmed", "at_marketo"),
        ("queued", "at_marketo"),
        ("importing", "at_marketo"),
        ("collecting", "at_marketo"),
        ("complete", "complete"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_part_is_counted_where_it_stands(state: str, field: str):
    """Once, and in the total."""
    counted = PartCounts.of(Counter({PartState(state): 2})).model_dump()
    assert {name for name, count in counted.items() if count == 2} == {"total", field}
    assert sum(counted.values()) == 4


def test_rows_that_are_not_in_a_retry_are_counted_with_their_reasons():
    """Where nothing was left out, nothing is said."""
    assert LeftOutRows.of(None) is None
    out = LeftOutRows.of(LeftOut(not_placed=1, superseded=2))
    assert out
    assert (out.rows, out.not_placed, out.superseded, out.not_known_yet) == (3, 1, 2, 0)
    assert out.reason.startswith("1 row: not found among the uploaded rows")
    assert "2 rows: a later row of the same key" in out.reason


def test_links_and_times_are_as_the_contract_has_them():
    """In UTC, to the millisecond."""
    assert shown()["created_at"] == "2026-11-23T12:00:00.000Z"
    assert shown()["links"]["failures"] == "/v1/imports/7/failures"
