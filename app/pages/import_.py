"""One import: what became of its rows, its way from acceptance to its end, and what is done about it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.responses import Response

from app.domain.api_keys import Scope
from app.domain.errors import CallerError, WrongState
from app.domain.imports import FINISHED, HIGHEST_PRIORITY, LABEL_CHARACTERS, Import
from app.domain.lifecycle import TABLE, Move, PartState
from app.pages.filter_form import with_zone
from app.pages.import_deeds import offers_of, what_goes
from app.pages.import_history import tell
from app.pages.mending import mends_at_most
from app.pages.rendering import Rendered
from app.pages.routing import Visit, deed, page
from app.pages.selected import retry_key
from app.pages.timeline import timeline
from app.store import events, part_queries
from app.web import at_work, paging
from app.web.import_parameters import INT32
from app.web.parameter_values import moment, plain_text, whole_number
from app.web.query import read_parameter

PATH = "/imports/{import_id}"
REASONS_NAMED = 12  # of those why rows were rejected, the most frequent; the others are on a page of their own
PARTS_SHOWN = 100  # on one page of an import with very many


async def show(visit: Visit) -> Rendered:
    return await show_import(visit, await visit.visible_import())


async def show_import(visit: Visit, import_: Import, *, refused: str | None = None) -> Rendered:
    """The import's page. `refused`: why what was asked for was not done; the page then answers a form."""
    details = await visit.container.reports.details.read(import_, may_see=visit.visitor.caller.sees)
    return await visit.render(
        "import.html",
        follows=None if refused is None else f"/imports/{import_.id}",
        refused=refused,
        details=details,
        view=details.view,
        line=timeline(
            import_,
            details.parts,
            details.events,
            finish_times=details.finish_times,
            estimated_finish_at=details.view.estimated_finish_at,
            now=visit.container.now(),
        ),
        history=[tell(event) for event in details.events],
        offers=offers_of(details, visit.visitor),
        first_waiting=next((each for each in details.parts if each.waiting_for), None),
        is_finished=import_.status in FINISHED,
        may_decide=visit.visitor.caller.decides_for(import_.request.client),
        reasons_named=REASONS_NAMED,
        mends_at_most=mends_at_most(details.columns),
    )


async def parts(visit: Visit) -> Rendered:
    """The parts of an import with many, a page at a time: from the number `from` on."""
    import_ = await visit.visible_import()
    first = _number(visit.request.query_params, "from", "1")
    views = await visit.container.reports.parts.read(import_, may_see=visit.visitor.caller.sees)
    shown = [view for view in views if first <= view.part.number < first + PARTS_SHOWN]
    return await visit.render(
        "import_parts.html",
        import_=import_,
        views=shown,
        parts_total=len(views),
        next_from=first + PARTS_SHOWN if views and views[-1].part.number >= first + PARTS_SHOWN else None,
        first=first,
    )


async def history(visit: Visit) -> Rendered:
    """All events of an import, oldest first, a page at a time. Errors: BadParameter."""
    import_ = await visit.visible_import()
    page_request = paging.read_page_request(visit.request.query_params, 1)
    after = page_request.place[0] if page_request.place else 0
    async with visit.container.db.read() as tx:
        listed = await events.page(tx, import_.id, after=after, size=page_request.size_and_more)
    shown, token = page_request.cut(listed, lambda event: [event.id])
    next_url = f"{visit.request.url.path}?page_token={token}" if token else None
    return await visit.render(
        "import_history.html",
        import_=import_,
        history=[tell(event) for event in shown],
        next_url=next_url,
        is_first=page_request.place is None,
    )


async def ask_to_erase(visit: Visit) -> Rendered:
    """The second question. Errors: NotFound, Forbidden."""
    import_ = await visit.manageable_import()
    return await visit.render(
        "erase.html", import_=import_, is_finished=import_.status in FINISHED, goes=what_goes(import_)
    )


Act = Callable[[Visit, Import], Awaitable[Response]]


def decided(act: Act) -> Callable[[Visit], Awaitable[Response]]:
    """A deed about an import of which the visitor may decide; what is refused is said on the import's own page."""

    async def do(visit: Visit) -> Response:
        import_ = await visit.manageable_import()
        try:
            return await act(visit, import_)
        except CallerError as error:
            now = await visit.container.reports.imports.get(import_.id)
            rendered = await show_import(visit, now or import_, refused=error.message)
            return rendered.answer(visit.visitor, status=error.status)

    return do


async def give_up(visit: Visit, import_: Import) -> Response:
    """Give up whatever Marketo has, or may have, of an import. Errors: WrongState, where that is nothing."""
    await _resolve(visit, import_.id, frozenset(TABLE[Move.GIVE_UP].sources), gives_up=True)
    return visit.done("given_up", of=import_.id)


async def send_again(visit: Visit, import_: Import) -> Response:
    """Send again what is unconfirmed of an import. Errors: WrongState, where nothing is."""
    await _resolve(visit, import_.id, frozenset({PartState.UNCONFIRMED}), gives_up=False)
    return visit.done("sent_again", of=import_.id)


