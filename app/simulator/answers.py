"""What the simulator answers: Marketo's envelopes, its errors and its files, as values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json;charset=UTF-8"
FILE_TYPE = "text/csv;charset=UTF-8"  # seen by clients for csv; assumed for tsv and ssv
HTML_TYPE = "text/html"

# Adobe, "Error codes", read 2026-08; 600 and the wording of 606, 607, 615 and 1003 as clients have seen them.
MESSAGES = {
    "600": "Empty access token",
    "601": "Access token invalid",
    "602": "Access token expired",
    "603": "Access denied",
    "604": "Request timed out",
    "605": "HTTP Method not supported",
    "606": "Max rate limit '100' exceeded with in '20' secs",
    "607": "Daily quota '50000' reached",
    "608": "API Temporarily Unavailable",
    "609": "Invalid JSON",
    "610": "Requested resource not found",
    "611": "System error",
    "612": "Invalid Content Type",
    "613": "Invalid Multipart Request",
    "614": "Invalid Subscription",
    "615": "Concurrent access limit '10' reached",
    "701": "Field cannot be blank",
    "702": "No data found for a given search scenario",
    "703": "The feature is not enabled for the subscription",
    "709": "Business Rule Violation",
    "713": "Transient Error",
    "719": "Lock wait timeout exception",
    "1001": "Invalid value. Required of another type",
    "1002": "Missing value for a required parameter",
    "1003": "Empty file",
    "1004": "Lead not found",
    "1006": "Field not found",
    "1007": "Multiple leads match the lookup criteria",
    "1008": "Access denied to partition",
    "1009": "Partition name must be specified",
    "1011": "Field not supported",
    "1013": "Object not found",
    "1016": "Too many imports",
    "1019": "Import in progress",
    "1025": "Program status not found",
}


class Refusal(Exception):
    """The call ends here, with this code and message in the envelope."""

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "Error")
        super().__init__(f"{code} {self.message}")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `cut_at`: so many bytes of the body get out, then the connection breaks."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE
    code: str | None = None  # of the error, for statistics: Marketo's, or the HTTP status
    headers: tuple[tuple[str, str], ...] = ()
    cut_at: int | None = None
    delay_seconds: float = 0.0  # real ones


def dumps(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(slots=True)
class Envelopes:
    """Marketo's JSON answers, each with a request id like e42b#14272d07d78: a counter and the epoch in ms, in hex."""

    _count: int = field(default=0xE000)

    def _request_id(self, now: float) -> str:
        self._count += 1
        return f"{self._count:x}#{int(now * 1000):x}"

    def success(self, now: float, result: Sequence[Any], **more: object) -> Answer:
        envelope = {"requestId": self._request_id(now), "result": list(result), "success": True, **more}
        return Answer(dumps(envelope))

    def error(self, now: float, code: str, message: str | None = None) -> Answer:
        errors = [{"code": code, "message": message or MESSAGES.get(code, "Error")}]
        envelope = {"requestId": self._request_id(now), "success": False, "errors": errors}
        return Answer(dumps(envelope), code=code)


def page(status: int, title: str) -> Answer:
    """What a gateway says: HTML, never JSON."""
    body = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    return Answer(body.encode(), status=status, content_type=HTML_TYPE, code=str(status) if status >= 400 else None)


def not_found() -> Answer:
    """No such file. Adobe documents HTTP 404 and no body (custom objects, failures and warnings)."""
    return Answer(b"", status=404, content_type=HTML_TYPE, code="404")
