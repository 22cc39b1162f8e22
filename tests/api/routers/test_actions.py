"""What people ask for, over HTTP."""

import pytest

from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage


@pytest.mark.parametrize("path", ["/v1/imports/1/cancel", "/v1/imports/1/parts/1/resolve"])
async def test_what_comes_too_late_is_a_wrong_state(stage: Stage, path: str):
    """A finished import is not cancelled, and a part that is confirmed is not decided."""
    await stage.created(LEADS)
    await stage.run()
    body = {"json": {"outcome": "resubmit"}} if path.endswith("resolve") else {}
    is_problem(await stage.api.post(path, **body), 409, "wrong_state")


async def test_a_retry_takes_no_corrected_file(stage: Stage):
    """It would be passed over; where it goes is said."""
    import_id = await stage.created(LEADS)
    await stage.api.post(f"/v1/imports/{import_id}/cancel")
    answer = await stage.api.post(f"/v1/imports/{import_id}/retry", content=LEADS)
    assert "retry-failures" in is_problem(answer, 422, "invalid_parameter")["detail"]
    assert (await stage.api.post(f"/v1/imports/{import_id}/retry")).status_code == 202
