"""A file, from the drop to its last row."""

from app.domain.api_keys import Scope
from app.pages.rendering import Rendered
from app.pages.routing import Visit, page


async def show(visit: Visit) -> Rendered:
    return await visit.render("send.html")


ROUTES = (page("/send", show, needs=Scope.SUBMIT),)
