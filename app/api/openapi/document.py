"""The published document (OpenAPI): what FastAPI reads off the routes, and what it cannot know.

A route names the problems that are its own (`answers`). Those of every route that asks for a key are added here, and
each becomes a response with its codes and an example.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.errors import MEDIA_TYPE
from app.api.openapi import examples
from app.api.paging import DEFAULT_SIZE, MOST
from app.api.parameters import KNOWN, PARAMETERS, TIME
from app.api.schemas.problems import ProblemErrorOut, ProblemOut
from app.domain.problems import PROBLEMS, path_of
from app.settings import Settings

DESCRIPTION = """A durable queue in front of Marketo's Bulk Import: files in, and what became of every row out.

Errors are `application/problem+json` (RFC 9457). Each has a stable `code`; [all of them](/problems/). Those of
Marketo's own paths are Marketo's.
"""
TAGS = [
    {"name": "imports", "description": "Send files, and follow what becomes of them."},
    {"name": "results", "description": "The rows that Marketo rejected, or took with a remark."},
    {"name": "instances", "description": "The Marketo subscriptions that files go to."},
    {"name": "status", "description": "Is work flowing?"},
    {"name": "problems", "description": "What each code of an error means, and what to do."},
    {"name": "marketo", "description": "Marketo's own paths, for programs that were written for Marketo itself."},
]

A_KEY: dict[str, list[str]] = {"HTTPBearer": []}  # the name that FastAPI gives to what auth.py declares
CODES = "x-codes"
OF_KEYS = ("unauthorized", "too_many_requests")
OF_THE_LINE = ("headers_too_large", "request_timeout")  # before anybody knows which path is asked for
OF_ALL = (*OF_THE_LINE, "internal_error", "too_many_connections")
OF_ALL_GUARDED = ("invalid_parameter", "database_unavailable", "schema_changed", "stopping")
OF_BODIES = (
    "broken_upload",
    "digest_mismatch",
    "invalid_digest",
    "partial_upload",
    "upload_too_slow",
    "zstd_window",
    "compression_bomb",
    "file_too_large",
    "unsupported_charset",
    "unsupported_encoding",
    "unsupported_media",
    "unsupported_media_type",
    "no_file",
    "two_files",
)
"""Of a body that holds a file, and of how that is packed and written."""
OF_UPLOADS = (
    *OF_BODIES,
    "bad_bytes",
    "blank_column",
    "column_name_too_long",
    "duplicate_column",
    "empty_file",
    "missing_column",
    "no_rows",
    "not_delimited",
    "nul_byte",
    "too_many_columns",
    "unclosed_quote",
)
"""Of the file as such."""
OF_PLACES = ("unknown_instance", "unknown_object", "uploads_full", "client_uploads_full", "disk_full")
"""Of where a file is to go, and of the room to take it in."""
OF_INTAKE = (
    *OF_PLACES,
    "idempotency_key_in_use",
    "idempotency_key_reused",
    "invalid_file",
    "invalid_header",
    "record_too_large",
    "backlog_full",
    "client_backlog_full",
)
"""Of a new import, wherever its rows are from."""
OF_JSON = ("bad_request", "content_too_large", "unsupported_media")

RETRY_AFTER = {"description": "Seconds after which to ask again", "schema": {"type": "integer", "minimum": 1}}
LOCATION = {"description": "Where the import is", "required": True, "schema": {"type": "string"}}
REPLAYED = {
    "description": "`true` where an earlier request with the same Idempotency-Key made the import",
    "schema": {"type": "string", "enum": ["true"]},
}
ETAG = {
    "description": "A weak one: it stays where only the forecast has moved",
    "required": True,
    "schema": {"type": "string", "pattern": '^W/".+"$'},
}
HEADERS: dict[str, dict[str, Any]] = {
    "unauthorized": {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "enum": ["Bearer"]}}},
    "idempotency_key_in_use": {"Retry-After": RETRY_AFTER},
    "backlog_full": {"Retry-After": RETRY_AFTER | {"required": True}},
    "client_backlog_full": {"Retry-After": RETRY_AFTER | {"required": True}},
    "client_streams_full": {"Retry-After": RETRY_AFTER | {"required": True}},
    "uploads_full": {"Retry-After": RETRY_AFTER | {"required": True}},
    "client_uploads_full": {"Retry-After": RETRY_AFTER | {"required": True}},
    "too_many_requests": {"Retry-After": RETRY_AFTER | {"required": True}},
    "too_many_connections": {"Retry-After": RETRY_AFTER},
    "database_unavailable": {"Retry-After": RETRY_AFTER | {"required": True}},
    "schema_changed": {"Retry-After": RETRY_AFTER | {"required": True}},
    "stopping": {"Retry-After": RETRY_AFTER | {"required": True}},
}

_THE_IMPORT = {"import_id": "$response.body#/id"}
FOLLOW = {
    name: {"operationId": operation, "parameters": _THE_IMPORT}
    for name, operation in {
        "read": "imports_read",
        "parts": "imports_parts_of",
        "events": "imports_events_of",
        "failures": "results_failures",
        "warnings": "results_warnings",
        "cancel": "imports_cancel",
        "retry": "imports_retry",
        "retry-failures": "imports_retry_failures",
        "erase": "imports_erase",
    }.items()
}
RESOLVE = {
    "resolve": {
        "operationId": "imports_resolve",
        "parameters": {"import_id": "$request.path.import_id", "number": "$response.body#/items/0/number"},
    }
}
MADE: dict[str, Any] = {
    "description": "The import; its file is committed to disk",
    "headers": {"Location": LOCATION, "Retry-After": RETRY_AFTER, "Idempotency-Replayed": REPLAYED},
    "links": FOLLOW,
}
CHANGED: dict[str, Any] = {
    "description": "The import as it stands now",
    "headers": {"Location": LOCATION, "Retry-After": RETRY_AFTER},
    "links": FOLLOW,
}

Responses = dict[int | str, dict[str, Any]]


def responses(good: Mapping[int, dict[str, Any]], *codes: str) -> Responses:
    """Of a route, for its `responses`: what it answers when all is well, and the problems that are its own."""
    found: Responses = dict(good.items())
    for code in codes:
        found.setdefault(PROBLEMS[code].status, {CODES: []})[CODES].append(code)
    return found


def in_query(name: str, form: dict[str, Any], means: str) -> dict[str, Any]:
    """A query parameter. An object is one JSON text."""
    shape = {"content": {"application/json": {"schema": form}}} if form["type"] == "object" else {"schema": form}
    return {"name": name, "in": "query", "description": means} | shape


def in_header(name: str, means: str, **form: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": means, "schema": {"type": "string"} | form}


def parameters_of_import(*names: str) -> list[dict[str, Any]]:
    return [in_query(name, PARAMETERS[name].form, means(name)) for name in names or KNOWN]


def means(name: str) -> str:
    known = PARAMETERS[name]
    only = f" Only for `{known.of}`{', and required there' if known.required else ''}." if known.of else ""
    return sentence(known.means) + only


def sentence(means: str) -> str:
    return f"{means[0].upper()}{means[1:]}."


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


def publish(app: FastAPI, settings: Settings, beside: Mapping[str, Any]) -> None:
    """Let the app show the document, as it holds for these settings.

    `beside`: paths and components of what is no route of FastAPI's.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, settings, deepcopy(beside))
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of each."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _document(app: FastAPI, settings: Settings, beside: Mapping[str, Any]) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, tags=TAGS)
    found["paths"] |= beside["paths"]
    for kind, named in beside["components"].items():
        found["components"][kind] |= named
    schemas: dict[str, Any] = found["components"]["schemas"]
    for model in (ProblemOut, ProblemErrorOut):
        shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
        shape.pop("$defs", None)
        schemas[model.__name__] = shape
    for theirs in ("HTTPValidationError", "ValidationError"):
        schemas.pop(theirs, None)
    for _, path, operation in operations(found):
        if path == "/metrics" and settings.metrics_auth == "on":
            operation["security"] = [A_KEY]
            operation["responses"]["403"] = {CODES: ["forbidden"]}
        _complete(operation, keys=settings.auth == "on")
    found["components"]["examples"] = {code: {"value": _example(code)} for code in PROBLEMS}
    if settings.auth == "off":
        del found["components"]["securitySchemes"]
    return found


