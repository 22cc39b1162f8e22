"""Marketo's paths however they are spelled: with dot segments, doubled slashes, a slash at the end.

A client that is given `https://HOST/rest` as its base and asks for `../bulk/v1/leads.json` sends both as they are, and
`https://HOST/` and `/bulk/v1/leads.json` become `//bulk/v1/leads.json`. Marketo's servers resolve dots (RFC 3986,
5.2.4), as most servers do.
"""

from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

ROOTS = ("/identity", "/bulk", "/rest")
"""What Marketo's paths begin with."""


class Spelling:
    """Gives a request for one of Marketo's paths that path's plain spelling, and leaves all others alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = plain(scope["path"])
            if path in ROOTS:
                path += "/"  # or no route would match, and Starlette would redirect to it
            if path != scope["path"] and path.startswith(tuple(f"{root}/" for root in ROOTS)):
                scope = {**scope, "path": path, "raw_path": quote(path).encode()}
        await self._app(scope, receive, send)


def plain(path: str) -> str:
    """The same path without dot segments, doubled slashes and a slash at its end."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    return "/" + "/".join(segments)
