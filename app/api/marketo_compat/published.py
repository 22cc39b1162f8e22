"""What the OpenAPI document says of Marketo's paths. Each route of routes.py is made with its piece of it."""

import re
from collections.abc import Mapping
from typing import Any

from app.api.marketo_compat import examples
from app.api.marketo_compat.parameters import IN_PATH, taken
from app.api.marketo_compat.schemas import A_TOKEN, BATCH, TEXT, ref
from app.api.openapi import answers, inputs
from app.api.openapi.inputs import in_query
from app.api.parameters import PARAMETERS
from app.domain.objects import ObjectType
from app.store.results import Kind

Operation = dict[str, Any]

WORDS = {
    ObjectType.LEAD: "leads",
    ObjectType.CUSTOM_OBJECT: "custom objects",
    ObjectType.PROGRAM_MEMBER: "program members",
}
ANSWERS = dict.fromkeys(ObjectType, "MarketoAnswer") | {ObjectType.CUSTOM_OBJECT: "MarketoObjectAnswer"}
ROWS = {Kind.FAILURES: "were rejected", Kind.WARNINGS: "were taken with a remark"}
RETRY_AFTER = {"Retry-After": answers.RETRY_AFTER}
GRANT: dict[str, dict[str, Any]] = {
    "grant_type": {"type": "string", "enum": ["client_credentials"]},
    "client_id": TEXT | {"description": "The middle part of a key: `slc_<id>_<secret>`"},
    "client_secret": TEXT | {"description": "The last part of it"},
}
TOKEN_IN_FORM = TEXT | {"description": "The token, where it is neither in the header nor in the query"}


def token(*, in_form: bool) -> Operation:
    told: Operation = {
        "tags": ["marketo"],
        "operationId": f"marketo_token_by_{'form' if in_form else 'query'}",
        "summary": "Token",
        "description": "A token for a key's id and secret. It lives for an hour, or as long as the key.",
        "responses": {
            "200": _json(
                "A token; or why there is none for now", MarketoToken=examples.TOKEN, MarketoRefusal=examples.AWAY
            ),
            "400": _json("No other grant is given", MarketoTokenRefusal=examples.NO_GRANT),
            "401": _json("There is no such key", MarketoTokenRefusal=examples.NO_CLIENT),
        },
    }
    if not in_form:
        return told | {
            "parameters": [
                in_query(name, form, name) | {"required": True, "example": examples.GRANT[name]}
                for name, form in GRANT.items()
            ]
        }
    told["description"] += " Both may be in the query, too."
    told["responses"] |= _too_large("The body")
    form = {"type": "object", "required": list(GRANT), "properties": GRANT}
    content = {"application/x-www-form-urlencoded": {"schema": form, "example": examples.GRANT}}
    return told | {"requestBody": {"required": True, "content": content}}


def create(kind: ObjectType, path: str) -> Operation:
    forms = {theirs: PARAMETERS[ours].form for theirs, ours in taken(kind).items()}
    made = _json("Queued; or why not", **{ANSWERS[kind]: examples.MADE[kind], "MarketoRefusal": examples.REFUSAL})
    found = {"batchId": "$response.body#/result/0/batchId"}
    if kind is ObjectType.CUSTOM_OBJECT:
        found["name"] = "$request.path.name"
    links = {
        name: {"operationId": f"marketo_{kind}_{name}", "parameters": found} for name in ("status", *map(str, Kind))
    }
    told = _about(
        kind,
        path,
        "create",
        f"Take a file of {WORDS[kind]} in. Its batch is the import of this number.",
        made | {"links": links},
    )
    told["parameters"] += [in_query(theirs, forms[theirs], inputs.means(ours)) for theirs, ours in taken(kind).items()]
    told["responses"] |= _too_large("The file")
    form = inputs.form_of_file(forms | {"access_token": TOKEN_IN_FORM}, examples.FORMS[kind])
    return told | {"requestBody": {"required": True, "content": {"multipart/form-data": form}}}


def status(kind: ObjectType, path: str) -> Operation:
    stands = _json(
        "As it stands; or why not", **{ANSWERS[kind]: examples.DONE[kind], "MarketoRefusal": examples.REFUSAL}
    )
    return _about(kind, path, "status", f"A batch of {WORDS[kind]} as it stands.", stands)


def file(of: Kind, kind: ObjectType, path: str) -> Operation:
    found = _json("A file in the format of the batch; or why not", MarketoRefusal=examples.REFUSAL)
    found["content"]["text/csv"] = {"schema": TEXT, "example": examples.FILES[of]}
    told = _about(kind, path, str(of), f"The rows of a finished batch of {WORDS[kind]} that {ROWS[of]}.", found)
    told["responses"]["404"] = {"description": "There are none, or the batch is not finished"}
    return told


def _about(kind: ObjectType, path: str, verb: str, does: str, good: Operation) -> Operation:
    return {
        "tags": ["marketo"],
        "operationId": f"marketo_{kind}_{verb}",
        "summary": f"{verb} {WORDS[kind]}".capitalize(),
        "description": does,
        "security": A_TOKEN,
        "parameters": [_in_path(name, kind) for name in re.findall(r"{(\w+)}", path)],
        "responses": {"200": good | {"headers": RETRY_AFTER}},
    }


def _in_path(name: str, kind: ObjectType) -> dict[str, Any]:
    told = {"name": name, "in": "path", "required": True}
    if name == "batchId":
        return told | {"schema": BATCH, "description": "The number of the import", "example": examples.BATCHES[kind]}
    ours = PARAMETERS[IN_PATH[name]]
    return told | {
        "schema": ours.form,
        "description": inputs.sentence(ours.means),
        "example": examples.IN_PATH[name],
    }


def _json(description: str, **shown: Mapping[str, Any]) -> dict[str, Any]:
    """One of these schemas, each with an example."""
    schemas = [ref(name) for name in shown]
    content = {
        "schema": {"anyOf": schemas} if schemas[1:] else schemas[0],
        "examples": {name: {"value": value} for name, value in shown.items()},
    }
    return {"description": description, "content": {"application/json": content}}


def _too_large(what: str) -> dict[str, Any]:
    return {"413": _json(f"{what} is larger than what is taken", MarketoRefusal=examples.TOO_LARGE)}
