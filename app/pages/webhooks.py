"""Endpoints that are told what happens, and their deliveries."""

from app.domain.api_keys import Scope
from app.pages.rendering import Rendered
from app.pages.routing import Visit, page


async def show(visit: Visit) -> Rendered:
    return await visit.render("webhooks.html")


ROUTES = (page("/webhooks", show, needs=Scope.SUBMIT),)
