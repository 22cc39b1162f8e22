"""Work on a request: it keeps others of its client waiting (a bulkhead), until it says that it only waits itself."""

from starlette.requests import Request


def leave(request: Request) -> None:
    """Say that the request waits for something from here on, and is not worked on."""
    if work := request.scope.get("state", {}).get("work"):
        work.end()
