"""What Schemathesis cannot make up: a file that holds leads. Loaded by schemathesis.toml."""

from typing import Any

import schemathesis

from tests.story.files import LEADS

FOR_LEADS = {"instance": "default", "label": "made by hand", "priority": 7}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Every raw CSV that fits the document becomes a real one, so that there is something to follow."""
    if case.operation.definition.raw.get("operationId") != "imports_create" or case.media_type != "text/csv":
        return
    if case.meta and case.meta.generation.mode.is_positive:
        case.body, case.query = LEADS.decode(), dict(FOR_LEADS)
        case.headers = {name: value for name, value in case.headers.items() if name == "Authorization"}
