"""Names of parameters: those that are not taken, and those that are given twice."""

import pytest

from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage


async def test_the_same_parameter_in_query_and_form_with_two_values_is_refused(stage: Stage):
    """Guessing which one was meant would be worse."""
    answer = await stage.api.post(
        "/v1/imports", params={"priority": 3}, data={"priority": "4"}, files={"file": ("a.csv", LEADS)}
    )
    is_problem(answer, 422, "invalid_parameter")
    agreeing = await stage.api.post(
        "/v1/imports", params={"priority": 3}, data={"priority": "3"}, files={"file": ("a.csv", LEADS)}
    )
    assert agreeing.status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        ("GET", "/v1/imports?status=done", "'done' is not one of queued, importing, complete, failed, cancelled"),
        ("GET", "/v1/imports?object_type=leads", "'leads' is not one of lead, custom_object, program_member"),
        ("GET", "/v1/imports?status=", "'' is not one of queued"),
        ("GET", "/v1/imports?status=failed&status=complete", "is given twice, as 'failed' and as 'complete'"),
        ("GET", "/v1/imports/1/parts?page_size=1", "This takes no parameters."),
        ("GET", "/v1/instances?name=x", "This takes no parameters."),
        ("POST", "/v1/imports/1/retry-failures?format=tsv", "format: is of a corrected file, but no body came"),
    ],
)
async def test_a_query_that_is_not_taken_is_told_what_is(stage: Stage, method: str, path: str, says: str):
    """In the API's words, not in ours."""
    await stage.created(LEADS)
    told = is_problem(await stage.api.request(method, path), 422, "invalid_parameter")
    assert says in told["detail"]
