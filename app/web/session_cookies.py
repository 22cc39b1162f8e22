"""The session of a browser: its cookie, its CSRF token, and whether a request came from a page of ours."""

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from app.operations.sessions import Session

PLAIN_NAME = "sluice_session"
SECURE_NAME = f"__Host-{PLAIN_NAME}"  # a name that browsers take over TLS only, from this host, for every path
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"


def cookie_name(request: Request) -> str:
    return SECURE_NAME if _is_over_tls(request) else PLAIN_NAME


def _is_over_tls(request: Request) -> bool:
    """By the scope: to build the request's URL costs more than all else that is done about a cookie."""
    return bool(request.scope.get("scheme") == "https")


def sent_token(request: Request) -> str:
    """What the session's cookie holds; empty where there is none."""
    return request.cookies.get(cookie_name(request), "")


def give_cookie(request: Request, response: Response, session: Session) -> None:
    """It has no age of its own: it goes with the browser, and the session ends by the service's clock."""
    response.set_cookie(
        cookie_name(request), session.token, secure=_is_over_tls(request), httponly=True, samesite="strict"
    )


def take_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(cookie_name(request), secure=_is_over_tls(request), httponly=True, samesite="strict")


def csrf_token(session_token: str) -> str:
    """What a form of this session carries: whoever does not have the cookie cannot know it."""
    return hmac.new(session_token.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf_token(text: str, session_token: str) -> bool:
    return hmac.compare_digest(text.encode("utf-8", "replace"), csrf_token(session_token).encode())


def is_from_our_pages(headers: Headers) -> bool:
    """Whether a browser says that the request comes from this host; also true of programs, which say neither.

    `Sec-Fetch-Site` is sent over TLS and on loopback, and knows better than `Origin` behind a proxy with another name.
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site in {"same-origin", "none"}
    if (origin := headers.get("origin")) is not None:
        return _place(origin) == headers.get("host", "").lower()
    return True


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
