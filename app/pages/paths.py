"""Where a visitor is sent: only ever to a page of this service."""

from urllib.parse import urlencode, urlsplit

HOME, SIGN_IN = "/", "/sign-in"
PATH_CHARACTERS = 2_000


def own_path(text: str | None) -> str:
    """The path, with its query, that a text is; the home page for everything that would lead elsewhere."""
    if not text or len(text) > PATH_CHARACTERS or not text.isprintable() or "\\" in text:
        return HOME
    if not text.startswith("/") or text.startswith("//"):
        return HOME
    try:
        parts = urlsplit(text)
    except ValueError:
        return HOME
    return text if not parts.scheme and not parts.netloc else HOME


def sign_in_path(then: str) -> str:
    return SIGN_IN if then == HOME else f"{SIGN_IN}?{urlencode({'next': then})}"


def with_query(path: str, **parameters: object) -> str:
    """The path with these parameters in place of its own ones of the same names."""
    parts = urlsplit(path)
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] not in parameters]
    return f"{parts.path}?{'&'.join([*kept, urlencode(parameters)])}"


def without(path: str, *names: str) -> str:
    """The path without these parameters."""
    parts = urlsplit(path)
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] not in names]
    return f"{parts.path}?{'&'.join(kept)}" if kept else parts.path
