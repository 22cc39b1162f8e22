"""One example of each thing that Marketo's paths take or answer."""

from typing import Any

from app.api.openapi.examples import LEADS_CSV
from app.domain.objects import ObjectType
from app.store.results import Kind

LEAD, OBJECT, MEMBER = ObjectType.LEAD, ObjectType.CUSTOM_OBJECT, ObjectType.PROGRAM_MEMBER

FORMS: dict[ObjectType, dict[str, Any]] = {
    LEAD: {"format": "csv", "lookupField": "email", "file": LEADS_CSV},
    OBJECT: {"format": "csv", "file": "vin,make,model\r\nWBA3A5C57CF256651,bmw,320\r\n"},
    MEMBER: {"format": "csv", "programMemberStatus": "On List", "file": LEADS_CSV},
}
IN_PATH: dict[str, Any] = {"name": "car_c", "id": 1001}
BATCHES = {LEAD: 1, OBJECT: 2, MEMBER: 3}

_REQUEST: dict[str, Any] = {"requestId": "e42b#14272d07d78"}
_DONE = {"status": "Complete", "numOfRowsFailed": 1, "numOfRowsWithWarning": 0}
_SAID = {"message": "Import completed with errors, 4 records imported (4 members), 1 failed"}
_MADE: dict[ObjectType, dict[str, Any]] = {
    LEAD: {"batchId": 1, "importId": "1", "status": "Queued"},
    OBJECT: {"batchId": 2, "status": "Queued", "objectApiName": "car_c"},
    MEMBER: {"batchId": 3, "importId": "3", "status": "Queued"},
}
_COUNTED: dict[ObjectType, dict[str, Any]] = {
    LEAD: {"numOfLeadsProcessed": 4},
    OBJECT: {"operation": "import", "numOfObjectsProcessed": 4, "importTime": "3 second(s)"},
    MEMBER: {"numOfLeadsProcessed": 4},
}


def _accepted(result: dict[str, Any]) -> dict[str, Any]:
    return _REQUEST | {"success": True, "result": [result]}


MADE = {kind: _accepted(made) for kind, made in _MADE.items()}
DONE = {kind: _accepted(made | _DONE | _COUNTED[kind] | _SAID) for kind, made in _MADE.items()}


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
