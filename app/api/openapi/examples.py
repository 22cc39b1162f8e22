"""One example of each thing that the API takes or answers: in the published document and in docs/api.md."""

from typing import Any

from app.domain.objects import Leads, fields_of

IMPORT: dict[str, Any] = {
    "id": 42,
    "object_type": "lead",
    "instance": "default",
    "client": "crm-sync",
    "format": "csv",
    **fields_of(Leads()),
    "priority": 5,
    "not_before": None,
    "review_until": None,
    "on_unconfirmed": "resubmit",
    "label": "nightly",
    "metadata": {"run": "17"},
    "column_map": None,
    "status": "importing",
    "attention": None,
    "file": {
        "name": "leads.csv",
        "bytes": 3145728,
        "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "rows": 35000,
        "ragged_rows": 0,
    },
    "rows": {"total": 35000, "imported": 12000, "failed": 12, "warned": 3, "pending": 22988},
    "parts": {"total": 1, "waiting": 0, "at_marketo": 1, "complete": 0, "failed": 0, "cancelled": 0},
    "progress": 0.3432,
    "estimated_finish_at": "2026-11-23T10:04:00.000Z",
    "error": None,
    "created_at": "2026-11-23T10:00:00.000Z",
    "started_at": "2026-11-23T10:00:02.000Z",
    "finished_at": None,
    "retry_of": None,
    "left_out": None,
    "links": {
        "self": "/v1/imports/42",
        "parts": "/v1/imports/42/parts",
        "events": "/v1/imports/42/events",
        "failures": "/v1/imports/42/failures",
        "warnings": "/v1/imports/42/warnings",
    },
}
RESOLVED_IMPORT: dict[str, Any] = IMPORT | {"bundled_imports": [43, 47]}
FILE_CHECK: dict[str, Any] = {
    "rows": 35000,
    "parts": 1,
    "columns": [
        {"name": "email", "field": "email", "data_type": "email", "mistake": None, "suggestion": None},
        {
            "name": "First Name",
            "field": None,
            "data_type": None,
            "mistake": "Marketo has no field 'First Name'. Did you mean 'firstName'?",
            "suggestion": "firstName",
        },
    ],
    "mistakes": [
        {
            "code": "invalid_header",
            "column": "First Name",
            "row": None,
            "message": "Marketo has no field 'First Name'. Did you mean 'firstName'?",
        }
    ],
    "mistakes_total": 1,
    "remarks": [{"row": 17, "column": "email", "message": "email is not an email address"}],
    "remarks_total": 1,
    "ragged_rows": 0,
    "repeated_keys": 12,
    "guessed": None,
}
NEW_WEBHOOK: dict[str, Any] = {
    "url": "https://hooks.example.com/sluice",
    "events": ["import.finished", "import.attention"],
    "description": "CRM sync",
}
WEBHOOK_CHANGES: dict[str, Any] = {"enabled": True}
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105  # an example
WEBHOOK: dict[str, Any] = {
    "id": 3,
    "client": "crm-sync",
    "url": "https://hooks.example.com/sluice",
    "description": "CRM sync",
    "events": ["import.finished", "import.attention"],
    "enabled": True,
    "off_since": None,
    "off_reason": None,
    "failing_since": None,
    "created_at": "2026-11-23T10:00:00.000Z",
}
WEBHOOK_DELIVERY: dict[str, Any] = {
    "id": 1709,
    "message_id": "msg_5b8f0c1e7a9d4c3fb2e6d8a1c0f4e7b9",
    "event": "import.finished",
    "import_id": 42,
    "instance": "default",
    "state": "waiting",
    "attempts": 1,
    "last_status": 503,
    "last_error": "the receiver answered 503",
    "next_attempt_at": "2026-11-23T10:04:05.000Z",
    "at": "2026-11-23T10:04:00.000Z",
}
API_KEY_REQUEST: dict[str, Any] = {"client": "crm-sync", "scopes": ["submit"], "expires_at": None}
KEY_TEXT = "slc_0f3a5c7e9b1d_4b0c2f6a8d1e3c5b7a9f0e2d4c6b8a1f3e5d7c9b0a2f4e6d"
API_KEY: dict[str, Any] = {
    "id": "0f3a5c7e9b1d",
    "client": "crm-sync",
    "scopes": ["submit"],
    "max_priority": 9,
    "created_at": "2026-11-23T10:00:00.000Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": None,
}
PART: dict[str, Any] = {
    "number": 1,
    "state": "importing",
    "rows": 35000,
    "bytes": 3145728,
    "batch_id": 3404,
    "bundled_with": 0,
    "attempts": 1,
    "imported": 12000,
    "failed": 12,
    "warned": 3,
    "message": None,
    "error": None,
    "last_error": {"code": "1016", "message": "Too many imports", "at": "2026-11-23T10:00:01.000Z"},
    "next_attempt_at": None,
    "waiting_for": None,
    "blocked_by": None,
    "submitted_at": "2026-11-23T10:00:02.000Z",
    "started_at": "2026-11-23T10:00:10.000Z",
    "finished_at": None,
}
EVENT: dict[str, Any] = {
    "id": 118,
    "at": "2026-11-23T10:00:02.120Z",
    "type": "accept",
    "part": 1,
    "data": {"batch_id": 3404},
}
INSTANCE_EVENT: dict[str, Any] = {
    "id": 97,
    "at": "2026-11-23T09:58:11.004Z",
    "type": "paused",
    "part": None,
    "data": {"by": "ops", "reason": "Spring cleaning"},
}
RESULT_ROW: dict[str, Any] = {
    "source_row": 20,
    "reason": "Value for lookup field 'email' not found",
    "values": {"email": None, "firstName": "Tess", "lastName": "Unknown"},
    "raw": None,
}
STREAM_TOKEN: dict[str, Any] = {
    "token": "6f1c0d…",
    "expires_at": "2026-11-23T10:01:00.000Z",
}
IMPORT_CHANGE: dict[str, Any] = {"priority": 9, "not_before": None}
FAILURE_REASON: dict[str, Any] = {
    "reason": "Value for lookup field 'email' not found",
    "rows": 12,
    "first_source_row": 20,
}
INSTANCE: dict[str, Any] = {
    "name": "default",
    "base_url": "https://marketo.example.com",
    "state": "running",
    "reason": None,
    "until": None,
    "limits": {"importing": 2, "queued": 10},
    "slots": {"used": 4, "importing": 2, "queued": 2, "unconfirmed": 0},
    "waiting": {"parts": 17, "rows": 1400000, "oldest_seconds": 86},
    "calls": {"today": 812, "quota": 50000, "last_window": 7, "window_limit": 100},
    "throughput": {"rows_per_second": 5100.0},
    "worker": {"id": "worker-1", "heartbeat_at": "2026-11-23T10:00:02.000Z"},
    "paused": None,
    "last_error": {
        "at": "2026-11-23T10:00:01.000Z",
        "call": "create",
        "code": "1016",
        "message": "Too many imports",
    },
}
JOB: dict[str, Any] = {
    "id": 31,
    "batch_id": 3404,
    "state": "importing",
    "object_type": "lead",
    "rows": 35000,
    "bytes": 3145728,
    "parts": 42,
    "imports": 42,
    "imported": 12000,
    "failed": 12,
    "warned": 3,
    "message": None,
    "attempts": 1,
    "submitted_at": "2026-11-23T10:00:02.000Z",
    "started_at": "2026-11-23T10:00:10.000Z",
    "finished_at": None,
    "estimated_finish_at": "2026-11-23T10:00:21.000Z",
}
STATUS: dict[str, Any] = {
    "status": "ok",
    "checks": [{"name": "worker:default", "status": "ok", "detail": "worker-1"}],
    "imports": {"queued": 3, "importing": 2, "complete": 140, "failed": 0, "cancelled": 1},
    "instances": [INSTANCE],
}
PROBLEM: dict[str, Any] = {
    "type": "/problems/missing-column",
    "title": "A key column is missing",
    "status": 422,
    "detail": "Column 'email' is missing; found: firstName, lastName.",
    "instance": "/v1/imports",
    "code": "missing_column",
    "errors": [{"field": "email", "message": "is missing"}],
    "errors_total": 1,
}

LEADS_CSV = Leads.example_file
LEADS_TSV = LEADS_CSV.replace(",", "\t")
RESOLUTIONS: list[dict[str, Any]] = [
    {"outcome": "resubmit"},
    {"outcome": "accepted", "batch_id": 3404},
    {"outcome": "give_up"},
]
PAUSE: dict[str, Any] = {"reason": "Spring cleaning"}
