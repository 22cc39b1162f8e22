"""/v1/imports/{id}/parts and /events: the parts of an import, and its history."""

from fastapi import Request, Response

from app.api import sse, stream_callers
from app.api.auth import Guarded, TheCaller
from app.api.dependencies import TheContainer, VisibleImport, takes_parameters
from app.api.openapi import answers, inputs
from app.api.openapi.operation_ids import Router
from app.api.schemas.events import Event, EventPage, StreamToken
from app.api.schemas.parts import Part, PartPage
from app.container import Container
from app.domain.imports import Import
from app.store import events
from app.web import paging
from app.web.parameter_names import only, refuse

router = Router(prefix="/v1/imports", tags=["imports"], route_class=Guarded)
streams = Router(tags=["imports"], route_class=stream_callers.OpenToTokens)


@router.get(
    "/{import_id}/parts",
    summary="List the parts of an import",
    response_model=PartPage,
    dependencies=[takes_parameters()],
    responses=answers.responses({200: {"links": answers.RESOLVE}}, "not_found"),
)
async def list_parts(container: TheContainer, caller: TheCaller, import_: VisibleImport) -> PartPage:
    """The parts of an import, and what a waiting one waits for."""
    views = await container.reports.parts.read(import_, may_see=caller.sees)
    return PartPage(items=[Part.of(view) for view in views], next_page_token=None)


@router.post(
    "/{import_id}/stream-token",
    summary="Create a token to follow an import",
    response_model=StreamToken,
    dependencies=[takes_parameters()],
    responses=answers.responses({}, "not_found", "disk_full"),
)
async def create_stream_token(
    request: Request, response: Response, container: TheContainer, import_: VisibleImport
) -> StreamToken:
    """A token with which a browser may follow this import's events: as `?stream_token=`, for one minute.

    It opens that stream and nothing else, at any process, and ends with the key that it was made with.
    """
    key_id = getattr(request.state, "key_id", None)
    token = await container.stream_tokens.create(import_.id, key_id=key_id)
    response.headers["Cache-Control"] = "no-store"
    return StreamToken(token=token.text, expires_at=token.expires_at)


@streams.get(
    "/{import_id}/events",
    summary="List the events of an import, or follow them",
    response_model=EventPage,
    dependencies=[takes_parameters(*paging.PARAMETERS, stream_callers.PARAMETER), stream_callers.SHOWN],
    responses=answers.responses(
        {
            200: {"content": {sse.EVENT_STREAM: {"schema": {"type": "string"}}}},
            204: {"description": "Nothing comes after the Last-Event-ID: the stream need not be opened again"},
        },
        "not_found",
        "client_streams_full",
    ),
    openapi_extra={"parameters": [*inputs.PAGING, inputs.LAST_EVENT_ID]},
)
async def list_events(
    request: Request, response: Response, container: TheContainer, import_: VisibleImport
) -> EventPage | Response:
    """The history of an import, oldest first; as a stream of events, also what is yet to come."""
    last_event_id = sse.last_event_id(request)
    if sse.is_wanted(request):
        return await _stream(request, container, import_, after=last_event_id)
    response.headers["Vary"] = "Accept"
    page_request = paging.read_page_request(request.query_params, 1)
    async with container.db.read() as tx:
        after = page_request.place[0] if page_request.place else 0
        listed = await events.page(tx, import_.id, after=after, size=page_request.size_and_more)
    page, more = page_request.cut(listed, lambda event: [event.id])
    return EventPage(items=[Event.of(event) for event in page], next_page_token=more)


async def _stream(request: Request, container: Container, import_: Import, *, after: int) -> Response:
    """The stream of events behind the one with this id; 0 begins with the first."""
    refuse(only(request.query_params.keys(), (stream_callers.PARAMETER,)))
    if after:
        async with container.db.read() as tx:
            latest = (await events.latest(tx, [import_.id])).get(import_.id)
        if latest and latest.finished and latest.id == after:
            # with the type of a stream: readers that look at it first read an empty one
            return Response(status_code=204, media_type=sse.EVENT_STREAM)
        if latest and latest.id < after:  # of another time: the database may be one that was restored
            after = 0
    return sse.stream(request, container.follow, import_.id, after=after)


router.include_router(streams)
