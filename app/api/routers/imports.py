"""/v1/imports: create, read, wait, list."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response

from app.api import sse
from app.api.auth import Guarded, TheCaller, needs
from app.api.dependencies import IdempotencyKey, TheContainer, VisibleImport, takes_parameters
from app.api.import_presenter import Presenter
from app.api.openapi import answers, inputs
from app.api.openapi.operation_ids import Router
from app.api.parameters import OBJECT_TYPE
from app.api.schemas.imports import Import, ImportPage
from app.container import Container
from app.domain import imports as domain
from app.domain.api_keys import Scope
from app.domain.errors import NotFound
from app.domain.imports import FINISHED, ImportStatus
from app.domain.timeouts import WAIT_ANSWERED_SECONDS, WAIT_MOST_SECONDS
from app.web import at_work, conditional, import_filters, paging
from app.web.import_filters import read_filters
from app.web.import_parameters import KNOWN
from app.web.import_request import request_from
from app.web.parameter_names import merged, only, refuse
from app.web.uploads import received

router = Router(prefix="/v1/imports", tags=["imports"], route_class=Guarded)

FILTERS_SHOWN = [
    inputs.enum_in_query("status", ImportStatus, "Which status"),
    inputs.in_query("instance", {"type": "string"}, "Of which instance"),
    inputs.in_query("object_type", OBJECT_TYPE, "Of which kind"),
    inputs.in_query("client", {"type": "string"}, "Of which client"),
    inputs.in_query("label", {"type": "string"}, "With this label"),
    inputs.in_query("file_name", {"type": "string"}, "Whose file's name begins so"),
    *inputs.CREATED,
    inputs.in_query("attention", {"type": "boolean"}, "Whether a person should look"),
]


@router.post(
    "",
    summary="Send a file",
    status_code=202,
    response_model=Import,
    dependencies=[needs(Scope.SUBMIT)],
    responses=answers.responses(
        {202: answers.MADE}, "forbidden", "priority_too_high", *answers.OF_UPLOADS, *answers.OF_INTAKE
    ),
    openapi_extra={
        "parameters": inputs.parameters_of_import() + inputs.OF_THE_BODY,
        "requestBody": inputs.body_of_file("ImportForm"),
    },
)
async def create_import(
    request: Request,
    container: TheContainer,
    caller: TheCaller,
    presenter: Presenter,
    idempotency_key: IdempotencyKey = None,
) -> Import:
    """Take a file in. 202 means: its bytes and the import are committed to disk."""
    query = request.query_params.multi_items()
    refuse(only((name for name, _ in query), KNOWN))
    admit = partial(container.capacity.check, caller.client, idempotency_key=idempotency_key)
    at_work.leave(request)
    async with (
        container.admission.place(caller.client) as place,
        received(request, container.settings, place, admit=admit) as upload,
    ):
        parameters = merged(query, upload.fields)
        new_import = request_from(
            parameters, file_name=upload.file_name, client=caller.client, max_priority=caller.max_priority
        )
        arrival = replace(upload.arrival, idempotency_key=idempotency_key)
        receipt = await container.intake.receive(new_import, arrival)
    return await presenter.present_receipt(receipt)


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
"""Fields that move with the clock: an import of which only these have changed keeps its ETag."""


@router.get(
    "/{import_id}",
    summary="Get an import, or wait for its end",
    response_model=Import,
    dependencies=[takes_parameters("wait")],
    responses=answers.responses(
        {
            200: {"headers": {"ETag": answers.ETAG, "Retry-After": answers.RETRY_AFTER}},
            304: {
                "description": "It stands as the caller knows it: see If-None-Match",
                "headers": {"ETag": answers.ETAG},
            },
        },
        "not_found",
        "client_streams_full",
    ),
    openapi_extra={"parameters": [inputs.IF_NONE_MATCH]},
)
async def get_import(
    request: Request,
    response: Response,
    container: TheContainer,
    import_: VisibleImport,
    presenter: Presenter,
    wait: Wait = 0,
) -> Import | Response:
    """An import as it stands; with `wait`, as soon as it is finished or the time is up."""
    if wait and import_.status not in FINISHED:
        within_seconds = min(wait, WAIT_ANSWERED_SECONDS)
        import_ = await sse.while_there(request, _finished(container, import_, within_seconds=within_seconds))
    answer = await presenter.present(import_)
    response.headers["ETag"] = tag = conditional.etag(answer, exclude=FORECASTS)
    response.headers["Cache-Control"] = "no-cache"
    return Response(status_code=304, headers=response.headers) if conditional.is_known(request, tag) else answer


async def _finished(container: Container, import_: domain.Import, *, within_seconds: float) -> domain.Import:
    """The import once it is finished, or as it stands when the time is up. Errors: NotFound, where it was erased."""
    read = partial(container.reports.imports.get, import_.id)
    latest = await container.follow.finished(import_.id, read, within_seconds=within_seconds)
    if latest is None:
        raise NotFound(f"There is no import {import_.id}.")
    return latest


@router.get(
    "",
    summary="List imports",
    response_model=ImportPage,
    dependencies=[takes_parameters(*import_filters.NAMES, *paging.PARAMETERS)],
    openapi_extra={"parameters": FILTERS_SHOWN + inputs.PAGING},
)
async def list_imports(
    request: Request, container: TheContainer, caller: TheCaller, presenter: Presenter
) -> ImportPage:
    """Imports, newest first; without the scope `read`, the client's own."""
    page_request = paging.read_page_request(request.query_params, 1)
    filters = read_filters(request.query_params)
    if filters.client and not caller.sees(filters.client):
        return ImportPage(items=[], next_page_token=None)
    if not caller.may(Scope.READ):
        filters = replace(filters, client=caller.client)
    before = page_request.place[0] if page_request.place else None
    listed = await container.reports.imports.page(filters, before=before, size=page_request.size_and_more)
    rows, more = page_request.cut(listed, lambda import_: [import_.id])
    return ImportPage(items=await presenter.present_all(rows), next_page_token=more)
