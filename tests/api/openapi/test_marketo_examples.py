"""The examples of Marketo's paths are of their schemas."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from tests.api.openapi.marketo_paths import marketo_operations

PROBLEM = "application/problem+json"


def test_every_example_of_marketos_paths_is_of_its_schema(document: dict[str, Any]):
    """Those of answers, of forms and of parameters."""
    found = [(path, *item) for _, path, operation in marketo_operations(document) for item in shown(operation)]
    assert len(found) > 50
    for path, schema, value in found:
        assert jsonschema_rs.is_valid({**schema, "components": document["components"]}, value), (path, value)


def shown(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """(schema, example) of an operation's, but for those of problems."""
    bodies = [*operation["responses"].values(), operation.get("requestBody", {})]
    media = [one for body in bodies for name, one in body.get("content", {}).items() if name != PROBLEM]
    for one in [*media, *operation.get("parameters", ())]:
        if "example" in one:
            yield one["schema"], one["example"]
        yield from ((one["schema"], example["value"]) for example in one.get("examples", {}).values())
