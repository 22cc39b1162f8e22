"""What every page and every deed passes: who looks, with which scope, from where, and in which form they want it.

A page is `page(path, handler)`, a deed `deed(path, handler)`. A handler gets a `Visit`; what it raises becomes a page
of the problem (errors.py), as in the API.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.container import Container
from app.domain.api_keys import Scope
from app.domain.errors import BadParameter, Detail, Forbidden, NotFound, Unauthorized, UnsupportedMedia
from app.domain.imports import Import
from app.pages.kept import Kept
from app.pages.paths import HOME, own_path, sign_in_path, with_query
from app.pages.rendering import HEADERS, HTML, Rendered, render
from app.pages.visitors import Visitor, visitor_of
from app.web import at_work, conditional
from app.web.negotiation import preferred
from app.web.parameter_names import merged
from app.web.session_cookies import CSRF_FIELD, is_from_our_pages
from app.web.uploads import FORM, Upload, received
from app.web.values import LARGEST_ID, SMALLEST_ID, whole

JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
FORM_BYTES = 1 << 16
FORM_FIELDS = 1_000
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a visitor. `form`: what a deed was sent, each field once."""

    request: Request
    container: Container
    visitor: Visitor
    form: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, list[str]] = field(default_factory=dict)  # the same, for fields that may come several times

    async def render(self, template: str, **values: Any) -> Rendered:
        waiting = await self.container.reports.overview.waiting_imports(self.visitor.client)
        return render(self.request, template, self.visitor, waiting=waiting, **values)

    def number(self, name: str) -> int:
        """The whole number from 1 on that the path names. Errors: NotFound."""
        number = whole(self.request.path_params[name], SMALLEST_ID, LARGEST_ID)
        if number is None:
            raise NotFound("There is nothing here.")
        return number

    async def visible_import(self) -> Import:
        """The import that the path names as `import_id`. Errors: NotFound, also for one that is not shown to them."""
        import_id = self.number("import_id")
        import_ = await self.container.reports.imports.get(import_id)
        if import_ is None or not self.visitor.caller.sees(import_.request.client):
            raise NotFound(f"There is no import {import_id}.")
        return import_

    async def manageable_import(self) -> Import:
        """The same, where the visitor may also decide about it. Errors: NotFound, Forbidden."""
        import_ = await self.visible_import()
        if not self.visitor.caller.decides_for(import_.request.client):
            _refuse(Scope.OPERATE)
        return import_

    def need(self, scope: Scope) -> None:
        """Errors: Forbidden."""
        if not self.visitor.may(scope):
            _refuse(scope)

    def done(self, did: str, *, of: int | None = None, to: str | None = None) -> Response:
        """Back to the page that the deed was offered on, or `to` another, with a notice of what was done."""
        path = own_path(to or self.form.get("back"))
        said = {"did": did} if of is None else {"did": did, "of": of}
        return RedirectResponse(with_query(path, **said), SEE_OTHER, HEADERS)


Page = Callable[[Visit], Awaitable[Rendered]]
Deed = Callable[[Visit], Awaitable[Response]]


def page(path: str, show: Page, *, needs: Scope | None = None, is_personal: bool = False) -> Route:
    """A page. Nobody signed in: a browser is sent to sign in, a program gets 401. It is kept for a moment (kept.py).

    `needs`: a scope without which it is refused; where several will do, the page asks for itself. `is_personal`: it
    says something of the key itself, so that it is kept for this key, and not for all that may see the same.
    """

    async def answer(request: Request) -> Response:
        if preferred(request, HTML, JSON) != HTML:
            raise NotFound("This is a page for people. The API's paths are listed at /docs.")
        visitor = await visitor_of(request)
        if visitor is None:
            return _ask_to_sign_in(request)
        request.state.visitor = visitor
        visit = Visit(request, request.app.state.container, visitor)
        if needs is not None:
            visit.need(needs)
        kept: Kept = request.app.state.kept_pages
        whose = visitor.key.id if is_personal and visitor.key else None
        key = (request.url.path, request.url.query, visitor.caller, whose)
        rendered = await kept.get(key, lambda: show(visit))
        if conditional.is_known(request, rendered.fingerprint):
            return Response(status_code=304, headers=HEADERS | {"ETag": rendered.fingerprint})
        return rendered.answer(visitor)

    return Route(path, answer, methods=["GET"], include_in_schema=False)


