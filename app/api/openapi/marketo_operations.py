"""What the published document says of Marketo's paths. marketo_compat/routes.py makes each route with its operation."""

import re
from collections.abc import Mapping
from typing import Any

from app.api.marketo_compat.parameters import IN_PATH, accepted_names
from app.api.openapi import answers, inputs
from app.api.openapi import marketo_examples as examples
from app.api.openapi.inputs import in_query
from app.api.openapi.marketo_schemas import A_TOKEN, BATCH, TEXT, ref
from app.api.parameters import PARAMETERS
from app.domain.objects import Target
from app.store.results import Kind

Operation = dict[str, Any]

ROWS = {Kind.FAILURES: "were rejected", Kind.WARNINGS: "were taken with a remark"}
NAMES = {
    "create": "createMarketo{object_type}Batch",
    "status": "getMarketo{object_type}Batch",
    "failures": "getMarketo{object_type}Failures",
    "warnings": "getMarketo{object_type}Warnings",
}
SUMMARIES = {
    "create": "Create a batch of {plural}",
    "status": "Get the status of a batch of {plural}",
    "failures": "Get the rejected rows of a batch of {plural}",
    "warnings": "Get the remarked rows of a batch of {plural}",
}
RETRY_AFTER = {"Retry-After": answers.RETRY_AFTER}
GRANT: dict[str, dict[str, Any]] = {
    "grant_type": {"type": "string", "enum": ["client_credentials"]},
    "client_id": TEXT | {"description": "The middle part of a key: `slc_<id>_<secret>`"},
    "client_secret": TEXT | {"description": "The last part of it"},
}
TOKEN_IN_FORM = TEXT | {"description": "The token, where it is neither in the header nor in the query"}


def token(*, in_form: bool) -> Operation:
    operation: Operation = {
        "tags": ["marketo"],
        "operationId": "postMarketoToken" if in_form else "getMarketoToken",
        "summary": "Get a token, as at Marketo",
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
        return operation | {
            "parameters": [
                in_query(name, form, name) | {"required": True, "example": examples.GRANT[name]}
                for name, form in GRANT.items()
            ]
        }
    operation["description"] += " Both may be in the query, too."
    operation["responses"] |= _too_large("The body")
    form = {"type": "object", "required": list(GRANT), "properties": GRANT}
    content = {"application/x-www-form-urlencoded": {"schema": form, "example": examples.GRANT}}
    return operation | {"requestBody": {"required": True, "content": content}}


def create(kind: type[Target], path: str) -> Operation:
    schemas = {marketo_name: PARAMETERS[name].form for marketo_name, name in accepted_names(kind).items()}
    answer = _answer(kind, "Queued; or why not", examples.MADE)
    job_parameters = {"batchId": "$response.body#/result/0/batchId"}
    job_parameters |= {name: f"$request.path.{name}" for name in _names_in(kind.status_path) if name != "batchId"}
    links = {
        name: {"operationId": _operation_id(kind, name), "parameters": job_parameters}
        for name in ("status", *map(str, Kind))
    }
    operation = _about(
        kind,
        path,
        "create",
        f"Take a file of {kind.plural} in. Its batch is the import of this number.",
        answer | {"links": links},
    )
    operation["parameters"] += [
        in_query(marketo_name, schemas[marketo_name], inputs.describe(name))
        for marketo_name, name in accepted_names(kind).items()
    ]
    operation["responses"] |= _too_large("The file")
    form = inputs.form_of_file(
        f"Marketo{_in_names(kind)}Form", schemas | {"access_token": TOKEN_IN_FORM}, examples.FORMS[kind.object_type]
    )
    return operation | {"requestBody": {"required": True, "content": {"multipart/form-data": form}}}


def status(kind: type[Target], path: str) -> Operation:
    answer = _answer(kind, "As it stands; or why not", examples.DONE)
    return _about(kind, path, "status", f"A batch of {kind.plural} as it stands.", answer)


def file(result_kind: Kind, kind: type[Target], path: str) -> Operation:
    answer = _json("A file in the format of the batch; or why not", MarketoRefusal=examples.REFUSAL)
    answer["content"]["text/csv"] = {"schema": TEXT, "example": examples.FILES[result_kind]}
    operation = _about(
        kind, path, str(result_kind), f"The rows of a finished batch of {kind.plural} that {ROWS[result_kind]}.", answer
    )
    operation["responses"]["404"] = {"description": "There are none, or the batch is not finished"}
    return operation


def _about(kind: type[Target], path: str, verb: str, does: str, good: Operation) -> Operation:
    return {
        "tags": ["marketo"],
        "operationId": _operation_id(kind, verb),
        "summary": f"{SUMMARIES[verb].format(plural=kind.plural)}, as at Marketo",
        "description": does,
        "security": A_TOKEN,
        "parameters": [_in_path(name, kind) for name in _names_in(path)],
        "responses": {"200": good | {"headers": RETRY_AFTER}},
    }


def _operation_id(kind: type[Target], verb: str) -> str:
    return NAMES[verb].format(object_type=_in_names(kind))


def _in_names(kind: type[Target]) -> str:
    return "".join(word.title() for word in kind.object_type.split("_"))


def _answer(kind: type[Target], description: str, shown_examples: Mapping[str, Any]) -> dict[str, Any]:
    """A job's record, with the example for this object type, or a refusal."""
    schema = "MarketoAnswer" if kind.example().object_name_at_marketo is None else "MarketoObjectAnswer"
    return _json(description, **{schema: shown_examples[kind.object_type], "MarketoRefusal": examples.REFUSAL})


def _names_in(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def _in_path(name: str, kind: type[Target]) -> dict[str, Any]:
    parameter = {"name": name, "in": "path", "required": True}
    if name == "batchId":
        return parameter | {
            "schema": BATCH,
            "description": "The number of the import",
            "example": examples.BATCHES[kind.object_type],
        }
    declared = PARAMETERS[IN_PATH[name]]
    return parameter | {
        "schema": declared.form,
        "description": inputs.sentence(declared.means),
        "example": examples.IN_PATH[name],
    }


def _json(description: str, **examples_by_schema: Mapping[str, Any]) -> dict[str, Any]:
    """One of these schemas, each with an example."""
    schemas = [ref(name) for name in examples_by_schema]
    content = {
        "schema": {"anyOf": schemas} if schemas[1:] else schemas[0],
        "examples": {name: {"value": value} for name, value in examples_by_schema.items()},
    }
    return {"description": description, "content": {"application/json": content}}


def _too_large(subject: str) -> dict[str, Any]:
    return {"413": _json(f"{subject} is larger than what is taken", MarketoRefusal=examples.TOO_LARGE)}
