"""Who may follow an import's events: a caller with a key, or with a stream token, as browsers have it."""

from fastapi import Security
from fastapi.security import APIKeyQuery
from starlette.requests import Request

from app.api import sse
from app.api.auth import Guarded, caller_of, refuse_key_in_url
from app.container import Container
from app.domain.api_keys import EVERYBODY, Caller
from app.domain.errors import Unauthorized
from app.web.callers import count_request
from app.web.values import LARGEST_ID, SMALLEST_ID, whole

PARAMETER = "stream_token"
_TOKEN = APIKeyQuery(
    name=PARAMETER, auto_error=False, description="In place of a key, for the event stream of one import, for a minute"
)
SHOWN = Security(_TOKEN)
"""Says in the document that a token will do. `OpenToTokens` is what reads it."""


class OpenToTokens(Guarded):
    """The route of an event stream. Errors: Unauthorized, TooManyRequests."""

    @staticmethod
    async def find_caller(request: Request) -> Caller:
        token = request.query_params.get(PARAMETER)
        return await caller_of(request) if token is None else await _holder(request, token)


async def _holder(request: Request, token: str) -> Caller:
    """Whom a stream token stands for. Errors: Unauthorized, TooManyRequests."""
    container: Container = request.app.state.container
    if container.settings.auth == "off":
        return EVERYBODY
    refuse_key_in_url(request)
    if not sse.is_wanted(request):
        raise Unauthorized("A stream token opens the stream of events alone: ask with Accept: text/event-stream.")
    import_id = whole(request.path_params["import_id"], SMALLEST_ID, LARGEST_ID)
    key = await container.stream_tokens.holder(token, import_id or 0)
    if key is None:
        message = "This stream token is another import's, or its minute is over, or its key is. "
        raise Unauthorized(message + "Get another one: POST /v1/imports/{id}/stream-token.")
    count_request(request, key.caller)
    request.state.key_id = key.id
    return key.caller
