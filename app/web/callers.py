"""Who asks: by the session of a browser; and how often a client may."""

import math

from starlette.requests import Request

from app.container import Container
from app.domain.api_keys import Caller
from app.domain.errors import TooManyRequests
from app.operations.sessions import Session
from app.web.session_cookies import sent_token

COOKIE_CHARACTERS = 200  # more than any cookie of ours has


async def session_of(request: Request) -> Session | None:
    """The session that the request's cookie holds, counted against its client's rate; None where it opens nothing.

    Errors: TooManyRequests.
    """
    container: Container = request.app.state.container
    token = sent_token(request)
    if not token or len(token) > COOKIE_CHARACTERS:
        return None
    session = await container.sessions.find(token)
    if session is not None:
        count_request(request, session.key.caller)
    return session


def count_request(request: Request, caller: Caller) -> None:
    """Count one request of a client against its rate. Errors: TooManyRequests."""
    if wait_seconds := request.app.state.rates.take(caller.client):
        limit = request.app.state.container.settings.client_requests_per_minute
        message = f"A client may ask {limit} times a minute. Ask again later, or use `?wait=` and the list of imports."
        raise TooManyRequests(message, retry_after_seconds=math.ceil(wait_seconds))
