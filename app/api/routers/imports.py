"""/v1/imports: create, read, wait, list."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api import conditional, paging, sse
from app.api.auth import Guarded, TheCaller, needs
from app.api.dependencies import TheContainer, attention_criteria
from app.api.known import IdempotencyKey, Present, VisibleImport, knows
from app.api.middleware import bulkhead
from app.api.openapi import document
from app.api.parameters import KNOWN, merged, moment, one_of, only, plain_text, refuse, request_from
from app.api.schemas import ImportOut, ImportPage
from app.api.uploads import received
from app.container import Container
from app.domain.api_keys import Scope
from app.domain.errors import Detail, NotFound, quoted
from app.domain.imports import FINISHED, Import, Status
from app.domain.objects import ObjectType
from app.domain.timeouts import WAIT_ANSWERED_SECONDS, WAIT_MOST_SECONDS
from app.store import imports
from app.store.imports import Filters

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=Guarded)

LIST_FILTERS = ("status", "instance", "object_type", "client", "label", "created_after", "created_before", "attention")
FILTERS_SHOWN = [
    document.in_query("status", {"type": "string", "enum": list(Status)}, "Which status"),
    document.in_query("instance", {"type": "string"}, "Of which instance"),
    document.in_query("object_type", {"type": "string", "enum": list(ObjectType)}, "Of which kind"),
    document.in_query("client", {"type": "string"}, "Of which client"),
    document.in_query("label", {"type": "string"}, "With this label"),
    *document.CREATED,
    document.in_query("attention", {"type": "boolean"}, "Whether a person should look"),
]


@router.post(
    "",
    status_code=202,
    response_model=ImportOut,
    dependencies=[needs(Scope.SUBMIT)],
    responses=document.responses(
        {202: document.MADE}, "forbidden", "priority_too_high", *document.OF_UPLOADS, *document.OF_INTAKE
    ),
    openapi_extra={
        "parameters": document.parameters_of_import() + document.OF_THE_BODY,
        "requestBody": document.body_of_file(),
    },
)
async def create(
    request: Request,
    response: Response,
    container: TheContainer,
    caller: TheCaller,
    tell: Present,
    idempotency_key: IdempotencyKey = None,
) -> ImportOut:
    """Take a file in. 202 means: its bytes and the import are committed to disk."""
    query = request.query_params.multi_items()
    refuse(only((name for name, _ in query), KNOWN))
    admit = partial(container.capacity.check, caller.client, idempotency_key=idempotency_key)
    bulkhead.leave(request)
    async with (
        container.admission.place(caller.client) as place,
        received(request, container.settings, place, admit=admit) as upload,
    ):
        given = merged(query, upload.fields)
        wanted = request_from(given, file_name=upload.file_name, client=caller.client, max_priority=caller.max_priority)
        arrival = replace(upload.arrival, idempotency_key=idempotency_key)
        receipt = await container.intake.receive(wanted, arrival)
    return await tell.receipt(response, receipt)


Wait = Annotated[
    float,
    Query(
        ge=0,
        le=WAIT_MOST_SECONDS,
        allow_inf_nan=False,
        description="seconds to wait for the end of the import; answered after 50 at the latest",
    ),
]
FORECASTS = {"estimated_finish_at"}
"""Move with the clock; an import that has only another forecast is not another one."""


@router.get(
    "/{import_id}",
    response_model=ImportOut,
    dependencies=[knows("wait")],
    responses=document.responses(
        {
            200: {"headers": {"ETag": document.ETAG, "Retry-After": document.RETRY_AFTER}},
            304: {
                "description": "It stands as the caller knows it: see If-None-Match",
                "headers": {"ETag": document.ETAG},
            },
        },
        "not_found",
        "client_streams_full",
    ),
    openapi_extra={"parameters": [document.IF_NONE_MATCH]},
)
async def read(
    request: Request, response: Response, container: TheContainer, found: VisibleImport, tell: Present, wait: Wait = 0
) -> ImportOut | Response:
    """An import as it stands; with `wait`, as soon as it is finished or the time is up."""
    if wait and found.status not in FINISHED:
        within_seconds = min(wait, WAIT_ANSWERED_SECONDS)
        found = await sse.while_there(request, _finished(container, found, within_seconds=within_seconds))
    shown = await tell(response, found)
    response.headers["ETag"] = tag = conditional.etag(shown, beside=FORECASTS)
    response.headers["Cache-Control"] = "no-cache"
    return Response(status_code=304, headers=response.headers) if conditional.is_known(request, tag) else shown


async def _finished(container: Container, known: Import, *, within_seconds: float) -> Import:
    """Errors: NotFound, where it was erased meanwhile."""

    async def look() -> Import | None:
        async with container.db.read() as tx:
            return await imports.get(tx, known.id, by=attention_criteria(container))

    found = await container.follow.finished(known.id, look, within_seconds=within_seconds)
    if found is None:
        raise NotFound(f"There is no import {known.id}.")
    return found


@router.get(
    "",
    response_model=ImportPage,
    dependencies=[knows(*LIST_FILTERS, *paging.PARAMETERS)],
    openapi_extra={"parameters": FILTERS_SHOWN + document.PAGING},
)
async def page(request: Request, container: TheContainer, caller: TheCaller, tell: Present) -> ImportPage:
    """Imports, newest first; without the scope `read`, the client's own."""
    asked = paging.asked(request.query_params, 1)
    filters = _filters(dict(request.query_params))
    if filters.client and not caller.sees(filters.client):
        return ImportPage(items=[], next_page_token=None)
    if not caller.may(Scope.READ):
        filters = replace(filters, client=caller.client)
    async with container.db.read() as tx:
        before = asked.place[0] if asked.place else None
        found = await imports.page(
            tx, filters, before=before, size=asked.size_and_more, by=attention_criteria(container)
        )
    shown, more = asked.cut(found, lambda one: [one.id])
    return ImportPage(items=await tell.each(shown), next_page_token=more)


def _filters(given: dict[str, str]) -> Filters:
    """Errors: BadParameter, with a detail for each mistake."""
    mistakes: list[Detail] = []
    read: dict[str, Any] = {}
    words: dict[str, Callable[[str], Any]] = dict.fromkeys(("client", "label"), plain_text)
    words |= {"status": partial(one_of, Status), "object_type": partial(one_of, ObjectType)}
    words |= {"created_after": moment, "created_before": moment, "instance": lambda text: plain_text(text).lower()}
    for name, meaning in words.items():
        if name in given:
            try:
                read[name] = meaning(given[name])
            except ValueError as mistake:
                mistakes.append(Detail(str(mistake), field=name))
    if "attention" in given:
        read["attention"] = {"true": True, "false": False}.get(given["attention"])
        if read["attention"] is None:
            told = f"{quoted(given['attention'])} is neither true nor false"
            mistakes.append(Detail(told, field="attention"))
    refuse(mistakes)
    return Filters(**read)
