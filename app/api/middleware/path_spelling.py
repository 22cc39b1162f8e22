"""Paths with dot segments, doubled slashes or a slash at the end mean the same as without. Nobody is redirected.

A client that is given `https://HOST/rest` as its base and asks for `../bulk/v1/leads.json` sends both as they are, and
`https://HOST/` and `/bulk/v1/leads.json` become `//bulk/v1/leads.json`. Marketo's servers resolve dots (RFC 3986,
5.2.4), as most servers do. From its paths no dots lead to ours: a proxy may keep those for others.
"""

from collections.abc import Collection, Sequence
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.marketo_compat.envelope import ROOTS


class PathSpelling:
    """Gives each request the plain spelling of its path."""

    def __init__(self, app: ASGIApp, *, ending: Collection[str] = ()) -> None:
        """`ending`: the paths whose last slash belongs to them."""
        self._app = app
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (path := self._plain(scope["path"])) != scope["path"]:
            scope = {**scope, "path": path, "raw_path": quote(path).encode()}
        await self._app(scope, receive, send)

    def _plain(self, path: str) -> str:
        plain_path = plain(path)
        if plain_path.split("/")[1] not in ROOTS:
            plain_path = _joined([segment for segment in path.split("/") if segment])
        return f"{plain_path}/" if f"{plain_path}/" in self._ending else plain_path


def plain(path: str) -> str:
    """The same path without dot segments, doubled slashes and a slash at its end."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    return _joined(segments)


def _joined(segments: Sequence[str]) -> str:
    return "/" + "/".join(segments)
