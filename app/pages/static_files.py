"""The style sheet and the scripts: read once, and served under an address that changes with their content."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.domain.errors import NotFound

FOLDER = Path(__file__).parent / "static"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in MEDIA_TYPES}
VERSION = hashlib.blake2b(b"\0".join(name.encode() + b"\0" + FILES[name] for name in FILES), digest_size=6).hexdigest()
"""Of all files together: so a module finds the others beside it, by a relative address, in the same version."""
KEPT = "public, max-age=31536000, immutable"


def url(name: str) -> str:
    assert name in FILES, name
    return f"/static/{VERSION}/{name}"


async def serve(request: Request) -> Response:
    """A file. One that an older page asks for is given as it is now, and not kept. Errors: NotFound."""
    version, name = request.path_params["version"], request.path_params["name"]
    if name not in FILES:
        raise NotFound("There is no such file.")
    headers = {
        "Cache-Control": KEPT if version == VERSION else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(FILES[name], headers=headers, media_type=MEDIA_TYPES[Path(name).suffix])


ROUTES = (Route("/static/{version}/{name}", serve, include_in_schema=False),)
