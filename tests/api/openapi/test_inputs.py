"""What a route declares that it takes."""

from app.api.openapi import inputs
from app.api.parameters import PARAMETERS
from app.web.import_parameters import KNOWN


def test_a_parameter_is_described_in_sentences():
    """Those of one object type say of which, and whether it needs them."""
    assert inputs.describe("priority").endswith(".")
    assert inputs.describe("list_id") == "A static list that the leads become members of. Only for `lead`."
    assert inputs.describe("program_id").endswith("Only for `program_member`, and required there.")


def test_a_parameter_in_the_query_is_a_value_of_its_schema():
    """Also one that is JSON."""
    assert inputs.in_query("metadata", PARAMETERS["metadata"].form, "x")["schema"]["type"] == "string"
    size = inputs.PAGING[0]
    assert (size["name"], size["in"], size["schema"]["maximum"]) == ("page_size", "query", 200)


def test_all_parameters_of_an_import_are_taken_where_none_is_named():
    """In their order."""
    assert [parameter["name"] for parameter in inputs.parameters_of_import()] == list(KNOWN)
    assert [parameter["name"] for parameter in inputs.parameters_of_import("format", "charset")] == [
        "format",
        "charset",
    ]


def test_in_a_form_the_parameters_are_fields_beside_the_file():
    """The file alone is required."""
    body = inputs.body_of_file("AForm", "format", required=False, beside={"extra": {"type": "string"}})
    assert body["required"] is False
    assert set(body["content"]) == {
        *("text/csv", "text/tab-separated-values", "application/octet-stream", "multipart/form-data")
    }
    form = body["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert list(form["properties"]) == ["file", "format", "extra"]


def test_a_header_is_a_text_with_its_bounds():
    """Named where it is sent."""
    header = inputs.in_header("Last-Event-ID", "x", pattern="^[0-9]+$")
    assert (header["in"], header["name"]) == ("header", "Last-Event-ID")
    assert header["schema"] == {"type": "string", "pattern": "^[0-9]+$"}


def test_a_raw_file_is_shown_by_an_example():
    """Each format in its own media type."""
    media = inputs.body_of_file("AForm")["content"]
    assert media["text/csv"]["example"].startswith("email,")
    assert "\t" in media["text/tab-separated-values"]["example"]
