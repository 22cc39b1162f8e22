"""The list of imports."""

from dataclasses import replace

from app.pages.rendering import Rendered
from app.pages.routing import Visit, page
from app.web.import_filters import read_filters

SHOWN = 50


async def show(visit: Visit) -> Rendered:
    """Errors: BadParameter."""
    filters = read_filters({name: value for name, value in visit.request.query_params.items() if value})
    if visit.visitor.client is not None:
        filters = replace(filters, client=visit.visitor.client)
    imports = await visit.container.reports.imports.page(filters, before=None, size=SHOWN)
    return await visit.render("imports.html", imports=imports)


ROUTES = (page("/imports", show),)
