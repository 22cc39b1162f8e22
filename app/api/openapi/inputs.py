"""What a route takes, for its `openapi_extra`: parameters, headers, and bodies that hold a file."""

from collections.abc import Mapping
from typing import Any

from app.api.openapi import examples
from app.api.paging import DEFAULT_SIZE, MOST
from app.api.parameters import KNOWN, PARAMETERS, TIME


def in_query(name: str, schema: dict[str, Any], meaning: str) -> dict[str, Any]:
    """A query parameter as the document has it. An object is sent as one JSON text."""
    content = (
        {"content": {"application/json": {"schema": schema}}} if schema["type"] == "object" else {"schema": schema}
    )
    return {"name": name, "in": "query", "description": meaning} | content


def in_header(name: str, meaning: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"} | schema}


def parameters_of_import(*names: str) -> list[dict[str, Any]]:
    """The parameters of an import with these names; all of them where none is named."""
    return [in_query(name, PARAMETERS[name].form, describe(name)) for name in names or KNOWN]


def describe(name: str) -> str:
    """What a parameter of an import means, in sentences."""
    parameter = PARAMETERS[name]
    if not parameter.of:
        return sentence(parameter.means)
    requirement = ", and required there" if parameter.required else ""
    return f"{sentence(parameter.means)} Only for `{parameter.of}`{requirement}."


def sentence(meaning: str) -> str:
    return f"{meaning[0].upper()}{meaning[1:]}."


PAGING = [
    in_query(
        "page_size", {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_SIZE}, "How many at most"
    ),
    in_query("page_token", {"type": "string"}, "The `next_page_token` of the page before"),
]
CREATED = [in_query(f"created_{side}", TIME, f"Created {side} this time") for side in ("after", "before")]

IF_NONE_MATCH = in_header("If-None-Match", "An ETag: an import that still has it is a 304")
LAST_EVENT_ID = in_header(
    "Last-Event-ID", "With `Accept: text/event-stream`: where the last stream broke off", pattern="^[0-9]{0,19}$"
)
OF_THE_BODY = [
    in_header("Content-Digest", "`sha-256=:…:` (RFC 9530) of the bytes as sent, or of the file: it is verified"),
    in_header("Content-Encoding", "How the file is compressed", enum=["gzip", "zstd", "identity"]),
]

_BYTES = {"type": "string", "format": "binary"}


def _file(example: str) -> dict[str, Any]:
    return {"schema": _BYTES, "examples": {"two lines": {"value": example}}}


def body_of_file(*fields: str, required: bool = True, beside: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A file, raw or in a form; in a form the parameters may be fields, and so may those `beside` them."""
    return {
        "required": required,
        "content": {
            "text/csv": _file(examples.LEADS_CSV),
            "text/tab-separated-values": _file(examples.LEADS_TSV),
            "application/octet-stream": _file(examples.LEADS_CSV),
            "multipart/form-data": form_of_file(
                {name: PARAMETERS[name].form for name in fields or KNOWN} | dict(beside or {}),
                {"file": examples.LEADS_CSV},
            ),
        },
    }


def form_of_file(fields: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema": {"type": "object", "required": ["file"], "properties": {"file": _BYTES, **fields}},
        "examples": {"a form": {"value": example}},
    }