async def arrived(visit: Visit, import_: Import) -> Response:
    """Marketo has an unconfirmed part as the job that a person names. Errors: BadParameter, NotFound, WrongState."""
    part, batch_id = _number(visit.form, "part"), _number(visit.form, "batch_id")
    await visit.container.resolve.run(import_.id, part, batch_id=batch_id, by=visit.visitor.caller.client)
    return visit.done("arrived", of=import_.id)


async def _resolve(visit: Visit, import_id: int, states: frozenset[PartState], *, gives_up: bool) -> None:
    """Decide the parts in these states, one job after the other. Errors: WrongState."""
    resolve, by = visit.container.resolve, visit.visitor.caller.client
    async with visit.container.db.read() as tx:
        parts = [part for part in await part_queries.of_import(tx, import_id) if part.state in states]
    if not parts:
        raise WrongState(f"Nothing of import {import_id} is in a state to be decided any more: it has moved meanwhile.")
    jobs_first = {part.job_id: part for part in reversed(parts)}  # a job is decided as a whole
    for part in jobs_first.values():
        if gives_up:
            await resolve.give_up(import_id, part.number, by=by)
        else:
            await resolve.run(import_id, part.number, batch_id=None, by=by)


async def retry(visit: Visit, import_: Import) -> Response:
    """A new import of the failed and cancelled parts' rows; a form that is sent twice makes one."""
    at_work.leave(visit.request)
    key = retry_key(f"parts-{import_.id}", visit.form.get("once", ""))
    receipt = await visit.container.retry.parts(import_.id, by=visit.visitor.caller, idempotency_key=key)
    return visit.done("retried", of=receipt.import_id)


async def retry_rejected(visit: Visit, import_: Import) -> Response:
    """A new import of the rows that Marketo rejected, as they were uploaded. As `retry`."""
    at_work.leave(visit.request)
    key = retry_key(f"rejected-{import_.id}", visit.form.get("once", ""))
    receipt = await visit.container.retry.failures(import_.id, by=visit.visitor.caller, idempotency_key=key)
    return visit.done("rejected_sent", of=receipt.import_id, to=f"/imports/{receipt.import_id}")


async def cancel(visit: Visit, import_: Import) -> Response:
    """Stop what waits. Errors: WrongState, for an import that has ended."""
    await visit.container.cancel.run(import_.id, by=visit.visitor.caller.client)
    return visit.done("discarded" if visit.form.get("as") == "discarded" else "cancelled", of=import_.id)


async def release(visit: Visit, import_: Import) -> Response:
    """Let an import under review go. Errors: WrongState nothing_to_release."""
    await visit.container.release.run(import_.id, by=visit.visitor.caller.client)
    return visit.done("released", of=import_.id)


async def change(visit: Visit, import_: Import) -> Response:
    """Change what is named in the form. Errors: BadParameter, WrongState nothing_waits."""
    readers: dict[str, Callable[[str], Any]] = {
        "priority": lambda text: whole_number(text, least=0, most=HIGHEST_PRIORITY),
        "not_before": lambda text: moment(with_zone(text)) if text else None,
        "label": lambda text: plain_text(text, most=LABEL_CHARACTERS) or None,
    }
    form = {name: visit.form[name].strip() for name in readers if name in visit.form}
    wanted = {name: read_parameter(form, name, readers[name]) for name in form}
    await visit.container.change.run(import_.id, wanted, by=visit.visitor.caller)
    return visit.done("changed", of=import_.id)


async def erase(visit: Visit, import_: Import) -> Response:
    """Erase file and results, after the second question. Errors: WrongState, for an import that has not ended."""
    await visit.container.erase.one(import_.id, by=visit.visitor.caller.client)
    return visit.done("erased", of=import_.id, to=f"/imports/{import_.id}")


def _number(parameters: Mapping[str, str], name: str, default: str = "") -> int:
    """Errors: BadParameter."""
    given = {name: parameters.get(name, default)}
    number = read_parameter(given, name, lambda text: whole_number(text, least=1, most=INT32))
    assert number is not None
    return number


ROUTES = (
    page(PATH, show),
    page(f"{PATH}/parts", parts),
    page(f"{PATH}/history", history),
    page(f"{PATH}/erase", ask_to_erase),
    deed(f"{PATH}/give-up", decided(give_up), needs=Scope.OPERATE),
    deed(f"{PATH}/send-again", decided(send_again), needs=Scope.OPERATE),
    deed(f"{PATH}/arrived", decided(arrived), needs=Scope.OPERATE),
    deed(f"{PATH}/retry", decided(retry)),
    deed(f"{PATH}/retry-rejected", decided(retry_rejected)),
    deed(f"{PATH}/cancel", decided(cancel)),
    deed(f"{PATH}/release", decided(release)),
    deed(f"{PATH}/change", decided(change)),
    deed(f"{PATH}/erase", decided(erase)),
)
