"""What Marketo's paths answer, and how one is let in, as the OpenAPI document names it."""

from typing import Any

from app.api.marketo_compat.answers import MESSAGES, WORDS
from app.domain.objects import OBJECT_TYPES
from app.web.values import LARGEST_ID, SMALLEST_ID


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(*optional: str, **properties: Any) -> dict[str, Any]:
    """Closed: what we answer is what Marketo answers, and nothing besides."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _the_one(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": 1}


def _envelope(success: bool, **more: Any) -> dict[str, Any]:
    return _object(requestId=TEXT | {"pattern": "^[0-9a-f]+#[0-9a-f]+$"}, success={"const": success}, **more)


def _row_counts(*, names_its_object: bool) -> dict[str, Any]:
    """The fields of counted rows, of the object types whose jobs name their object, or of all others."""
    examples = [kind.example() for kind in OBJECT_TYPES.values()]
    return {
        example.row_count_field: COUNT
        for example in examples
        if (example.object_name_at_marketo is not None) is names_its_object
    }


TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
BATCH = {"type": "integer", "minimum": SMALLEST_ID, "maximum": LARGEST_ID}
STATUS = {"type": "string", "enum": sorted(set(WORDS.values()))}
OUTCOME = {"numOfRowsFailed": COUNT, "numOfRowsWithWarning": COUNT, "message": TEXT}
ERROR = _object(
    code={
        "type": "string",
        "enum": list(MESSAGES),
        "description": "; ".join(f"`{code}`: {message}" for code, message in MESSAGES.items()),
    },
    message=TEXT | {"description": "Marketo's sentence; it may go on in ours"},
)

COMPONENTS: dict[str, dict[str, Any]] = {
    "schemas": {
        "MarketoJob": _object(
            *_row_counts(names_its_object=False),
            *OUTCOME,
            batchId=BATCH,
            importId=TEXT,
            status=STATUS,
            **_row_counts(names_its_object=False),
            **OUTCOME,
        ),
        "MarketoObjectJob": _object(
            *("operation", "importTime", *_row_counts(names_its_object=True)),
            *OUTCOME,
            batchId=BATCH,
            status=STATUS,
            objectApiName=TEXT,
            operation={"const": "import"},
            **_row_counts(names_its_object=True),
            importTime=TEXT,
            **OUTCOME,
        ),
        "MarketoAnswer": _envelope(True, result=_the_one(ref("MarketoJob"))),
        "MarketoObjectAnswer": _envelope(True, result=_the_one(ref("MarketoObjectJob"))),
        "MarketoRefusal": _envelope(False, errors=_the_one(ERROR)),
        "MarketoToken": _object(
            access_token=TEXT,
            token_type={"const": "bearer"},
            expires_in=COUNT | {"description": "Seconds"},
            scope=TEXT | {"description": "The client whose key it stands for"},
        ),
        "MarketoTokenRefusal": _object(
            error={"type": "string", "enum": ["invalid_client", "unsupported_grant_type"]}, error_description=TEXT
        ),
    },
    "securitySchemes": {
        "MarketoToken": {"type": "http", "scheme": "bearer", "description": "A token of `/identity/oauth/token`"},
        "MarketoTokenInQuery": {
            "type": "apiKey",
            "in": "query",
            "name": "access_token",
            "description": "The same token. It may be a field of the form, too",
        },
    },
}
A_TOKEN: list[dict[str, list[str]]] = [{"MarketoToken": []}, {"MarketoTokenInQuery": []}]
"""Either will do."""
