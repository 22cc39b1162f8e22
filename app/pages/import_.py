"""One import, and what is done about it."""

from starlette.responses import Response

from app.domain.api_keys import Scope
from app.domain.errors import WrongState
from app.domain.lifecycle import TABLE, Move, PartState
from app.pages.rendering import Rendered
from app.pages.routing import Visit, deed, page
from app.store import part_queries

MOST_ONCE = 64  # characters of what tells one sending of a form from another


async def show(visit: Visit) -> Rendered:
    import_ = await visit.visible_import()
    return await visit.render("import.html", view=await visit.container.reports.imports.view(import_))


async def give_up(visit: Visit) -> Response:
    """Give up whatever Marketo has, or may have, of an import. Errors: WrongState, where that is nothing."""
    import_ = await visit.manageable_import()
    await _resolve(visit, import_.id, frozenset(TABLE[Move.GIVE_UP].sources), gives_up=True)
    return visit.done("given_up", of=import_.id)


async def send_again(visit: Visit) -> Response:
    """Send again what is unconfirmed of an import. Errors: WrongState, where nothing is."""
    import_ = await visit.manageable_import()
    await _resolve(visit, import_.id, frozenset({PartState.UNCONFIRMED}), gives_up=False)
    return visit.done("sent_again", of=import_.id)


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


async def retry(visit: Visit) -> Response:
    """A new import of the failed and cancelled parts' rows; a form that is sent twice makes one."""
    import_ = await visit.manageable_import()
    once = visit.form.get("once", "")[:MOST_ONCE]
    key = f"page-retry-{import_.id}-{once}" if once.isascii() and once.isalnum() else None
    receipt = await visit.container.retry.parts(import_.id, by=visit.visitor.caller, idempotency_key=key)
    return visit.done("retried", of=receipt.import_id)


ROUTES = (
    page("/imports/{import_id}", show),
    deed("/imports/{import_id}/give-up", give_up, needs=Scope.OPERATE),
    deed("/imports/{import_id}/send-again", send_again, needs=Scope.OPERATE),
    deed("/imports/{import_id}/retry", retry),
)