def file(path: str, give: Deed) -> Route:
    """A file that a page offers: for whoever may see the page, made anew each time."""

    async def answer(request: Request) -> Response:
        visitor = await visitor_of(request)
        if visitor is None:
            return _ask_to_sign_in(request)
        request.state.visitor, request.state.caller = visitor, visitor.caller
        return await give(Visit(request, request.app.state.container, visitor))

    return Route(path, answer, methods=["GET"], include_in_schema=False)


def deed(
    path: str,
    do: Deed,
    *,
    needs: Scope | None = None,
    form_bytes: int = FORM_BYTES,
    form_fields: int = FORM_FIELDS,
) -> Route:
    """Something that a form does: refused without the session's token, and from any other site."""

    async def answer(request: Request) -> Response:
        visitor = await _doer(request)
        many = await read_form(request, form_bytes, form_fields)
        form = {name: values[0] for name, values in many.items()}
        _refuse_other_sessions(form, visitor)
        visit = Visit(request, request.app.state.container, visitor, form, many)
        if needs is not None:
            visit.need(needs)
        answered = await do(visit)
        request.app.state.kept_pages.forget()
        return answered

    return Route(path, answer, methods=["POST"], include_in_schema=False)


def upload(path: str, take: Callable[[Visit, Upload], Awaitable[Response]], *, needs: Scope | None = None) -> Route:
    """A form with a file in it, of any size: a deed whose fields come with the file's bytes.

    The form waits in a temporary file; `take` gets the visit with the form's fields, and the file's bytes to come.
    """

    async def answer(request: Request) -> Response:
        visitor = await _doer(request)
        container: Container = request.app.state.container
        visit = Visit(request, container, visitor)
        if needs is not None:
            visit.need(needs)
        if _media_type(request) != FORM:
            raise UnsupportedMedia("Send the form as a browser does.")
        at_work.leave(request)
        admit = partial(container.capacity.check, visitor.caller.client)
        async with (
            container.admission.place(visitor.caller.client) as place,
            received(request, container.settings, place, admit=admit) as sent,
        ):
            form = merged([], sent.fields)
            _refuse_other_sessions(form, visitor)
            answered = await take(replace(visit, form=form), sent)
        request.app.state.kept_pages.forget()
        return answered

    return Route(path, answer, methods=["POST"], include_in_schema=False)


async def _doer(request: Request) -> Visitor:
    """Who sends a form, from a page of ours. Errors: Forbidden, Unauthorized."""
    refuse_other_sites(request)
    visitor = await visitor_of(request)
    if visitor is None:
        raise Unauthorized("Your session is over. Sign in again, then do it once more.")
    request.state.visitor = visitor
    return visitor


def refuse_other_sites(request: Request) -> None:
    """Errors: Forbidden, for what a page of another site sends."""
    if not is_from_our_pages(request.headers):
        raise Forbidden("This form was sent from another site. Open the page here, and send it from there.")


async def read_form(
    request: Request, most_bytes: int = FORM_BYTES, most_fields: int = FORM_FIELDS
) -> dict[str, list[str]]:
    """The fields of a form. Errors: UnsupportedMedia, BadParameter; HTTPException 413."""
    if _media_type(request) != URLENCODED:
        raise UnsupportedMedia("Send the form as a browser does.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise HTTPException(413)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=most_fields)
    except ValueError:
        raise BadParameter("The form cannot be read.", details=(Detail("is no form"),)) from None
    many: dict[str, list[str]] = {}
    for name, value in pairs:
        many.setdefault(name, []).append(value)
    return many


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _refuse_other_sessions(form: Mapping[str, str], visitor: Visitor) -> None:
    """Without a session there is no token: then only where the form came from tells whose it is. Errors: Forbidden."""
    sent = form.get(CSRF_FIELD, "").encode("utf-8", "replace")
    if visitor.csrf and not compare_digest(sent, visitor.csrf.encode()):
        raise Forbidden("This form is from another session. Go back, load the page again, and send it once more.")


def _ask_to_sign_in(request: Request) -> Response:
    """A browser is sent to the form; a program, which names no HTML, is told. Errors: Unauthorized."""
    if preferred(request, JSON, HTML) != HTML:
        raise Unauthorized("Sign in at /sign-in with a browser. Programs call the API: see /docs.")
    then = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return RedirectResponse(sign_in_path(own_path(then) if then != HOME else HOME), SEE_OTHER, HEADERS)


def _refuse(scope: Scope) -> None:
    raise Forbidden(f"Your key does not go so far: this takes the scope `{scope}`.")
