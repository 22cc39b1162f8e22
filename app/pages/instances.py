"""The instances: how each is doing, pausing it and letting it go on."""

from starlette.responses import Response

from app.domain.api_keys import Scope
from app.domain.errors import BadParameter, Detail
from app.pages.rendering import Rendered
from app.pages.routing import Visit, deed, page
from app.web.parameter_values import plain_text

MOST_REASON = 1000  # characters, as in the API


async def show(visit: Visit) -> Rendered:
    return await visit.render("instances.html", instances=await visit.container.reports.instances.read_all())


async def pause(visit: Visit) -> Response:
    """Errors: NotFound, BadParameter."""
    try:
        reason = plain_text(visit.form.get("reason", "").strip(), most=MOST_REASON) or None
    except ValueError as mistake:
        raise BadParameter(f"reason: {mistake}", details=(Detail(str(mistake), field="reason"),)) from None
    name = visit.request.path_params["name"]
    await visit.container.pause.run(name, reason=reason, by=visit.visitor.caller.client)
    return visit.done("paused")


async def resume(visit: Visit) -> Response:
    """Errors: NotFound."""
    await visit.container.resume.run(visit.request.path_params["name"], by=visit.visitor.caller.client)
    return visit.done("resumed")


ROUTES = (
    page("/instances", show),
    deed("/instances/{name}/pause", pause, needs=Scope.OPERATE),
    deed("/instances/{name}/resume", resume, needs=Scope.OPERATE),
)
