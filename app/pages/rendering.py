"""Templates to answers: how they are read, the headers that every page has, and what every template may use."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from app.domain.api_keys import Scope
from app.pages import static_files
from app.pages.formats import FILTERS, STATES, TROUBLES, WAITS
from app.pages.notices import notice_of
from app.pages.paths import HOME
from app.pages.visitors import Visitor

HTML = "text/html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that, browsers send the forms of our own pages with `Origin: null`
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept, Cookie",
}
CSRF_MARK = "c5rf-t0ken-0f-th3-v15it0r"
"""Stands for the visitor's own token in what is rendered for all who see the same."""
_TEXT_OF_TIME = re.compile(r"(<time [^>]*>)[^<]*")

templates = Environment(
    loader=PackageLoader("app.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
templates.filters |= FILTERS
templates.globals |= {
    "static": static_files.url,
    "Scope": Scope,
    "shapes": STATES,
    "waits": WAITS,
    "troubles": TROUBLES,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the rail."""

    path: str
    title: str
    scopes: frozenset[Scope]  # any of these will do


RAIL: Sequence[Entry] = (
    Entry("/", "Overview", frozenset({Scope.READ, Scope.SUBMIT})),
    Entry("/imports", "Imports", frozenset({Scope.READ, Scope.SUBMIT})),
    Entry("/send", "Send a file", frozenset({Scope.SUBMIT})),
    Entry("/instances", "Instances", frozenset({Scope.READ, Scope.SUBMIT})),
    Entry("/keys", "Keys", frozenset(Scope)),
    Entry("/webhooks", "Webhooks", frozenset({Scope.SUBMIT, Scope.ADMIN})),
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page as all see it who may see the same, and a fingerprint of it that does not change with the clock alone."""

    text: str
    fingerprint: str

    def answer(self, visitor: Visitor | None, *, status: int = 200) -> Response:
        body = self.text.replace(CSRF_MARK, visitor.csrf if visitor else "")
        return Response(body, status, HEADERS | {"ETag": self.fingerprint}, media_type=HTML)

    def once(self, visitor: Visitor) -> Response:
        """The answer to a form with something that is shown only here: nobody keeps it, and it has no address."""
        answer = self.answer(visitor, status=201)
        del answer.headers["etag"]
        return answer


def render(
    request: Request,
    template: str,
    visitor: Visitor | None,
    *,
    waiting: int | None = None,
    follows: str | None = None,
    **values: Any,
) -> Rendered:
    """A template with its values. `waiting`: how many imports wait, for the rail.

    `follows`: the address whose news the page shows, and to which its forms lead back; None: its own, where it was
    asked for, and none, where it answers a form; empty: none.
    """
    if follows is None and request.method == "POST":
        follows = ""
    text = templates.get_template(template).render(
        values
        | {
            "visitor": visitor,
            "csrf": CSRF_MARK if visitor and visitor.csrf else "",
            "here": request.url.path,
            "address": _address(request) if follows is None else follows or HOME,
            "follows": follows,
            "rail": [entry for entry in RAIL if visitor and any(visitor.may(scope) for scope in entry.scopes)],
            "waiting": waiting,
            "notice": notice_of(request.query_params),
            "now": request.app.state.container.now(),
        }
    )
    stable = _TEXT_OF_TIME.sub(r"\1", text)
    digest = hashlib.blake2b(f"{stable}{visitor.caller if visitor else None}".encode(), digest_size=12)
    return Rendered(text, f'W/"{digest.hexdigest()}"')


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def load_templates() -> None:
    """Compile all templates at the start: later no file is read any more, whatever is short then."""
    for name in templates.list_templates():
        templates.get_template(name)
