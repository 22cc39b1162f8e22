"""The schemas of what Marketo's paths answer: closed, as Marketo's own answers are."""

import jsonschema_rs
import pytest

from app.api.marketo_compat.answers import MESSAGES
from app.api.openapi.marketo_schemas import COMPONENTS, ref

JOB = {"batchId": 7, "importId": "7", "status": "Queued"}
OBJECT_JOB = {"batchId": 7, "status": "Complete", "objectApiName": "car_c", "numOfObjectsProcessed": 3}


def valid(name: str, value: object) -> bool:
    return bool(jsonschema_rs.is_valid({**ref(name), "components": COMPONENTS}, value))


@pytest.mark.parametrize(
    ("name", "value", "is_valid"),
    [
        ("MarketoJob", JOB, True),
        ("MarketoJob", JOB | {"numOfLeadsProcessed": 3, "numOfRowsFailed": 0, "message": "x"}, True),
        ("MarketoJob", JOB | {"numOfObjectsProcessed": 3}, False),
        ("MarketoJob", JOB | {"batchId": 0}, False),
        ("MarketoJob", JOB | {"status": "Cancelled"}, False),
        ("MarketoJob", {"batchId": 7}, False),
        ("MarketoObjectJob", OBJECT_JOB, True),
        ("MarketoObjectJob", OBJECT_JOB | {"importId": "7"}, False),
        ("MarketoAnswer", {"requestId": "e42b#1427", "success": True, "result": [JOB]}, True),
        ("MarketoAnswer", {"requestId": "e42b#1427", "success": True, "result": [JOB, JOB]}, False),
        ("MarketoAnswer", {"requestId": "E42B", "success": True, "result": [JOB]}, False),
        ("MarketoAnswer", {"requestId": "e42b#1427", "success": False, "result": [JOB]}, False),
        ("MarketoRefusal", {"requestId": "a#1", "success": False, "errors": [{"code": "606", "message": "x"}]}, True),
        ("MarketoRefusal", {"requestId": "a#1", "success": False, "errors": [{"code": "999", "message": "x"}]}, False),
        ("MarketoRefusal", {"requestId": "a#1", "success": False, "errors": []}, False),
    ],
)
def test_a_schema_takes_what_marketo_says_and_nothing_else(name: str, value: object, is_valid: bool):
    """Neither more fields nor other words."""
    assert valid(name, value) is is_valid


def test_every_code_is_described_by_marketos_own_sentence():
    """In the document."""
    code = COMPONENTS["schemas"]["MarketoRefusal"]["properties"]["errors"]["items"]["properties"]["code"]
    assert code["enum"] == list(MESSAGES)
    assert "`1016`: Too many imports" in code["description"]
