"""Who may call, and what a caller may do.

A key is checked before anything of the body is read. Without keys (SLUICE_AUTH=off) the service trusts this machine's
loopback, and middleware/loopback_only.py keeps web pages from using that trust.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from app.container import Container
from app.domain import api_keys
from app.domain.api_keys import EVERYBODY, Caller, Scope
from app.domain.errors import Forbidden, Unauthorized
from app.store.database import AWAY
from app.web.callers import count_request, session_of
from app.web.session_cookies import CSRF_HEADER, is_csrf_token, is_from_our_pages

OWNER = "sluice.owner"  # in the scope of a request that came by the socket of the database's owner
BEARER = HTTPBearer(auto_error=False, bearerFormat="slc_<id>_<secret>", description="An API key (`sluice keys create`)")
PERMISSIONS = {  # what a scope permits, in words
    Scope.SUBMIT: "create imports",
    Scope.READ: "read what is not its client's own",
    Scope.OPERATE: "decide about what is not its client's own",
    Scope.ADMIN: "see or change API keys or everybody's webhooks",
}


class Guarded(APIRoute):
    """A route that checks the caller's key before it reads the body. Errors: Unauthorized, TooManyRequests."""

    @staticmethod
    async def find_caller(request: Request) -> Caller:
        return await caller_of(request)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.state.caller = await self.find_caller(request)
            return await handle(request)

        return guarded


def as_owner(app: ASGIApp) -> ASGIApp:
    """The same application for whoever comes by the socket of the database's owner: no key is asked for."""

    async def owned(scope: ASGIScope, receive: Receive, send: Send) -> None:
        await app({**scope, OWNER: True}, receive, send)

    return owned


async def caller_of(request: Request) -> Caller:
    """The caller by the request's key, counted against its rate. Errors: Unauthorized, TooManyRequests."""
    container: Container = request.app.state.container
    if container.settings.auth == "off" or request.scope.get(OWNER):
        return EVERYBODY
    refuse_key_in_url(request)
    if "authorization" not in request.headers and CSRF_HEADER in request.headers:
        return await _caller_of_page(request)
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise Unauthorized("Send an API key: Authorization: Bearer slc_… . `sluice keys create` makes one.")
    caller = await container.keys.caller(key.strip())
    if caller is None:
        raise unknown_key()
    count_request(request, caller)
    request.state.key_id = (api_keys.read(key.strip()) or ("",))[0]
    return caller


async def _caller_of_page(request: Request) -> Caller:
    """The caller whose browser shows one of our pages, which calls this API by its session.

    The header keeps other sites out, whatever the method: no page of theirs can send it here. Errors: Unauthorized.
    """
    session = await session_of(request)
    if session is None or not is_csrf_token(request.headers[CSRF_HEADER], session.token):
        raise Unauthorized("This session is over, or not this page's. Sign in again at /sign-in.")
    if not is_from_our_pages(request.headers):
        raise Unauthorized("A session is for the pages of this service alone; send an API key.")
    request.state.key_id = session.key.id
    return session.key.caller


def refuse_key_in_url(request: Request) -> None:
    """SECRETS_STAY_IN: a key that works in a URL would be put there, and kept by whatever it passes.

    Errors: Unauthorized.
    """
    if any(api_keys.read(value) for value in request.query_params.values()):
        message = "An API key stands in this URL, and URLs are kept in histories and logs: revoke that key. "
        raise Unauthorized(message + "Send a new one in a header: Authorization: Bearer slc_…")


def unknown_key() -> Unauthorized:
    return Unauthorized("This key is not known, or is revoked, or its time is over. Ask for a new one.")


async def is_key_still_valid(request: Request) -> bool:
    """Whether the key of a request that has gone on for a while is still valid. True where the database is away."""
    container: Container = request.app.state.container
    key_id = getattr(request.state, "key_id", None)
    try:
        return key_id is None or await container.keys.still_opens(key_id)
    except AWAY:
        return True


async def _caller(request: Request, _declared: Annotated[object, Security(BEARER)]) -> Caller:
    caller: Caller = request.state.caller
    return caller


TheCaller = Annotated[Caller, Depends(_caller)]


def needs(scope: Scope) -> Any:
    """Demand a key with this scope. Errors: Forbidden."""

    async def check(caller: TheCaller) -> None:
        if not caller.may(scope):
            refuse_scope(scope)

    return Depends(check)


def refuse_scope(scope: Scope) -> None:
    raise Forbidden(f"This key may not {PERMISSIONS[scope]}: that takes the scope `{scope}`.")
