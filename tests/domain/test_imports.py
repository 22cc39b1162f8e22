"""What is derived of an import: status and counts."""

import pytest

from app.domain.imports import status_of
from app.domain.lifecycle import PartState


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
    assert status_of({PartState(s): 1 for s in states}) == status
