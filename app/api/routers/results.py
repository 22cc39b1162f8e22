"""Failures and warnings: one file for the whole import, in source order, or pages of JSON."""

from fastapi import Request, Response

from app.api import open_streams, paging
from app.api.auth import Guarded
from app.api.dependencies import TheContainer, VisibleImport, takes_parameters
from app.api.negotiation import preferred
from app.api.open_streams import Download
from app.api.openapi import answers, inputs
from app.api.openapi.operation_ids import Router
from app.api.schemas.results import ResultRow, ResultRowPage
from app.api.sse import JSON
from app.container import Container
from app.domain.imports import Import
from app.reporting.result_export import refuse_erased
from app.store.results import Kind

router = Router(prefix="/v1/imports", tags=["results"], route_class=Guarded)

_A_FILE = {"schema": {"type": "string"}}
ANSWERS = answers.responses(
    {
        200: {
            "description": "A file in the import's format; a page, where `application/json` is asked for",
            "content": {"text/csv": _A_FILE, "text/tab-separated-values": _A_FILE},
        }
    },
    "not_found",
    "results_erased",
    "client_streams_full",
)


@router.get(
    "/{import_id}/failures",
    summary="List the rows that Marketo rejected",
    response_model=ResultRowPage,
    dependencies=[takes_parameters(*paging.PARAMETERS)],
    responses=ANSWERS,
    openapi_extra={"parameters": inputs.PAGING},
)
async def list_failures(
    request: Request, response: Response, container: TheContainer, import_: VisibleImport
) -> Response | ResultRowPage:
    """The rows that Marketo rejected, each with its reason and its row in the uploaded file."""
    return await _answer(request, response, container, import_, Kind.FAILURES)


@router.get(
    "/{import_id}/warnings",
    summary="List the rows that Marketo took with a remark",
    response_model=ResultRowPage,
    dependencies=[takes_parameters(*paging.PARAMETERS)],
    responses=ANSWERS,
    openapi_extra={"parameters": inputs.PAGING},
)
async def list_warnings(
    request: Request, response: Response, container: TheContainer, import_: VisibleImport
) -> Response | ResultRowPage:
    """The rows that Marketo imported and has doubts about."""
    return await _answer(request, response, container, import_, Kind.WARNINGS)


async def _answer(
    request: Request, response: Response, container: Container, import_: Import, kind: Kind
) -> Response | ResultRowPage:
    page_request = paging.read_page_request(request.query_params, 2)
    refuse_erased(import_)
    media_type = import_.request.format.media_type
    if preferred(request, media_type, JSON) == JSON:
        response.headers["Vary"] = "Accept"
        return await _page(container, import_, kind, page_request)
    name = f"{kind}-{import_.id}.{import_.request.format}"
    open_streams.check(request)
    return Download(
        container.reports.results.stream_file(import_, kind),
        media_type=f"{media_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"},
    )


async def _page(container: Container, import_: Import, kind: Kind, page_request: paging.PageRequest) -> ResultRowPage:
    place = page_request.place
    page = await container.reports.results.read_page(
        import_, kind, after=(place[0], place[1]) if place else None, size=page_request.size
    )
    return ResultRowPage(
        items=[ResultRow.of(row, page.columns) for row in page.rows],
        next_page_token=paging.token(page.next_place) if page.next_place else None,
    )
