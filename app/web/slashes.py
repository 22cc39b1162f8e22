"""Slashes too many in a path: `/v1/imports/` and `//v1/imports` are `/v1/imports`. Nobody is redirected."""

from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send


class Slashes:
    """Stands before whatever looks at a path."""

    def __init__(self, app: ASGIApp, *, ending: Collection[str] = ()) -> None:
        """`ending`: paths whose last slash belongs to them."""
        self._app = app
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (path := self._plain(scope["path"])) != scope["path"]:
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

    def _plain(self, path: str) -> str:
        plain = "/" + "/".join(step for step in path.split("/") if step)
        return f"{plain}/" if f"{plain}/" in self._ending else plain
