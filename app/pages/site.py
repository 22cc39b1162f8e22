"""All pages: their routes, the page that a problem becomes, and what they share in a process.

To add a page: its module beside this one with its `ROUTES`, its template, its line in PAGES and in the rail
(rendering.py).
"""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Route

from app.clock import Clock
from app.pages import (
    import_,
    imports,
    instances,
    keys,
    overview,
    result_rows,
    selected,
    send,
    sign_in,
    static_files,
    webhooks,
)
from app.pages.errors import HtmlErrors
from app.pages.kept import Kept
from app.pages.rendering import load_templates

PAGES = (overview, imports, selected, import_, result_rows, send, instances, keys, webhooks, sign_in, static_files)
ROUTES: Sequence[Route] = tuple(route for each in PAGES for route in each.ROUTES)
ERRORS = (Middleware(HtmlErrors),)


def install(app: FastAPI, now: Clock) -> None:
    """Give an application with these routes what its pages share."""
    load_templates()
    app.state.kept_pages = Kept(now)
