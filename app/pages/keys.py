"""API keys and their clients."""

from app.domain.api_keys import Scope
from app.pages.rendering import Rendered
from app.pages.routing import Visit, page


async def show(visit: Visit) -> Rendered:
    return await visit.render("keys.html")


ROUTES = (page("/keys", show, needs=Scope.ADMIN),)
