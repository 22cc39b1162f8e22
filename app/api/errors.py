"""Every error as application/problem+json (RFC 9457): what went wrong, where, and what to do."""

import http
from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.domain.errors import MOST_ERRORS, CallerError, Detail, DiskFull, UnsupportedMedia, in_one_sentence
from app.domain.problems import PROBLEMS, path_of
from app.domain.timeouts import DATABASE_RETRY_SECONDS
from app.encryption.errors import MissingKey
from app.store.blobs import Corrupt
from app.store.database import AWAY, WrongSchema

log = structlog.get_logger()

OF_STATUS = {  # by the status that the framework answers by itself: code and detail
    404: ("not_found", "There is nothing at {path}. The paths are listed at /docs."),
    405: ("method_not_allowed", "{method} is not allowed at {path}; see the Allow header."),
    413: ("content_too_large", "The body is larger than what is taken here."),
}
MEDIA_TYPE = "application/problem+json"


def problem(
    request: Request,
    *,
    code: str,
    detail: str,
    errors: Sequence[Detail] = (),
    headers: dict[str, str] | None = None,
    status: int | None = None,
) -> JSONResponse:
    """A problem as a response. `status`: where it is not the one that the code has in the table of problems."""
    body = document(code, detail, path=request.url.path)
    body["status"] = status = status or body["status"]
    if errors:
        body["errors"] = [_error(error) for error in errors[:MOST_ERRORS]]
        body["errors_total"] = len(errors)
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def document(code: str, detail: str, *, path: str) -> dict[str, Any]:
    """The fields that every problem has."""
    known_problem = PROBLEMS[code]
    return {
        "type": path_of(code),
        "title": known_problem.title,
        "status": known_problem.status,
        "detail": detail,
        "instance": path,
        "code": code,
    }


def _error(detail: Detail) -> dict[str, Any]:
    place = {"field": detail.field, "row": detail.row}
    return {name: value for name, value in place.items() if value is not None} | {"message": detail.message}


def install(app: FastAPI) -> None:
    """Answer every exception with a problem."""
    app.add_exception_handler(CallerError, _caller)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Corrupt, _damaged)
    for away in AWAY:
        app.add_exception_handler(away, _database)
    app.add_exception_handler(Exception, _unexpected)


async def _caller(request: Request, error: Exception) -> Response:
    assert isinstance(error, CallerError)
    return of_caller(request, error)


async def _damaged(request: Request, error: Exception) -> Response:
    """What is stored is not what was stored: a disk, or somebody, has changed it."""
    log.error("what is stored is damaged", reason=str(error), path=request.url.path)
    return problem(request, code="rows_damaged", detail="What is stored of it is damaged, and is not shown.")


def of_caller(request: Request, error: CallerError) -> Response:
    """A caller's mistake as a problem."""
    headers = {}
    if error.retry_after_seconds:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == http.HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        request,
        code=error.code,
        detail=error.message,
        errors=error.details,
        headers=headers,
    )


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """A problem for what the framework answers by itself: an unknown path, a method that is not allowed."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, CallerError):  # FastAPI calls whatever happens while it reads JSON a bad request
        return of_caller(request, error.__cause__)
    headers = dict(error.headers or {})
    if error.status_code not in OF_STATUS:
        return problem(request, status=error.status_code, code="bad_request", detail=str(error.detail), headers=headers)
    code, detail = OF_STATUS[error.status_code]
    if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(sorted(_methods(request)))}
    return problem(
        request, code=code, detail=detail.format(method=request.method, path=request.url.path), headers=headers
    )


def _methods(request: Request) -> set[str]:
    """The methods that this path takes. Starlette itself looks no further than the first route of a path."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path_regex.match(request.url.path):
            methods |= route.methods
    return methods | {"HEAD"} if "GET" in methods else methods


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    mistakes = error.errors()
    is_unread = any(mistake["loc"] == ("body",) and isinstance(mistake["input"], bytes) for mistake in mistakes)
    if is_unread:  # FastAPI left the body as it came
        return of_caller(request, UnsupportedMedia("Send this body with Content-Type: application/json."))
    details = [_detail(mistake) for mistake in mistakes]
    return problem(request, code="invalid_parameter", detail=in_one_sentence(details), errors=details)


def _detail(error: dict[str, Any]) -> Detail:
    if error["type"] == "json_invalid":
        return Detail(f"The body is no JSON (at character {error['loc'][1]}).")
    return Detail(_message_of(error), field=".".join(str(step) for step in error["loc"][1:]) or None)


def _message_of(error: dict[str, Any]) -> str:
    """A mistake that pydantic found, in words for whoever sent it."""
    if error["type"] == "extra_forbidden":
        return "is not known here; leave it out"
    message: str = error["msg"]
    return message.removeprefix("Value error, ").removeprefix("Input ")


async def _gone(request: Request, _error: Exception) -> Response:
    """The caller hung up. Nobody reads this answer, and nothing of the upload was kept."""
    return problem(request, code="broken_upload", detail="The upload broke off. Send the file again.")


async def _database(request: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError) and _is_full(error):
        return of_caller(request, DiskFull("The database's disk is full. Make room there, then send it again."))
    headers = {"Retry-After": str(DATABASE_RETRY_SECONDS)}
    if isinstance(error, WrongSchema):
        detail = f"The database is another version's: {error}. Nothing was done."
        return problem(request, code="schema_changed", detail=detail, headers=headers)
    if isinstance(error, MissingKey):
        log.error("a key is missing", reason=str(error), path=request.url.path)
        detail = "What was asked for is encrypted under a key that this process was not given."
        return problem(request, code="key_missing", detail=detail, headers=headers)
    log.error("database unavailable", error=type(error).__name__, path=request.url.path)
    return problem(
        request,
        code="database_unavailable",
        detail="Whether this request was carried out is not known. Look before you send it again.",
        headers=headers,
    )


def _is_full(error: DBAPIError) -> bool:
    """SQLite's "database or disk is full"; PostgreSQL's disk_full (53100)."""
    return getattr(error.orig, "sqlstate", None) == "53100" or "disk is full" in str(error.orig)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected error", error=type(error).__name__, path=request.url.path)
    return problem(
        request,
        code="internal_error",
        detail="This is a fault of the service, not of your request. Its log has the details.",
    )
