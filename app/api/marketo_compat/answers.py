"""Answers as Marketo gives them: its envelope, its error codes, its record of a job."""

import secrets
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse

from app.domain.errors import (
    Backlog,
    BadParameter,
    BrokenUpload,
    CallerError,
    DiskFull,
    Forbidden,
    Gone,
    NotFound,
    TooManyRequests,
    TooSlow,
    UnsupportedMedia,
)
from app.domain.imports import FINISHED, Import, ImportStatus
from app.domain.objects import Target
from app.domain.parts import Rows

JSON_TYPE = "application/json;charset=UTF-8"
FILE_TYPE = "text/csv;charset=UTF-8"  # of every format; clients compare it letter by letter

# Adobe, "Error codes", read 2026-08
MESSAGES = {
    "600": "Empty access token",
    "601": "Access token invalid",
    "602": "Access token expired",
    "603": "Access denied",
    "604": "Request timed out",
    "605": "HTTP Method not supported",
    "606": "Max rate limit exceeded",
    "608": "API Temporarily Unavailable",
    "610": "Requested resource not found",
    "611": "System error",
    "612": "Invalid Content Type",
    "613": "Invalid Multipart Request",
    "1001": "Invalid value",
    "1002": "Missing value for a required parameter",
    "1003": "Invalid data",
    "1006": "Field not found",
    "1013": "Object not found",
    "1016": "Too many imports",
}

NARROWER = {"invalid_header": "1006", "missing_column": "1006", "no_file": "1002", "unknown_object": "1013"}
"""Marketo's code for a problem that has another one than its kind of error."""

WORDS = {
    ImportStatus.QUEUED: "Queued",
    ImportStatus.IMPORTING: "Importing",
    ImportStatus.COMPLETE: "Complete",
    ImportStatus.FAILED: "Failed",
    ImportStatus.CANCELLED: "Failed",
}


class Refusal(Exception):
    """The call ends here, with this code in the envelope."""

    def __init__(self, code: str, detail: str | None = None) -> None:
        self.code = code
        self.message = f"{MESSAGES[code]}: {detail}" if detail else MESSAGES[code]
        super().__init__(f"{code} {self.message}")


def accepted(result: dict[str, Any], at: datetime) -> JSONResponse:
    return _envelope(at, {"result": [result], "success": True})


def refused(
    refusal: Refusal, at: datetime, *, status: int = 200, retry_after_seconds: int | None = None
) -> JSONResponse:
    answer = _envelope(at, {"success": False, "errors": [{"code": refusal.code, "message": refusal.message}]}, status)
    if retry_after_seconds:
        answer.headers["Retry-After"] = str(retry_after_seconds)
    return answer


def _envelope(at: datetime, content: dict[str, Any], status: int = 200) -> JSONResponse:
    request_id = f"{secrets.token_hex(2)}#{int(at.timestamp() * 1000):x}"
    return JSONResponse({"requestId": request_id} | content, status, media_type=JSON_TYPE)


def refusal_of(error: CallerError) -> Refusal:
    """The same error with Marketo's code and our words."""
    return Refusal(_code(error), error.message)


def _code(error: CallerError) -> str:
    if error.code in NARROWER:
        return NARROWER[error.code]
    match error:
        case BadParameter():
            return "1001"
        case TooSlow():
            return "604"
        case UnsupportedMedia():
            return "612"
        case BrokenUpload():
            return "613"
        case Forbidden():
            return "603"
        case NotFound() | Gone():
            return "1013"
        case Backlog():
            return "1016"
        case TooManyRequests():
            return "606"
        case DiskFull():
            return "608"
        case _:
            return "1003"


def describe_job(import_id: int, target: Target, status: ImportStatus = ImportStatus.QUEUED) -> dict[str, Any]:
    """The record of a job that has just been created, or waits."""
    if target.object_name_at_marketo is not None:
        return {"batchId": import_id, "status": WORDS[status], "objectApiName": target.object_name_at_marketo}
    return {"batchId": import_id, "importId": str(import_id), "status": WORDS[status]}


def describe_import(import_: Import) -> dict[str, Any]:
    """The record of a job as it stands: with counts once it is importing, and with a message once it has ended."""
    target = import_.request.target
    names_its_object = target.object_name_at_marketo is not None
    record = describe_job(import_.id, target, import_.status) | ({"operation": "import"} if names_its_object else {})
    if import_.status is ImportStatus.QUEUED:
        return record
    record[target.row_count_field] = import_.rows.imported
    record |= {"numOfRowsFailed": import_.rows.failed, "numOfRowsWithWarning": import_.rows.warned}
    if import_.status not in FINISHED:
        return record
    if names_its_object and import_.started_at and import_.finished_at:
        record["importTime"] = f"{round((import_.finished_at - import_.started_at).total_seconds())} second(s)"
    return record | {"message": _message(import_)}


def _message(import_: Import) -> str:
    match import_.status:
        case ImportStatus.CANCELLED:
            return f"Import cancelled, {import_.rows.imported} records imported, {import_.rows.pending} not sent"
        case ImportStatus.FAILED:
            return import_.error.message if import_.error else "Import failed"
        case _:
            return _counted(import_.rows)


def _counted(rows: Rows) -> str:
    """The message of a complete job. Adobe's samples show three of its four forms; the fourth combines them."""
    begin = "Import completed with errors" if rows.failed else "Import succeeded"
    failed = f", {rows.failed} failed" if rows.failed else ""
    warned = f", {rows.warned} warning." if rows.warned else ""
    return f"{begin}, {rows.imported} records imported ({rows.imported} members){failed}{warned}"
