"""What the document says of Marketo's paths."""

import re
from typing import Any

from app.api.marketo_compat import routes as marketo
from tests.api.openapi.marketo_paths import marketo_operations
from tests.support.processes import ROOT

PROBLEM = "application/problem+json"
MARKETO_PAGE = (ROOT / "docs" / "marketo-compat.md").read_text(encoding="utf-8")
TOKEN = "/identity/oauth/token"


def test_every_path_of_marketos_that_is_served_is_published_and_on_its_page(document: dict[str, Any]):
    """Neither more nor less; what answers for all other paths is none."""
    served = {
        (method, route.path)
        for route in marketo.ROUTES
        for method in route.methods or ()
        if "{path:path}" not in route.path and method != "HEAD"
    }
    assert {(method, path) for method, path, _ in marketo_operations(document)} == served
    assert len(served) == 14
    told = set(re.findall(r"`(?:GET|POST|)\W*(/(?:identity|bulk)/[^`?]+)`", MARKETO_PAGE))
    told |= {path.replace("failures", "warnings") for path in told}
    assert told == {path for _, path in served}


def test_marketos_paths_ask_for_a_token_of_marketo_operations(document: dict[str, Any]):
    """In the header or in the query; who asks for one has none yet. No key of ours is one."""
    schemes = document["components"]["securitySchemes"]
    for _, path, operation in marketo_operations(document):
        asked = [schemes[name] for item in operation.get("security", ()) for name in item]
        assert [(item["type"], item.get("scheme") or item["name"]) for item in asked] == (
            [] if path == TOKEN else [("http", "bearer"), ("apiKey", "access_token")]
        )


def test_marketos_paths_say_in_marketos_words_what_is_wrong(document: dict[str, Any]):
    """Problems are only what is wrong with HTTP itself, before anybody knows which path is asked for."""
    refusal = {"$ref": "#/components/schemas/MarketoRefusal"}
    for _, path, operation in marketo_operations(document):
        responses = operation["responses"]
        problems = {status for status, response in responses.items() if PROBLEM in response.get("content", {})}
        assert problems == {"408", "431"}, path
        told = responses["200"]["content"]["application/json"]["schema"]
        assert refusal in told.get("anyOf", [told]), path
