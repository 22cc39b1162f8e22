"""The list of imports: what it is narrowed by, page by page; and the way to one by its number."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.domain.objects import OBJECT_TYPES
from app.pages.filter_form import FilterForm, read_form
from app.pages.paths import with_query, without
from app.pages.rendering import HEADERS, Rendered
from app.pages.routing import SEE_OTHER, Visit, page
from app.store.import_queries import Filters
from app.web import paging
from app.web.parameter_values import NAME_CHARACTERS
from app.web.values import LARGEST_ID, SMALLEST_ID, whole

PATH = "/imports"
TOKEN = "page_token"  # noqa: S105  # of a page of a list


async def show(visit: Visit) -> Rendered:
    """Errors: BadParameter."""
    query = visit.request.query_params
    form = read_form(PATH, query)
    page_request = paging.read_page_request(query, 1)
    lines = await visit.container.reports.lists.page(
        _own(visit, form),
        before=page_request.place[0] if page_request.place else None,
        size=page_request.size_and_more,
        may_see=visit.visitor.caller.sees,
    )
    shown, next_token = page_request.cut(lines, lambda line: [line.import_.id])
    here = without(f"{PATH}?{visit.request.url.query}", "did", "of")
    return await visit.render(
        "imports.html",
        form=form,
        lines=shown,
        next_url=with_query(here, **{TOKEN: next_token}) if next_token else None,
        first_url=without(here, TOKEN) if page_request.place else None,
        instances=sorted(visit.container.settings.instances),
        object_types=list(OBJECT_TYPES),
    )


def _own(visit: Visit, form: FilterForm) -> Filters:
    client = visit.visitor.client
    return form.filters if client is None else replace(form.filters, client=client)


async def find(request: Request) -> Response:
    """A number leads to that import; any other text to those whose file's name begins so."""
    text = request.query_params.get("q", "").strip().lstrip("#")[:NAME_CHARACTERS]
    number = whole(text, SMALLEST_ID, LARGEST_ID)
    path = f"{PATH}/{number}" if number else with_query(PATH, file_name=text) if text else PATH
    return RedirectResponse(path, SEE_OTHER, HEADERS)


ROUTES = (
    page(PATH, show),
    Route(f"{PATH}/find", find, methods=["GET"], include_in_schema=False),
)
