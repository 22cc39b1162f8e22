"""The request that parameters describe: what is wrong with them is told by name, all of it at once."""

import pytest

from app.domain.errors import BadParameter
from app.domain.imports import Preflight, Request
from app.domain.objects import CustomObject, Leads
from app.web.import_request import request_from
from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage

BAD_PARAMETERS = [  # parameters, the field that is named, a word of what it says
    ({"format": "xlsx"}, "format", "csv, tsv, ssv"),
    ({"formatt": "csv"}, "formatt", "'format'"),
    ({"object_type": "company"}, "object_type", "custom_object"),
    ({"instance": "sandbox"}, "instance", "default"),
    ({"priority": "10"}, "priority", "0 to 9"),
    ({"priority": "-1"}, "priority", "0 to 9"),
    ({"priority": "x"}, "priority", "0 to 9"),
    ({"list_id": "0"}, "list_id", "whole number"),
    ({"list_id": "4294967296"}, "list_id", "whole number"),
    ({"not_before": "tomorrow"}, "not_before", "offset"),
    ({"not_before": "2026-11-23T10:00:00"}, "not_before", "offset"),
    ({"not_before": "20260101T000000Z"}, "not_before", "2026-11-23T10:00:00Z"),
    ({"not_before": "2026-W01-1T00:00:00Z"}, "not_before", "2026-11-23T10:00:00Z"),
    ({"not_before": "2026-11-23T10:00Z"}, "not_before", "2026-11-23T10:00:00Z"),
    ({"not_before": "2026-11-31T10:00:00Z"}, "not_before", "2026-11-23T10:00:00Z"),
    ({"not_before": "2026-11-23T10:00:00 01:00"}, "not_before", "write + as %2B"),
    ({"metadata": "[]"}, "metadata", "JSON object"),
    ({"metadata": '{"a": 1}'}, "metadata", "JSON object"),
    ({"metadata": "{" + ",".join(f'"{n}": "v"' for n in range(17)) + "}"}, "metadata", "16"),
    ({"label": "x" * 201}, "label", "200"),
    ({"on_unconfirmed": "maybe"}, "on_unconfirmed", "hold"),
    ({"bundle": "always"}, "bundle", "never"),
    ({"preflight": "all"}, "preflight", "header"),
    ({"object_type": "custom_object"}, "object_name", "required"),
    ({"object_type": "program_member", "program_member_status": "On List"}, "program_id", "required"),
    ({"object_type": "program_member", "program_id": "1001"}, "program_member_status", "required"),
    ({"object_type": "lead", "program_id": "1001"}, "program_id", "program_member"),
    ({"object_name": "car_c"}, "object_name", "custom_object"),
    ({"not_before": "0001-06-01T00:00:00Z"}, "not_before", "offset"),
    ({"not_before": "9999-12-31T23:59:59-14:00"}, "not_before", "offset"),
    ({"metadata": '{"a": "\\ud800"}'}, "metadata", "half a character"),
    ({"metadata": '{"\\u0000": "a"}'}, "metadata", "NUL"),
    ({"label": "a\0b"}, "label", "NUL"),
    ({"lookup_field": "x" * 256}, "lookup_field", "255"),
    ({"partition_name": "x" * 256}, "partition_name", "255"),
    ({"object_type": "custom_object", "object_name": "x" * 256}, "object_name", "255"),
    ({"charset": "klingon"}, None, "klingon"),
    ({"charset": "base64"}, None, "base64"),
    ({"charset": "utf-7"}, None, "utf-7"),
]


@pytest.mark.parametrize(("parameters", "field", "word"), BAD_PARAMETERS)
async def test_a_wrong_parameter_is_named_with_what_is_right(
    stage: Stage, parameters: dict[str, str], field: str | None, word: str
):
    """422 (415 for charsets), the parameter by name, and a word that helps."""
    answer = await stage.create(LEADS, **parameters)
    assert answer.status_code == (422 if field else 415), answer.text
    body = answer.json()
    assert word in body["detail"]
    if field:
        assert field in [error["field"] for error in body["errors"]]
    assert await stage.holds_nothing()


async def test_all_mistakes_are_told_at_once(stage: Stage):
    """Nobody wants to mend three parameters in three rounds."""
    problem = is_problem(await stage.create(LEADS, priority="x", format="y", label="z" * 300), 422, "invalid_parameter")
    assert {error["field"] for error in problem["errors"]} == {"priority", "format", "label"}


def read(max_priority: int = 9, **parameters: str) -> Request:
    return request_from(parameters, file_name="a.csv", client="crm", max_priority=max_priority)


def test_without_parameters_a_request_is_of_leads_with_all_defaults():
    """The file's name and the client are the caller's."""
    request = read()
    assert request == Request(target=Leads(), client="crm", file_name="a.csv")
    assert (request.priority, request.format, request.instance) == (5, "csv", "default")


def test_values_are_read_as_their_parameters_declare():
    """An empty value is none."""
    request = read(
        object_type="CUSTOM_OBJECT", object_name="car_c", dedupe_fields="vin,make", label="", preflight="rows"
    )
    assert request.target == CustomObject("car_c", ("vin", "make"))
    assert (request.label, request.preflight) == (None, Preflight.ROWS)
    assert read(instance="EU").instance == "eu"


def test_a_key_s_highest_priority_is_the_default_where_that_is_lower():
    """A higher one that is asked for is refused by a code of its own."""
    assert [read(most).priority for most in (3, 9)] == [3, 5]
    assert read(3, priority="2").priority == 2
    with pytest.raises(BadParameter) as refused:
        read(3, priority="4")
    assert refused.value.code == "priority_too_high"


def test_a_mistake_of_each_kind_is_among_all_mistakes():
    """Names that are not known, other types' parameters, missing ones, and wrong values."""
    with pytest.raises(BadParameter) as refused:
        read(nonsense="1", object_type="program_member", list_id="3", program_id="x", priority="11")
    told = {detail.field: detail.message for detail in refused.value.details}
    assert told.keys() == {"nonsense", "list_id", "program_id", "program_member_status", "priority"}
    assert told["list_id"] == "is for object_type lead; this import's is program_member"
    assert told["program_member_status"] == "is required for object_type program_member"


def test_an_empty_parameter_of_another_object_type_is_none():
    """As every empty one: a form that a page sends has them all."""
    request = request_from({"object_name": "", "program_id": ""}, file_name=None, client="crm")
    assert request.target.object_type == "lead"
