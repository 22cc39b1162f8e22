"""Failures and warnings: pages of JSON, one file for the whole import in source order, and how often each reason is."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import Request, Response

from app.api.auth import Guarded
from app.api.dependencies import TheContainer, VisibleImport, takes_parameters
from app.api.openapi import answers, inputs
from app.api.openapi.operation_ids import Router
from app.api.schemas.results import FailureReason, FailureReasonList, ResultRow, ResultRowPage
from app.api.sse import JSON
from app.container import Container
from app.domain.formats import Format
from app.domain.imports import Import
from app.reporting.result_export import Selection, refuse_erased
from app.store.results import Kind
from app.web import open_streams, paging
from app.web.negotiation import preferred
from app.web.open_streams import Download
from app.web.parameter_values import plain_text, yes_or_no
from app.web.query import read_parameter

router = Router(prefix="/v1/imports", tags=["results"], route_class=Guarded)

MEDIA_TYPES = tuple(dict.fromkeys(format_.media_type for format_ in Format))
A_FILE = {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES}
PROBLEMS = ("not_found", "results_erased")


def _responses(description: str, content: Mapping[str, Any]) -> answers.Responses:
    shown = {200: {"description": description} | ({"content": content} if content else {})}
    return answers.responses(shown, *PROBLEMS, *(("client_streams_full",) if content else ()))


OF_PAGES: dict[str, Any] = {
    "response_model": ResultRowPage,
    "dependencies": [takes_parameters("reason", *paging.PARAMETERS)],
    "responses": _responses("A page; the whole file, where `Accept` names one of its media types", A_FILE),
    "openapi_extra": {
        "parameters": [inputs.in_query("reason", {"type": "string"}, "With exactly this reason"), *inputs.PAGING]
    },
}
OF_FILES: dict[str, Any] = {
    "response_class": Download,
    "dependencies": [takes_parameters("bom")],
    "responses": _responses("The file: in the import's own format, whatever `Accept` says", A_FILE),
    "openapi_extra": {
        "parameters": [inputs.in_query("bom", {"type": "boolean"}, "Whether a byte order mark comes first, for Excel")]
    },
}
OF_REASONS: dict[str, Any] = {
    "response_model": FailureReasonList,
    "dependencies": [takes_parameters()],
    "responses": _responses("The reasons, the most frequent first", {}),
}


@router.get("/{import_id}/failures", summary="List the rows that Marketo rejected", **OF_PAGES)
async def list_failures(
    request: Request, response: Response, container: TheContainer, import_: VisibleImport
) -> Response | ResultRowPage:
    """The rows that Marketo rejected, each with its reason and its row in the uploaded file."""
    return await _answer(request, response, container, import_, Kind.FAILURES)


@router.get("/{import_id}/warnings", summary="List the rows that Marketo took with a remark", **OF_PAGES)
async def list_warnings(
    request: Request, response: Response, container: TheContainer, import_: VisibleImport
) -> Response | ResultRowPage:
    """The rows that Marketo imported and has doubts about."""
    return await _answer(request, response, container, import_, Kind.WARNINGS)


@router.get("/{import_id}/failures.csv", summary="Download the rows that Marketo rejected", **OF_FILES)
async def download_failures(request: Request, container: TheContainer, import_: VisibleImport) -> Response:
    """The rows that Marketo rejected, as one file in source order."""
    return _file(request, container, import_, Kind.FAILURES)


@router.get("/{import_id}/warnings.csv", summary="Download the rows that Marketo took with a remark", **OF_FILES)
async def download_warnings(request: Request, container: TheContainer, import_: VisibleImport) -> Response:
    """The rows that Marketo imported and has doubts about, as one file in source order."""
    return _file(request, container, import_, Kind.WARNINGS)


@router.get("/{import_id}/failures/reasons", summary="List the reasons why rows were rejected", **OF_REASONS)
async def list_failure_reasons(container: TheContainer, import_: VisibleImport) -> FailureReasonList:
    """Why Marketo rejected rows: each reason with the number of its rows, the most frequent first."""
    return await _reasons(container, import_, Kind.FAILURES)


@router.get("/{import_id}/warnings/reasons", summary="List the remarks with which rows were taken", **OF_REASONS)
async def list_warning_reasons(container: TheContainer, import_: VisibleImport) -> FailureReasonList:
    """What Marketo remarked upon: each remark with the number of its rows, the most frequent first."""
    return await _reasons(container, import_, Kind.WARNINGS)


async def _answer(
    request: Request, response: Response, container: Container, import_: Import, kind: Kind
) -> Response | ResultRowPage:
    page_request = paging.read_page_request(request.query_params, 2)
    selection = Selection(kind, read_parameter(request.query_params, "reason", plain_text))
    refuse_erased(import_)
    if preferred(request, JSON, *MEDIA_TYPES) in MEDIA_TYPES:
        rows = container.reports.results.stream_file(import_, selection)
        return _download(request, import_, kind, rows, Vary="Accept")
    response.headers["Vary"] = "Accept"
    return await _page(container, import_, selection, page_request)


async def _page(
    container: Container, import_: Import, selection: Selection, page_request: paging.PageRequest
) -> ResultRowPage:
    place = page_request.place
    page = await container.reports.results.read_page(
        import_, selection, after=(place[0], place[1]) if place else None, size=page_request.size
    )
    return ResultRowPage(
        items=[ResultRow.of(row, page.columns) for row in page.rows],
        next_page_token=paging.token(page.next_place) if page.next_place else None,
    )


def _file(request: Request, container: Container, import_: Import, kind: Kind) -> Response:
    bom = read_parameter(request.query_params, "bom", yes_or_no) or False
    refuse_erased(import_)
    rows = container.reports.results.stream_file(import_, Selection(kind), bom=bom)
    return _download(request, import_, kind, rows)


def _download(request: Request, import_: Import, kind: Kind, rows: AsyncIterator[bytes], **headers: str) -> Response:
    """A file in the import's own format. Errors: TooManyRequests."""
    open_streams.check(request)
    format_ = import_.request.format
    name = f"{kind}-{import_.id}.{format_}"
    return Download(
        rows,
        media_type=f"{format_.media_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', **headers},
    )


async def _reasons(container: Container, import_: Import, kind: Kind) -> FailureReasonList:
    refuse_erased(import_)
    counted = await container.reports.results.count_reasons(import_, kind)
    return FailureReasonList(items=[FailureReason.of(count) for count in counted.counts], reasons_total=counted.total)
