"""What a route may answer, for its `responses`: the codes of problems by what they are about, headers and links."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.problems import PROBLEMS

CODES = "x-codes"
OF_KEYS = ("unauthorized", "too_many_requests")
OF_CONNECTIONS = ("headers_too_large", "request_timeout")  # before anybody knows which path is asked for
OF_ALL = (*OF_CONNECTIONS, "internal_error", "too_many_connections")
OF_ALL_GUARDED = ("invalid_parameter", "database_unavailable", "schema_changed", "key_missing", "stopping")
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
"""Problems of a body that holds a file: of how it is sent, compressed and encoded."""
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
    "unknown_column",
)
"""Problems of the file itself, and of the body that it comes in."""
OF_PLACES = ("unknown_instance", "unknown_object", "uploads_full", "client_uploads_full", "disk_full")
"""Problems of the instance or object that a file is for, and of the room to take it in."""
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
"""Problems of a new import, wherever its rows are from."""
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
    "key_missing": {"Retry-After": RETRY_AFTER | {"required": True}},
    "stopping": {"Retry-After": RETRY_AFTER | {"required": True}},
}

_THE_IMPORT = {"import_id": "$response.body#/id"}
FOLLOW = {
    name: {"operationId": operation, "parameters": _THE_IMPORT}
    for name, operation in {
        "read": "getImport",
        "parts": "listParts",
        "events": "listEvents",
        "failures": "listFailures",
        "warnings": "listWarnings",
        "cancel": "cancelImport",
        "release": "releaseImport",
        "retry": "retryImport",
        "retry-failures": "retryFailures",
        "erase": "eraseImport",
    }.items()
}
RESOLVE = {
    "resolve": {
        "operationId": "resolvePart",
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


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of each."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


Responses = dict[int | str, dict[str, Any]]


def responses(good: Mapping[int, dict[str, Any]], *codes: str) -> Responses:
    """The `responses` of a route: what it answers when all is well, and the problems that are its own."""
    declared: Responses = dict(good.items())
    for code in codes:
        declared.setdefault(PROBLEMS[code].status, {CODES: []})[CODES].append(code)
    return declared
