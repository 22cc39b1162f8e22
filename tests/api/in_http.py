"""What Marketo says in its envelope, said in HTTP: Schemathesis knows a refusal by its status, and Marketo's are 200.

Both sides are translated, the document and the answers, so that every check holds for Marketo's paths as for our own:
what is valid must be taken, what is not refused, a wrong token turned away, and nothing but 608 and 611 be our fault.
"""

import json
from copy import deepcopy
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.openapi.answers import operations

STATUSES = {
    **dict.fromkeys(("600", "601", "602"), 401),
    "603": 403,
    "604": 408,
    "605": 405,
    "606": 429,
    "608": 503,
    "610": 404,
    "611": 500,
    "612": 415,
    "613": 400,
    **dict.fromkeys(("1001", "1002", "1003", "1006"), 422),
    "1013": 404,
    "1016": 429,
}
THEIRS = ("/identity/", "/bulk/")
ALLOW = (b"allow", b"GET, POST")  # a 405 has to have one; what Marketo answers is none
REFUSAL = {"$ref": "#/components/schemas/MarketoRefusal"}


def translated(document: dict[str, Any]) -> dict[str, Any]:
    """What is 200 is no refusal; what is a refusal has a status of its own."""
    document = deepcopy(document)
    for _, path, operation in operations(document):
        if not path.startswith(THEIRS):
            continue
        good = operation["responses"]["200"]["content"]
        told = good["application/json"]["schema"]
        kept = [item for item in told.get("anyOf", [told]) if item != REFUSAL]
        assert kept != told.get("anyOf", [told]), f"{path} never refuses"
        if kept:
            (good["application/json"]["schema"],) = kept
        else:
            del good["application/json"]
        refusal = {"description": "Marketo's envelope", "content": {"application/json": {"schema": REFUSAL}}}
        operation["responses"]["4XX"] = refusal
    return document


class InHttp:
    """Gives every refusal in Marketo's envelope the status that it would have elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head: Message | None = None

        async def told(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start" and message["status"] == 200 and _is_json(message):
                head = message
                return
            if head:
                answer = json.loads(message["body"])
                for error in answer.get("errors", ()):
                    head["status"] = STATUSES[error["code"]]
                if head["status"] == 405 and scope["method"] != "OPTIONS":
                    head["headers"] = [*head["headers"], ALLOW]
                await send(head)
                head = None
            await send(message)

        theirs = scope["type"] == "http" and scope["path"].startswith(THEIRS)
        await self._app(scope, receive, told if theirs else send)


def _is_json(head: Message) -> bool:
    return dict(head["headers"]).get(b"content-type", b"").startswith(b"application/json")
