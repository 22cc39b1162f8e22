"""The parameters of an import as they are published: derived from their declarations in the domain."""

import re

import pytest

from app.api.openapi.shared_schemas import SHARED
from app.api.parameters import API_NAME, API_NAMES, PARAMETERS, YEARS
from app.web.import_parameters import KNOWN


def test_every_parameter_has_a_schema_and_a_meaning():
    """Those of an object type say of which."""
    assert tuple(PARAMETERS) == KNOWN
    for parameter in PARAMETERS.values():
        assert parameter.form["type"] in {"string", "integer", "boolean"}
        assert parameter.means
    of = {name: parameter.of for name, parameter in PARAMETERS.items() if parameter.of}
    assert of == {
        **dict.fromkeys(("lookup_field", "list_id", "partition_name"), "lead"),
        **dict.fromkeys(("object_name", "dedupe_fields"), "custom_object"),
        **dict.fromkeys(("program_id", "program_member_status"), "program_member"),
    }
    assert {name for name, parameter in PARAMETERS.items() if parameter.required} == {
        *("object_name", "program_id", "program_member_status")
    }


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("priority", {"type": "integer", "minimum": 0, "maximum": 9, "default": 5}),
        ("list_id", {"type": "integer", "minimum": 1, "maximum": 2_147_483_647}),
        ("label", {"type": "string", "maxLength": 200}),
        ("format", {"type": "string", "enum": ["csv", "tsv", "ssv"], SHARED: "Format", "default": "csv"}),
        ("metadata", {"type": "string"}),
        ("program_member_status", {"type": "string", "maxLength": 255, "minLength": 1}),
    ],
)
def test_a_schema_is_that_of_the_declaration(name: str, schema: dict[str, object]):
    """Bounds, words and default."""
    assert PARAMETERS[name].form == schema
    assert PARAMETERS[name].default == schema.get("default")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (YEARS, "1970-", True),
        (YEARS, "9998-", True),
        (YEARS, "1969-", False),
        (YEARS, "9999-", False),
        (API_NAME, "car_c", True),
        (API_NAME, "-a", False),
        (API_NAME, "a b", False),
        (API_NAMES, " vin , make", True),
        (API_NAMES, "vin,,make", False),
    ],
)
def test_a_pattern_is_no_wider_than_what_is_read(pattern: str, text: str, matches: bool):
    """Who follows the document is not refused."""
    assert (re.search(pattern, text) is not None) is matches
