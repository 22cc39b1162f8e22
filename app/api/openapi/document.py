"""The published document (OpenAPI): what FastAPI reads off the routes, and what it cannot know.

A route names the problems that are its own (answers.py). The problems of every route that asks for a key are added
here, and each problem becomes a response with its codes and an example.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.errors import MEDIA_TYPE
from app.api.openapi.answers import CODES, HEADERS, OF_ALL, OF_ALL_GUARDED, OF_CONNECTIONS, OF_KEYS, operations
from app.api.openapi.shared_schemas import share
from app.api.schemas.problems import Problem, ProblemError
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
    {"name": "webhooks", "description": "Be told what happens, instead of asking."},
    {"name": "keys", "description": "Who may call, and what. For the scope `admin`."},
    {"name": "status", "description": "Is work flowing?"},
    {"name": "problems", "description": "What each code of an error means, and what to do."},
    {"name": "marketo", "description": "Marketo's own paths, for programs that were written for Marketo itself."},
]

A_KEY: dict[str, list[str]] = {"HTTPBearer": []}  # the name that FastAPI gives to what auth.py declares


def publish(app: FastAPI, settings: Settings, beside: Mapping[str, Any]) -> None:
    """Let the app show the document, as it holds for these settings.

    `beside`: paths and components of what is no route of FastAPI's.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, settings, deepcopy(beside))
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI, settings: Settings, beside: Mapping[str, Any]) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, tags=TAGS)
    document["paths"] |= beside["paths"]
    for kind, components in beside["components"].items():
        document["components"][kind] |= components
    schemas: dict[str, Any] = document["components"]["schemas"]
    for model in (Problem, ProblemError):
        shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
        shape.pop("$defs", None)
        schemas[model.__name__] = shape
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for _, path, operation in operations(document):
        if path == "/metrics" and settings.metrics_auth == "on":
            operation["security"] = [A_KEY]
            operation["responses"]["403"] = {CODES: ["forbidden"]}
        _complete(operation, keys=settings.auth == "on")
    share(document)
    document["components"]["examples"] = {code: {"value": _example(code)} for code in PROBLEMS}
    if settings.auth == "off":
        del document["components"]["securitySchemes"]
    return document


def _complete(operation: dict[str, Any], *, keys: bool) -> None:
    """Say every problem of an operation, and in a service without keys, ask for none."""
    responses = operation["responses"]
    is_marketos = "marketo" in operation["tags"]  # all else is in Marketo's envelope there
    codes = [*_declared(responses), *(OF_CONNECTIONS if is_marketos else OF_ALL)]
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
    return {str(status): _response(codes) for status, codes in by_status.items()}


def _response(codes: list[str]) -> dict[str, Any]:
    description = "; ".join(f"`{code}`: {PROBLEMS[code].title}" for code in codes)
    headers = {name: header for code in codes for name, header in HEADERS.get(code, {}).items()}
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
    }
    return {"description": description, "content": {MEDIA_TYPE: content}} | ({"headers": headers} if headers else {})


def _example(code: str) -> dict[str, Any]:
    problem = PROBLEMS[code]
    return {
        "type": path_of(code),
        "title": problem.title,
        "status": problem.status,
        "detail": problem.means,
        "instance": "/v1/imports",
        "code": code,
    }
