"""Rows that Marketo rejected, or took with a remark: by their reasons, under the file's own columns, and as a file."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.responses import Response

from app.domain.errors import BadParameter, CallerError, Detail
from app.domain.formats import Format
from app.domain.imports import Import
from app.pages.mending import (
    MendedRow,
    carriage_returns,
    column_of,
    corrected_file,
    mends_at_most,
    offered,
    sent_back,
)
from app.pages.paths import with_query, without
from app.pages.rendering import HEADERS, Rendered
from app.pages.routing import Visit, deed, file, page, upload
from app.reporting.result_export import Selection, refuse_erased
from app.store.results import Kind
from app.uploads.arrival import Arrival
from app.web import at_work, open_streams, paging
from app.web.open_streams import Download
from app.web.parameter_values import one_of, plain_text, yes_or_no
from app.web.query import read_parameter
from app.web.uploads import Upload

PATH = "/imports/{import_id}"
MENDED_BYTES, MENDED_FIELDS = 1 << 23, 10_000  # of the form with the rows that were mended
TOKEN = "page_token"  # noqa: S105  # of a page of a list


async def show(visit: Visit, kind: Kind) -> Rendered:
    """A page of the rows: with one reason, or all. Errors: BadParameter, Gone."""
    import_ = await visit.visible_import()
    refuse_erased(import_)
    reason = read_parameter(visit.request.query_params, "reason", plain_text)
    page_request = paging.read_page_request(visit.request.query_params, 2)
    place = page_request.place
    rows = await visit.container.reports.results.read_page(
        import_, Selection(kind, reason), after=(place[0], place[1]) if place else None, size=page_request.size
    )
    here = f"{visit.request.url.path}?{visit.request.url.query}"
    return await visit.render(
        "result_rows.html",
        import_=import_,
        kind=str(kind),
        reasons=await visit.container.reports.results.count_reasons(import_, kind),
        reason=reason,
        page=rows,
        marked={row.reason: column_of(row.reason, rows.columns, import_.request.column_map) for row in rows.rows},
        next_url=with_query(here, **{TOKEN: paging.token(rows.next_place)}) if rows.next_place else None,
        first_url=without(here, TOKEN) if place else None,
        may_decide=visit.visitor.caller.decides_for(import_.request.client),
    )


async def download(visit: Visit, kind: Kind) -> Response:
    """The file, as the API gives it. Errors: BadParameter, Gone, TooManyRequests."""
    import_ = await visit.visible_import()
    bom = read_parameter(visit.request.query_params, "bom", yes_or_no) or False
    refuse_erased(import_)
    open_streams.check(visit.request)
    format_ = import_.request.format
    name = f"{kind}-{import_.id}.{format_}"
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    rows = visit.container.reports.results.stream_file(import_, Selection(kind), bom=bom)
    return Download(rows, media_type=f"{format_.media_type}; charset=utf-8", headers=headers)


async def mend(visit: Visit) -> Rendered:
    """Rejected rows as a table to fill in. Errors: Forbidden, Gone, BadParameter."""
    import_ = await visit.manageable_import()
    refuse_erased(import_)
    query = visit.request.query_params
    reason, place = read_parameter(query, "reason", plain_text), paging.place(query.get(TOKEN), 2)
    selection, results = Selection(Kind.FAILURES, reason), visit.container.reports.results
    columns = (await results.read_page(import_, selection, after=None, size=1)).columns
    rows_read = await results.read_page(
        import_, selection, after=(place[0], place[1]) if place else None, size=mends_at_most(len(columns))
    )
    rows = offered(rows_read.rows, columns)
    here = f"{visit.request.url.path}?{visit.request.url.query}"
    last = await visit.container.reports.lists.last_retries([import_.id])
    return await visit.render(
        "mend.html",
        **_table(import_, rows, columns, reason),
        left_out=len(rows_read.rows) - len(rows),
        next_url=with_query(here, **{TOKEN: paging.token(rows_read.next_place)}) if rows_read.next_place else None,
        first_url=without(here, TOKEN) if place else None,
        after=last.get(import_.id, 0),
        mistake=None,
    )


def _table(import_: Import, rows: Sequence[MendedRow], columns: Sequence[str], reason: str | None) -> dict[str, Any]:
    """What the template needs of the rows."""
    marked = {row.reason: column_of(row.reason, columns, import_.request.column_map) for row in rows}
    return {
        "import_": import_,
        "reason": reason,
        "columns": columns,
        "rows": rows,
        "crlf": carriage_returns(rows),
        "marked": marked,
    }


async def send_mended(visit: Visit) -> Response:
    """A new import of the rows that came back. What is wrong with them is said beside them: no typing is lost.

    Errors: NotFound, Forbidden, BadParameter where the table is another one.
    """
    import_ = await visit.manageable_import()
    selection = Selection(Kind.FAILURES)
    columns = (await visit.container.reports.results.read_page(import_, selection, after=None, size=1)).columns
    rows = sent_back(visit.many, columns)
    try:
        if not any(row.is_sent for row in rows):
            raise BadParameter("No row is ticked to be sent.")
        body = corrected_file(rows, columns, import_.request.format.delimiter)
        new_id = await _correct(visit, import_, body)
    except CallerError as error:
        details = [detail for detail in error.details if detail.message not in error.message]
        rendered = await visit.render(
            "mend.html",
            **_table(import_, rows, columns, visit.form.get("reason") or None),
            left_out=0,
            next_url=None,
            first_url=None,
            after=visit.form.get("after", ""),
            mistake=error.message,
            mistakes=details,
        )
        return rendered.answer(visit.visitor, status=error.status)
    return visit.done("mended", of=new_id, to=f"/imports/{new_id}")


async def ask_for_file(visit: Visit) -> Rendered:
    """Where a corrected file is dropped. Errors: NotFound, Forbidden."""
    return await visit.render("corrected.html", import_=await visit.manageable_import(), mistake=None)


async def take_corrected(visit: Visit, sent: Upload) -> Response:
    """A new import of a corrected file. What is wrong with it is said beside the form. Errors: NotFound, Forbidden."""
    import_ = await visit.manageable_import()
    charset = visit.form.get("charset") or dict(sent.fields).get("charset") or "utf-8"
    try:
        if not sent.file_name:
            raise BadParameter("No file was chosen.")
        format_ = _format(visit.form.get("format") or import_.request.format)
        request = replace(import_.request, format=format_, charset=charset, file_name=sent.file_name)
        receipt = await visit.container.retry.corrected(import_.id, request, sent.arrival, by=visit.visitor.caller)
    except CallerError as error:
        rendered = await visit.render(
            "corrected.html", import_=import_, mistake=error.message, mistakes=error.details, follows=""
        )
        return rendered.answer(visit.visitor, status=error.status)
    return visit.done("corrected", of=receipt.import_id, to=f"/imports/{receipt.import_id}")


def _format(text: str) -> Format:
    """Errors: BadParameter."""
    try:
        return one_of(Format, text)
    except ValueError as mistake:
        raise BadParameter(f"format: {mistake}", details=(Detail(str(mistake), field="format"),)) from None


async def _correct(visit: Visit, import_: Import, body: bytes) -> int:
    """Send a corrected file; the same one twice makes one import. The new import's id. As Retry.corrected."""
    at_work.leave(visit.request)
    state = visit.form.get("after", "").encode() + b"\0" + body
    digest = hashlib.blake2b(state, digest_size=16).hexdigest()

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    arrival = Arrival(chunks(), idempotency_key=f"page-mended-{import_.id}-{digest}")
    request = replace(import_.request, charset="utf-8")
    return (await visit.container.retry.corrected(import_.id, request, arrival, by=visit.visitor.caller)).import_id


ROUTES = (
    page(f"{PATH}/failures", partial(show, kind=Kind.FAILURES)),
    page(f"{PATH}/warnings", partial(show, kind=Kind.WARNINGS)),
    file(f"{PATH}/failures.csv", partial(download, kind=Kind.FAILURES)),
    file(f"{PATH}/warnings.csv", partial(download, kind=Kind.WARNINGS)),
    page(f"{PATH}/mend", mend),
    page(f"{PATH}/corrected", ask_for_file),
    upload(f"{PATH}/corrected", take_corrected),
    deed(f"{PATH}/mend", send_mended, form_bytes=MENDED_BYTES, form_fields=MENDED_FIELDS),
)
