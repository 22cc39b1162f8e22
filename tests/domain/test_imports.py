"""What is derived of an import: status and counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.imports import status_of
from app.domain.lifecycle import State
from app.domain.parts import Rows


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (["waiting"], "queued"),
        (["waiting", "submitting"], "importing"),
        (["unconfirmed"], "importing"),
        (["complete", "waiting"], "importing"),
        (["collecting"], "importing"),
        (["complete"], "complete"),
        (["complete", "failed"], "failed"),
        (["complete", "cancelled"], "cancelled"),
        (["cancelled", "failed"], "failed"),
        (["failed", "importing"], "importing"),
    ],
)
def test_an_import_stands_where_its_parts_let_it_stand(states: list[str], status: str):
    """Finished only when every part has ended; failed as soon as one of them has then failed."""
    assert status_of({State(s): 1 for s in states}) == status


@given(
    total=st.integers(0, 10**6),
    imported=st.integers(0, 10**7),
    failed=st.integers(0, 10**7),
    warned=st.integers(0, 10**7),
)
def test_rows_always_add_up_whatever_marketo_claims(total: int, imported: int, failed: int, warned: int):
    """imported + failed + pending = total, and none of them is negative."""
    rows, too_many = Rows.counted(total, imported=imported, failed=failed, warned=warned)
    assert too_many == (rows != Rows(total, imported, failed, warned))
    assert rows.imported + rows.failed + rows.pending == total
    assert min(rows.imported, rows.failed, rows.pending, rows.warned) >= 0
    assert rows.warned <= total
