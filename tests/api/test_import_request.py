"""The request that parameters describe: what is wrong with them is told by name, all of it at once."""

import pytest

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
    told = answer.json()
    assert word in told["detail"]
    if field:
        assert field in [error["field"] for error in told["errors"]]
    assert await stage.holds_nothing()


async def test_all_mistakes_are_told_at_once(stage: Stage):
    """Nobody wants to mend three parameters in three rounds."""
    told = is_problem(await stage.create(LEADS, priority="x", format="y", label="z" * 300), 422, "invalid_parameter")
    assert {error["field"] for error in told["errors"]} == {"priority", "format", "label"}
