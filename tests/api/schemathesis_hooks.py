"""What Schemathesis cannot make up: a file that holds leads, and the id and secret of a key. See schemathesis.toml."""

import os
from typing import Any

import schemathesis

from tests.story.files import LEADS

FOR_LEADS = {"instance": "default", "label": "made by hand", "priority": 7}
CREDENTIALS = {name: os.environ[f"SLUICE_{name.upper()}"] for name in ("client_id", "client_secret")}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """What fits the document becomes real, so that there is something to follow."""
    if not case.meta or not case.meta.generation.mode.is_positive:
        return
    match case.operation.definition.raw.get("operationId"):
        case "createImport" | "checkFile" if case.media_type == "text/csv":
            case.body, case.query = LEADS.decode(), dict(FOR_LEADS)
            case.headers = {name: value for name, value in case.headers.items() if name == "Authorization"}
        case "getMarketoToken":
            case.query = {**case.query, **CREDENTIALS}
        case "postMarketoToken":
            case.body = {**case.body, **CREDENTIALS}


@schemathesis.check
def problem_is_documented(_context: Any, response: Any, case: Any) -> None:
    """One schema stands for all problems. Which of them an operation gives, the examples of its answers say."""
    if response.headers.get("content-type") != ["application/problem+json"]:
        return
    problem = response.json()
    answer = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    documented = answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
    assert problem["status"] == response.status_code
    assert problem["code"] in documented or response.status_code == 405, f"{problem['code']} is not documented"


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """An empty parameter is as good as none (docs/api.md). No schema of a time says so, so none is tried there."""
    return not isinstance(case.query, dict) or case.query.get("not_before") != ""
