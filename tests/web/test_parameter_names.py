"""Names of parameters: those that are not taken, and those that are given twice."""

import pytest

from app.domain.errors import BadParameter, Detail
from app.web.parameter_names import merged, only, refuse
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
    problem = is_problem(await stage.api.request(method, path), 422, "invalid_parameter")
    assert says in problem["detail"]


def test_an_unknown_name_is_told_the_nearest_that_there_is():
    """Or all of them, where none is near."""
    assert only(["format"], ["format", "charset"]) == []
    (near,) = only(["formatt"], ["format", "charset"])
    assert near == Detail("there is no parameter 'formatt'. Did you mean 'format'?", field="formatt")
    (far,) = only(["xyz"], ["format", "charset"])
    assert far.message.endswith("Known: format, charset.")
    assert only(["x"], [])[0].message.endswith("This takes no parameters.")


def test_thousands_of_unknown_names_cost_little():
    """A hundred are told, ten of them with the nearest; the others are counted."""
    complaints = only([f"format{n}" for n in range(2_000)] * 2, ["format"])
    assert len(complaints) == 2_000
    assert [("Did you mean" in detail.message) for detail in complaints].count(True) == 10
    assert [detail.field is not None for detail in complaints].count(True) == 100


def test_a_name_with_two_values_is_refused_and_with_one_value_twice_it_is_not():
    """In the query, in the form, or in both."""
    assert merged([("a", "1"), ("a", "1")], [("a", "1"), ("b", "2")]) == {"a": "1", "b": "2"}
    for query, fields in (([("a", "1"), ("a", "2")], []), ([("a", "1")], [("a", "2")])):
        with pytest.raises(BadParameter, match="is given twice, as '1' and as '2'"):
            merged(query, fields)


def test_without_a_complaint_nothing_is_refused():
    """With one, all of them are."""
    refuse([])
    with pytest.raises(BadParameter) as refused:
        refuse([Detail("m", field="a"), Detail("n", field="b")])
    assert [detail.field for detail in refused.value.details] == ["a", "b"]
