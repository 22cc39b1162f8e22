"""Who looks at a page, and what is offered to them."""

from dataclasses import dataclass

from starlette.requests import Request

from app.container import Container
from app.domain.api_keys import EVERYBODY, ApiKey, Caller, Scope
from app.web.callers import session_of
from app.web.session_cookies import csrf_token


@dataclass(frozen=True, slots=True)
class Visitor:
    caller: Caller
    csrf: str  # of the forms; empty in a service without keys, where there is no session
    is_signed_in: bool
    key: ApiKey | None = None  # with which they signed in

    def may(self, scope: Scope) -> bool:
        return self.caller.may(scope)

    @property
    def client(self) -> str | None:
        """The client whose imports alone are shown; None: everybody's are."""
        return None if self.caller.may(Scope.READ) else self.caller.client


async def visitor_of(request: Request) -> Visitor | None:
    """None where nobody is signed in. Errors: TooManyRequests."""
    container: Container = request.app.state.container
    if container.settings.auth == "off":
        return Visitor(EVERYBODY, "", is_signed_in=False)
    session = await session_of(request)
    if session is None:
        return None
    request.state.caller = session.key.caller  # for the log, and the turns that clients take (app/api/middleware)
    return Visitor(session.key.caller, csrf_token(session.token), is_signed_in=True, key=session.key)
