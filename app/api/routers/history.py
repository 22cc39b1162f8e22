"""/v1/imports/{id}/parts and /events: where its parts stand, and what came to pass."""

from functools import partial

from fastapi import APIRouter, Request, Response

from app.api import paging, sse
from app.api.auth import Guarded, TheCaller
from app.api.dependencies import TheContainer
from app.api.known import VisibleImport, knows
from app.api.openapi import document
from app.api.parameters import only, refuse
from app.api.schemas import EventOut, EventPage, PartOut, PartPage
from app.container import Container
from app.domain.imports import Import
from app.store import events, instances, parts

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=Guarded)


@router.get(
    "/{import_id}/parts",
    response_model=PartPage,
    dependencies=[knows()],
    responses=document.responses({200: {"links": document.RESOLVE}}, "not_found"),
)
async def parts_of(container: TheContainer, caller: TheCaller, found: VisibleImport) -> PartPage:
    """The parts of an import, and what a waiting one waits for."""
    async with container.db.read() as tx:
        instance = await instances.get(tx, found.request.instance)
        listed = await parts.of_import(tx, found.id)
        blockers = await parts.blockers(tx, listed)
    assert instance is not None
    seen = {part_id: one for part_id, one in blockers.items() if caller.sees(one.client)}
    tell = partial(PartOut.of, instance=instance, now=container.now(), policy=found.request.on_unconfirmed)
    return PartPage(items=[tell(part, blocker=seen.get(part.waits_for or 0)) for part in listed], next_page_token=None)


@router.get(
    "/{import_id}/events",
    response_model=EventPage,
    dependencies=[knows(*paging.PARAMETERS)],
    responses=document.responses(
        {
            200: {"content": {sse.EVENT_STREAM: {"schema": {"type": "string"}}}},
            204: {"description": "Nothing comes after the Last-Event-ID: the stream need not be opened again"},
        },
        "not_found",
        "client_streams_full",
    ),
    openapi_extra={"parameters": [*document.PAGING, document.LAST_EVENT_ID]},
)
async def events_of(
    request: Request, response: Response, container: TheContainer, found: VisibleImport
) -> EventPage | Response:
    """The history of an import, oldest first; as a stream of events, also what is yet to come."""
    last_event_id = sse.last_event_id(request)
    if sse.is_wanted(request):
        return await _stream(request, container, found, after=last_event_id)
    response.headers["Vary"] = "Accept"
    asked = paging.asked(request.query_params, 1)
    async with container.db.read() as tx:
        listed = await events.page(tx, found.id, after=asked.place[0] if asked.place else 0, size=asked.size_and_more)
    shown, more = asked.cut(listed, lambda one: [one.id])
    return EventPage(items=[EventOut.of(one) for one in shown], next_page_token=more)


async def _stream(request: Request, container: Container, found: Import, *, after: int) -> Response:
    """From behind that event on; 0 begins with the first."""
    refuse(only(request.query_params.keys(), ()))
    if after:
        async with container.db.read() as tx:
            latest = (await events.latest(tx, [found.id])).get(found.id)
        if latest and latest.finished and latest.id == after:
            return Response(status_code=204)
        if latest and latest.id < after:  # of another time: the database may be one that was restored
            after = 0
    return sse.stream(request, container.follow, found.id, after=after)
