"""The schemas of requests, as programs that generate clients need them."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.api.app import routed
from app.api.openapi.answers import operations
from app.api.openapi.shared_schemas import SHARED, share
from app.settings import exactly

REF = "#/components/schemas/"


def a_document(*parameters: dict[str, Any], form: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"multipart/form-data": {"schema": form}} if form else {}
    operation = {"parameters": list(parameters), "requestBody": {"content": content}}
    return {"paths": {"/x": {"post": operation}}, "components": {"schemas": {}}}


def sent(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, schema) of all that a request may hold, with the fields of its bodies."""
    components = document["components"]["schemas"]
    for method, path, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            yield f"{method} {path} {parameter['name']}", parameter["schema"]
        for media in operation.get("requestBody", {}).get("content", {}).values():
            for schema in (media["schema"], *media["schema"].get("anyOf", ())):
                named = components[schema["$ref"].removeprefix(REF)] if "$ref" in schema else schema
                yield f"{method} {path}", named
                yield from ((f"{method} {path} {name}", field) for name, field in named.get("properties", {}).items())


@pytest.mark.parametrize("auth", ["on", "off"])
def test_the_document_is_valid_openapi_3_1(auth: str):
    """By the specification's own schema; every reference leads somewhere."""
    document = routed(exactly(auth=auth, instances={})).openapi()
    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_no_request_s_schema_has_a_default_and_no_mark_is_left(document: dict[str, Any]):
    """A generated client would send the default of what its user left out: a lead's, for a custom object."""
    places = dict(sent(document))
    assert len(places) > 100
    assert [where for where, schema in places.items() if "default" in schema] == []
    assert SHARED not in str(document)


def test_a_parameter_is_left_out_and_never_null(document: dict[str, Any]):
    """There is no way to write null into a header or a query."""
    for method, path, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            schema = {name: value for name, value in parameter["schema"].items() if name != "examples"}
            assert "null" not in str(schema), (method, path, parameter["name"])


def test_query_and_form_say_the_same_of_each_parameter(document: dict[str, Any]):
    """Also in words."""
    for path in ("/v1/imports", "/v1/checks", "/v1/imports/{import_id}/retry-failures"):
        operation = document["paths"][path]["post"]
        form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        fields = document["components"]["schemas"][form["$ref"].removeprefix(REF)]["properties"]
        for parameter in operation["parameters"]:
            if parameter["in"] == "query":
                shown = {"description": parameter["description"], **parameter["schema"]}
                assert fields[parameter["name"]] == shown, (path, parameter["name"])


def test_what_is_one_json_text_is_a_plain_string(document: dict[str, Any]):
    """A contentMediaType would make a file of it, at /docs. What is in it is told in words."""
    declared = {item["name"]: item for item in document["paths"]["/v1/imports"]["post"]["parameters"]}
    assert declared["metadata"]["schema"] == {"type": "string"}
    assert declared["column_map"]["schema"]["type"] == "string"
    assert "contentMediaType" not in declared["column_map"]["schema"]
    assert declared["metadata"]["description"].startswith("A JSON object of strings")
    assert "at most 16 pairs" in declared["metadata"]["description"]


def test_a_list_s_filters_have_the_enums_of_its_items(document: dict[str, Any]):
    """So that a client can filter by what it has read."""
    schemas = {item["name"]: item["schema"] for item in document["paths"]["/v1/imports"]["get"]["parameters"]}
    assert schemas["status"] == {"$ref": f"{REF}ImportStatus"}
    assert schemas["object_type"] == {"$ref": f"{REF}ObjectType"}
    jobs = document["paths"]["/v1/instances/{name}/jobs"]["get"]["parameters"]
    assert {"$ref": f"{REF}JobState"} in [item["schema"] for item in jobs]


def test_a_shared_schema_stands_once_and_is_referred_to():
    """By parameters and by the fields of forms; without its default, which the description tells."""
    color = {"type": "string", "enum": ["red"], "default": "red", SHARED: "Color"}
    parameter = {"name": "color", "description": "Which color.", "schema": dict(color)}
    form = {"type": "object", "properties": {"color": dict(color)}, SHARED: "ColorForm"}
    document = a_document(parameter, form=form)
    share(document)
    assert document["components"]["schemas"] == {
        "Color": {"type": "string", "enum": ["red"], "title": "Color"},
        "ColorForm": {
            "type": "object",
            "title": "ColorForm",
            "properties": {"color": {"$ref": f"{REF}Color", "description": "Default: `red`."}},
        },
    }
    assert parameter["schema"] == {"$ref": f"{REF}Color"}
    assert parameter["description"] == "Which color. Default: `red`."


def test_what_is_no_default_is_not_told():
    """None stands for nothing; an enum that the answers have already stays as it is there."""
    parameter = {"name": "x", "schema": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}}
    other = {"name": "y", "schema": {"type": "string", "enum": ["new"], SHARED: "Word"}}
    document = a_document(parameter, other)
    document["components"]["schemas"]["Word"] = {"type": "string", "enum": ["old"]}
    share(document)
    assert parameter == {"name": "x", "schema": {"type": "integer"}}
    assert document["components"]["schemas"]["Word"]["enum"] == ["old"]
