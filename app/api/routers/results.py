"""Failures and warnings: one file for the whole import, in source order, or pages of JSON."""

from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter, Request, Response

from app.api import open_streams, paging
from app.api.auth import Guarded
from app.api.dependencies import TheContainer
from app.api.known import VisibleImport, knows
from app.api.negotiation import preferred
from app.api.open_streams import Download
from app.api.openapi import document
from app.api.schemas import ResultPage, ResultRowOut
from app.api.sse import JSON
from app.container import Container
from app.domain.errors import Gone
from app.domain.imports import Import
from app.files.result_files import ResultRow, marketo_file, own_file, shown
from app.store import imports, results
from app.store.results import Kind, StoredRow

router = APIRouter(prefix="/v1/imports", tags=["results"], route_class=Guarded)

REASON = {Kind.FAILURES: "Import Failure Reason", Kind.WARNINGS: "Import Warning Reason"}
STREAM_ROWS = 1000
_A_FILE = {"schema": {"type": "string"}}
ANSWERS = document.responses(
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
    response_model=ResultPage,
    dependencies=[knows(*paging.PARAMETERS)],
    responses=ANSWERS,
    openapi_extra={"parameters": document.PAGING},
)
async def failures(
    request: Request, response: Response, container: TheContainer, found: VisibleImport
) -> Response | ResultPage:
    """The rows that Marketo rejected, each with its reason and its row in the uploaded file."""
    return await _answer(request, response, container, found, Kind.FAILURES)


@router.get(
    "/{import_id}/warnings",
    response_model=ResultPage,
    dependencies=[knows(*paging.PARAMETERS)],
    responses=ANSWERS,
    openapi_extra={"parameters": document.PAGING},
)
async def warnings(
    request: Request, response: Response, container: TheContainer, found: VisibleImport
) -> Response | ResultPage:
    """The rows that Marketo imported and has doubts about."""
    return await _answer(request, response, container, found, Kind.WARNINGS)


async def _answer(
    request: Request, response: Response, container: Container, found: Import, kind: Kind
) -> Response | ResultPage:
    asked = paging.asked(request.query_params, 2)
    refuse_erased(found)
    media_type = found.request.format.media_type
    if preferred(request, media_type, JSON) == JSON:
        response.headers["Vary"] = "Accept"
        return await _page(container, found, kind, asked)
    name = f"{kind}-{found.id}.{found.request.format}"
    open_streams.check(request)
    return Download(
        lines(container, found, kind),
        media_type=f"{media_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"},
    )


def refuse_erased(found: Import) -> None:
    """An empty file would say that no row was rejected. Errors: Gone."""
    if found.results_erased_at:
        when = f"{found.results_erased_at:%Y-%m-%d}"
        raise Gone(f"Failures and warnings of import {found.id} were erased on {when}. Its counts are still there.")


async def _page(container: Container, found: Import, kind: Kind, asked: paging.Asked) -> ResultPage:
    after = (asked.place[0], asked.place[1]) if asked.place else None
    async with container.db.read() as tx:
        columns = await imports.columns_of(tx, found.id)
        names_bytes = sum(map(len, columns))  # which stand in each row
        listed = await results.page(tx, found.id, kind, after=after, size=asked.size, row_bytes=names_bytes)
    more = paging.token(listed.rows[-1].place) if listed.more else None
    return ResultPage(items=[_row(columns, row) for row in listed.rows], next_page_token=more)


def _row(columns: Sequence[str], row: StoredRow) -> ResultRowOut:
    values = [None if value is None else shown(value) for value in _values(columns, row)]
    text = None if row.text is None else shown(row.text)
    told = dict(zip(columns, values, strict=True))
    return ResultRowOut(source_row=row.source_row, reason=row.reason, values=told, raw=text)


def _values(columns: Sequence[str], row: StoredRow) -> Sequence[str | None]:
    return [None] * len(columns) if row.values is None else row.values


async def lines(container: Container, found: Import, kind: Kind, *, as_marketo: bool = False) -> AsyncIterator[bytes]:
    """Header and rows; a transaction for a thousand at most, so that a slow reader holds none open.

    As Marketo has them: without the rows' numbers, and without what we remarked upon ourselves.

    Errors: Gone, where they are erased meanwhile. The answer breaks off then: half of them is not to look like all.
    """
    format_, after, more = found.request.format, None, True
    async with container.db.read() as tx:
        columns = await imports.columns_of(tx, found.id)
    while more:
        async with container.db.read() as tx:
            listed = await results.page(tx, found.id, kind, after=after, size=STREAM_ROWS, own=not as_marketo)
            if not await imports.has_results(tx, found.id):
                raise Gone(f"The results of import {found.id} are erased while they are read.")
        told = (ResultRow(row.source_row, row.reason, _values(columns, row), row.text) for row in listed.rows)
        written, header = marketo_file if as_marketo else own_file, after is None
        yield b"".join(written(told, columns=columns, format=format_, reason_header=REASON[kind], header=header))
        more, after = listed.more, listed.rows[-1].place if listed.rows else None
