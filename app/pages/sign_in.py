"""Sign-in with an API key, and sign-out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.container import Container
from app.pages.paths import HOME, SIGN_IN, own_path, with_query
from app.pages.rendering import HEADERS, Rendered, render
from app.pages.routing import SEE_OTHER, Visit, deed, read_form, refuse_other_sites
from app.pages.visitors import visitor_of
from app.web.session_cookies import give_cookie, sent_token, take_cookie

KEY, NEXT = "key", "next"
UNKNOWN = "This key is not known, or is revoked, or its time is over. Check that all of it was copied."


async def show(request: Request) -> Response:
    """The form; whoever is signed in already goes on."""
    then = own_path(request.query_params.get(NEXT))
    if await visitor_of(request) is not None:
        return RedirectResponse(then, SEE_OTHER, HEADERS)
    return _form(request, then).answer(None)


async def sign_in(request: Request) -> Response:
    """Begin a session, and go on to the page that was asked for. Errors: Forbidden, from another site."""
    refuse_other_sites(request)
    container: Container = request.app.state.container
    form = await read_form(request)
    then = own_path(form.get(NEXT, [""])[0])
    if container.settings.auth == "off":
        return RedirectResponse(then, SEE_OTHER, HEADERS)
    session = await container.sessions.begin(form.get(KEY, [""])[0].strip())
    if session is None:
        refused = _form(request, then, mistake=UNKNOWN).answer(None, status=401)
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused
    if old := sent_token(request):
        await container.sessions.end(old)
    answer = RedirectResponse(then, SEE_OTHER, HEADERS)
    give_cookie(request, answer, session)
    return answer


async def sign_out(visit: Visit) -> Response:
    """End the session, here and in the database."""
    if token := sent_token(visit.request):
        await visit.container.sessions.end(token)
    answer = RedirectResponse(with_query(SIGN_IN, did="signed_out"), SEE_OTHER, HEADERS)
    take_cookie(visit.request, answer)
    return answer


def _form(request: Request, then: str, *, mistake: str | None = None) -> Rendered:
    return render(request, "sign_in.html", None, then="" if then == HOME else then, mistake=mistake)


ROUTES = (
    Route(SIGN_IN, show, methods=["GET"], include_in_schema=False),
    Route(SIGN_IN, sign_in, methods=["POST"], include_in_schema=False),
    deed("/sign-out", sign_out),
)
