"""One example of each thing that Marketo's paths take or answer."""

from typing import Any

from app.api.marketo_compat.answers import describe_job
from app.api.marketo_compat.parameters import IN_PATH as OURS_IN_PATH
from app.domain.objects import OBJECT_TYPES, Target, target_parameters
from app.store.results import Kind

BATCHES = {name: number for number, name in enumerate(OBJECT_TYPES, 1)}
IN_PATH: dict[str, Any] = {theirs: target_parameters()[ours].example for theirs, ours in OURS_IN_PATH.items()}

_REQUEST: dict[str, Any] = {"requestId": "e42b#14272d07d78"}
_DONE = {"status": "Complete", "numOfRowsFailed": 1, "numOfRowsWithWarning": 0}
_SAID = {"message": "Import completed with errors, 4 records imported (4 members), 1 failed"}


def _form(kind: type[Target]) -> dict[str, Any]:
    sent = {
        parameter.at_marketo: parameter.example
        for parameter in kind.parameters().values()
        if parameter.at_marketo and not parameter.in_path and parameter.example is not None
    }
    return {"format": "csv"} | sent | {"file": kind.example_file}


def _made(kind: type[Target]) -> dict[str, Any]:
    return describe_job(BATCHES[kind.object_type], kind.example())


def _counted(kind: type[Target]) -> dict[str, Any]:
    if kind.example().object_name_at_marketo is None:
        return {kind.row_count_field: 4}
    return {"operation": "import", kind.row_count_field: 4, "importTime": "3 second(s)"}


def _accepted(result: dict[str, Any]) -> dict[str, Any]:
    return _REQUEST | {"success": True, "result": [result]}


FORMS = {name: _form(kind) for name, kind in OBJECT_TYPES.items()}
MADE = {name: _accepted(_made(kind)) for name, kind in OBJECT_TYPES.items()}
DONE = {name: _accepted(_made(kind) | _DONE | _counted(kind) | _SAID) for name, kind in OBJECT_TYPES.items()}


def _refused(code: str, message: str) -> dict[str, Any]:
    return _REQUEST | {"success": False, "errors": [{"code": code, "message": message}]}


REFUSAL = _refused("602", "Access token expired")
AWAY = _refused("608", "API Temporarily Unavailable")
TOO_LARGE = _refused("1003", "Invalid data: This body may have 65536 bytes.")
FILES = {
    Kind.FAILURES: "email,firstName,Import Failure Reason\r\n,Tess,Value for lookup field 'email' not found\r\n",
    Kind.WARNINGS: "email,firstName,Import Warning Reason\r\nno-address,Tess,Invalid email address\r\n",
}
GRANT = {
    "grant_type": "client_credentials",
    "client_id": "0a1b2c3d4e5f",
    "client_secret": "1f0e2d3c4b5a69788796a5b4c3d2e1f00112233445566778",
}
TOKEN = {
    "access_token": "0a1b2c3d4e5f.1795428000.5f2b…",
    "token_type": "bearer",
    "expires_in": 3600,
    "scope": "crm-sync",
}
NO_CLIENT = {"error": "invalid_client", "error_description": "Bad client credentials"}
NO_GRANT = {"error": "unsupported_grant_type", "error_description": "Send grant_type=client_credentials"}
