"""What comes by the socket of the database's owner: the whole API, without a key, and what is for nobody else.

That is no part of the published contract: the command that asks for it is of the same version as the service.
"""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.auth import as_owner
from app.api.errors import of_caller
from app.container import Container
from app.domain.api_keys import EVERYBODY
from app.domain.errors import CallerError
from app.operations import rekey
from app.operations.restored import as_json

REKEY = "/owner/rekey"  # as in app/cli/rekey.py
RESTORED = "/owner/restored"  # as in app/cli/restored.py, which does not load this API


def for_owner(app: ASGIApp, container: Container) -> ASGIApp:
    """The application of the owner's socket, around the one for everybody."""
    api = as_owner(app)

    async def owned(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", RESTORED):
            answer = await _restored(Request(scope, receive), container)
            await answer(scope, receive, send)
        elif scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", REKEY):
            answer = await _rekey(Request(scope, receive), container)
            await answer(scope, receive, send)
        else:
            await api(scope, receive, send)

    return owned


async def _rekey(request: Request, container: Container) -> Response:
    """`?stage=` and `?after=`: where to go on. See app/operations/rekey.py."""
    done = await container.rekey.work(rekey.place_of(request.query_params))
    return JSONResponse(rekey.as_json(done, await container.rekey.keys()))


async def _restored(request: Request, container: Container) -> Response:
    """`?since=`, in RFC 3339: see app/operations/restored.py."""
    since = datetime.fromisoformat(request.query_params["since"])
    try:
        return JSONResponse(as_json(*await container.restored.run(since=since, by=EVERYBODY.client)))
    except CallerError as mistake:
        return of_caller(request, mistake)
