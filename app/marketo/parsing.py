"""Turns Marketo's replies into values of domain/answers.py. Pure functions: no bytes make them raise."""

from dataclasses import replace
from typing import Any

from app.domain.answers import (
    Accepted,
    Answer,
    Description,
    Field,
    MarketoStatus,
    NoFile,
    OutcomeUnknown,
    QueryFailed,
    Report,
    ResultFile,
    Unusable,
)
from app.domain.objects import OBJECT_TYPES
from app.marketo import codes
from app.marketo.reply import Reply, text

LARGEST = 2**63 - 1  # what a database column holds
TEXT_FILES = ("application/octet-stream", "application/csv", "application/vnd.ms-excel", "")
MARKUP = ("text/html", "text/xml")


def answer(reply: Reply) -> Answer:
    """The outcome of a submission. Whatever is not clearly yes or no is OutcomeUnknown."""
    if reply.status >= 500 or reply.status in {413, 429}:
        return codes.answer_to_http(reply.status)
    if (error := reply.error) is not None:
        return codes.answer_to_submission(*error)
    if not reply.ok:
        return codes.answer_to_http(reply.status)
    records = reply.result
    batch_id = _number(records[0].get("batchId")) if records else None
    if not records or not batch_id:
        return OutcomeUnknown(f"HTTP {reply.status} with a body that names no batch ({_what(reply)})")
    return Accepted(batch_id, _status(records[0]) or MarketoStatus.QUEUED, text(records[0].get("message")))


def report(reply: Reply, batch_id: int) -> Report | QueryFailed:
    """The outcome of a status query."""
    if (failure := _failure(reply)) is not None:
        return replace(failure, unknown_job=failure.code in codes.UNKNOWN_JOB)
    records = reply.result
    if not records:
        return QueryFailed(f"HTTP {reply.status} with a body that is no status ({_what(reply)})")
    record = records[0]
    if _number(record.get("batchId")) != batch_id:
        return QueryFailed(f"asked about batch {batch_id}, Marketo spoke of another one")
    counted = [_number(record.get(kind.row_count_field)) for kind in OBJECT_TYPES.values()]
    return Report(
        _status(record),
        next((count for count in counted if count is not None), None),
        _number(record.get("numOfRowsFailed")),
        _number(record.get("numOfRowsWithWarning")),
        text(record.get("message")),
    )


def result_file(reply: Reply) -> ResultFile | NoFile | QueryFailed:
    """The outcome of a query for failures or warnings: the same URL gives a delimited file or a JSON error."""
    if reply.status == 404:
        return NoFile()
    if (failure := _failure(reply)) is not None:
        return failure
    if not reply.whole:
        return QueryFailed("the result file broke off", unusable=Unusable.CUT_OFF)
    if not reply.body.strip():
        return NoFile()
    begin = reply.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not _is_text(reply.media_type) or begin == b"<":
        unusable = {b"<": Unusable.HTML, b"{": Unusable.JSON, b"[": Unusable.JSON}.get(begin, Unusable.NO_ANSWER)
        return QueryFailed(f"this is no result file ({_what(reply)})", unusable=unusable)
    return ResultFile(reply.body)


def description(reply: Reply) -> Description | QueryFailed:
    """The outcome of a describe call: for leads each field is a record; for other objects one record has all fields."""
    if (failure := _failure(reply)) is not None:
        return failure
    records = reply.result
    if not records:
        return QueryFailed(f"HTTP {reply.status} with a body that is no description ({_what(reply)})")
    dedupe = records[0].get("dedupeFields")
    listed = records[0].get("fields")
    fields = [_field(field) for field in (listed if isinstance(listed, list) else records)]
    return Description(
        tuple({field.name: field for field in fields if field}.values()),
        tuple(name for name in dedupe if isinstance(name, str)) if isinstance(dedupe, list) else (),
    )


def object_names(reply: Reply) -> tuple[str, ...] | QueryFailed:
    """The outcome of a query for the objects that there are: their API names."""
    if (failure := _failure(reply)) is not None:
        return failure
    return tuple(name for record in reply.result or () if (name := text(record.get("name"))))


def _failure(reply: Reply) -> QueryFailed | None:
    if (error := reply.error) is not None:
        return codes.query_failure(*error)
    return None if reply.ok else codes.query_failure_of_http(reply.status)


def _field(record: object) -> Field | None:
    """One field: `rest: {name, readOnly}` in the older lead describe, else `name` and `updateable`; else None."""
    if not isinstance(record, dict):
        return None
    rest: Any = record.get("rest")
    name = text(rest.get("name") if isinstance(rest, dict) else record.get("name"))
    if not name:
        return None
    locked = rest.get("readOnly") is True if isinstance(rest, dict) else record.get("updateable") is False
    return Field(
        name,
        display_name=text(record.get("displayName")),
        type=text(record.get("dataType")) or "string",
        length=_number(record.get("length")),
        writable=not locked,
    )


def _status(record: dict[str, Any]) -> MarketoStatus | None:
    word = record.get("status")
    return MarketoStatus(word) if isinstance(word, str) and word in set(MarketoStatus) else None


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST:
        return value
    return None


def _is_text(media_type: str) -> bool:
    return media_type in TEXT_FILES or (media_type.startswith("text/") and media_type not in MARKUP)


def _what(reply: Reply) -> str:
    cut = "" if reply.whole else ", cut off"
    return f"{text(reply.media_type[:80]) or 'no content type'}, {len(reply.body)} bytes{cut}"
