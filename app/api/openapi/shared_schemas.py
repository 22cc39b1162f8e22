"""Makes the schemas of requests fit for programs that generate clients.

A schema that is marked with SHARED stands once among the components, under that name, so that a client has one type for
it. No schema of a request says its default, for a generated client would send it: the description says it.
"""

from collections.abc import Iterator
from typing import Any

from app.api.openapi.answers import operations

SHARED = "x-shared-as"
Schema = dict[str, Any]


def share(document: dict[str, Any]) -> None:
    """Change the requests of a document: named schemas are referred to, and defaults are told in words."""
    components = document["components"]["schemas"]
    for _, _, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            _tell_default(parameter, parameter["schema"])
            parameter["schema"] = _shared(_never_null(parameter["schema"]), components)
        for media in operation.get("requestBody", {}).get("content", {}).values():
            media["schema"] = _shared_form(media["schema"], components)
    for schema in _of_json_bodies(document):
        for field in schema.get("properties", {}).values():
            _tell_default(field, field)


def _shared_form(schema: Schema, components: dict[str, Schema]) -> Schema:
    fields = schema.get("properties", {})
    for name, field in fields.items():
        _tell_default(field, field)
        description = {"description": field.pop("description")} if "description" in field else {}
        fields[name] = _shared(field, components) | description
    return _shared(schema, components)


def _shared(schema: Schema, components: dict[str, Schema]) -> Schema:
    """The schema; or a reference, where it has a name that it shares."""
    name = schema.pop(SHARED, None)
    if name is None:
        return schema
    components.setdefault(name, schema | {"title": name})
    return {"$ref": f"#/components/schemas/{name}"}


def _never_null(schema: Schema) -> Schema:
    """The schema of a parameter that FastAPI thinks may be null: none can be, it is left out."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    return options[0] if len(options) == 1 else schema


def _tell_default(described: dict[str, Any], schema: Schema) -> None:
    """Move the default out of a schema and into the description of what has it. None is no default."""
    default = schema.pop("default", None)
    if default is not None:
        text = described.get("description", "")
        described["description"] = f"{text}{' ' if text else ''}Default: `{shown_default(default)}`."


def shown_default(default: Any) -> Any:
    """A default as a caller writes it."""
    return str(default).lower() if isinstance(default, bool) else default


def _of_json_bodies(document: dict[str, Any]) -> Iterator[Schema]:
    """The schemas of what is sent as JSON."""
    components = document["components"]["schemas"]
    for _, _, operation in operations(document):
        media = operation.get("requestBody", {}).get("content", {}).get("application/json", {"schema": {}})
        options = [media["schema"], *media["schema"].get("anyOf", ())]
        for option in options:
            yield components.get(option.get("$ref", "").rpartition("/")[2], {})
