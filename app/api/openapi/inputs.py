"""What a route takes, for its `openapi_extra`: parameters, headers, and bodies that hold a file."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from app.api.openapi import examples
from app.api.openapi.shared_schemas import SHARED
from app.api.parameters import PARAMETERS, TIME
from app.web.import_parameters import KNOWN
from app.web.paging import DEFAULT_SIZE, MOST


def in_query(name: str, schema: dict[str, Any], meaning: str) -> dict[str, Any]:
    """A query parameter as the document has it."""
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def enum_in_query(name: str, words: type[StrEnum], meaning: str) -> dict[str, Any]:
    """One whose value is one of these words, which have one name in the whole document."""
    return in_query(name, {"type": "string", "enum": list(words), SHARED: words.__name__}, meaning)


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
    in_header(
        "Content-Disposition", '`attachment; filename="leads.csv"`: the name of a file that is sent raw (RFC 6266)'
    ),
    in_header(
        "Content-Encoding",
        "How the file is compressed",
        **{"enum": ["gzip", "zstd", "identity"], SHARED: "ContentEncoding"},
    ),
]

_BYTES = {"type": "string", "format": "binary"}


def body_of_file(
    form: str, *fields: str, required: bool = True, beside: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A file, raw or in a form of this name; in a form the parameters may be fields, and so may those `beside` them.

    A text that is sent raw is a string and no bytes: a page of documentation then has a place to write it in.
    """
    form_fields = {name: PARAMETERS[name].form | {"description": describe(name)} for name in fields or KNOWN}
    return {
        "required": required,
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": examples.LEADS_CSV},
            "text/tab-separated-values": {"schema": {"type": "string"}, "example": examples.LEADS_TSV},
            "application/octet-stream": {"schema": _BYTES, "example": examples.LEADS_CSV},
            "multipart/form-data": form_of_file(form, form_fields | dict(beside or {}), {"file": examples.LEADS_CSV}),
        },
    }


def form_of_file(name: str, fields: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": ["file"], "properties": {"file": _BYTES, **fields}, SHARED: name}
    return {"schema": schema, "example": example}