def _complete(operation: dict[str, Any], *, keys: bool) -> None:
    """Say every problem of an operation, and in a service without keys, ask for none."""
    responses = operation["responses"]
    is_marketos = "marketo" in operation["tags"]  # all else is in Marketo's envelope there
    codes = [*_declared(responses), *(OF_THE_LINE if is_marketos else OF_ALL)]
    if A_KEY in operation.get("security", ()):
        codes += [*OF_ALL_GUARDED, *(OF_KEYS if keys else ())]
    if not keys:
        operation.pop("security", None)
        codes += [] if is_marketos else ["forbidden"]
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[PROBLEMS[code].status].append(code)
    operation["responses"] = dict(sorted((responses | _refused(by_status)).items()))


def _declared(responses: dict[str, Any]) -> Iterator[str]:
    for status in [status for status, response in responses.items() if CODES in response or _is_fastapis(response)]:
        yield from responses.pop(status).get(CODES, ())


def _is_fastapis(response: dict[str, Any]) -> bool:
    """FastAPI's own 422, which is never answered here."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("$ref", "").endswith("/HTTPValidationError"))


def _refused(by_status: dict[int, list[str]]) -> dict[str, Any]:
    return {str(status): _response(status, codes) for status, codes in by_status.items()}


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    told = "; ".join(f"`{code}`: {PROBLEMS[code].title}" for code in codes)
    headers = {name: header for code in codes for name, header in HEADERS.get(code, {}).items()}
    only = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    content = {
        "schema": {"allOf": [{"$ref": "#/components/schemas/ProblemOut"}, only]},
        "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
    }
    return {"description": told, "content": {MEDIA_TYPE: content}} | ({"headers": headers} if headers else {})


def _example(code: str) -> dict[str, Any]:
    known = PROBLEMS[code]
    return {
        "type": path_of(code),
        "title": known.title,
        "status": known.status,
        "detail": known.means,
        "instance": "/v1/imports",
        "code": code,
    }
