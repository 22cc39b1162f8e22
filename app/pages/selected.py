"""What is done with many imports at once: first what will happen, in numbers, then what was done, and what not."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.responses import Response

from app.domain.errors import CallerError, quoted
from app.domain.imports import DEFAULT_PRIORITY, FINISHED, HIGHEST_PRIORITY, Import
from app.domain.lifecycle import AT_MARKETO, FINAL, PartState
from app.pages.deeds import once
from app.pages.formats import plural, word
from app.pages.imports import PATH
from app.pages.rendering import Rendered
from app.pages.routing import Visit, deed, page
from app.web import at_work
from app.web.parameter_values import one_of, whole_number
from app.web.query import bad_parameter
from app.web.values import LARGEST_ID, SMALLEST_ID, whole

MOST_SELECTED = 200  # as many as one page of the list may have
SELECTED = f"{PATH}/selected"


class Bulk(StrEnum):
    CANCEL = "cancel"
    RETRY = "retry"
    PRIORITY = "priority"


@dataclass(frozen=True, slots=True)
class Left:
    """An import that is left as it is, or was refused, and why."""

    import_id: int
    why: str
    is_there: bool = True  # as far as the visitor may know


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done: with which imports, what goes on all the same, and what is left alone."""

    bulk: Bulk
    does: Sequence[Import]
    left: Sequence[Left]
    sentences: Sequence[str]
    confirm: str  # on the button

    @property
    def left_by_reason(self) -> Mapping[str, int]:
        """How many are left alone for which reason."""
        return Counter(each.why for each in self.left if each.is_there)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done: by import, the one that was made of its rows, where one was."""

    ids: Mapping[int, int | None] = field(default_factory=dict)
    refused: Sequence[Left] = ()


async def ask(visit: Visit) -> Rendered:
    """What will happen with the imports that are selected. Errors: BadParameter."""
    query = visit.request.query_params
    plan = await _plan(visit, _bulk(query.get("do", "")), _ids(query.getlist("id")))
    priorities = range(min(HIGHEST_PRIORITY, visit.visitor.caller.max_priority), -1, -1)
    return await visit.render(
        "selected.html", plan=plan, priorities=priorities, default=DEFAULT_PRIORITY, cancel_to=PATH
    )


async def do(visit: Visit) -> Response:
    """Do it, one import after the other: what is refused of one stops none. Errors: BadParameter."""
    bulk, ids = _bulk(visit.form.get("do", "")), _ids(visit.many.get("id", []))
    priority = _priority(visit) if bulk is Bulk.PRIORITY else DEFAULT_PRIORITY
    plan = await _plan(visit, bulk, ids)
    act = _action(visit, bulk, priority, await visit.container.reports.lists.last_retries(ids))
    at_work.leave(visit.request)
    made: dict[int, int | None] = {}
    refused = list(plan.left)
    for import_ in plan.does:
        try:
            made[import_.id] = await act(import_)
        except CallerError as error:
            refused.append(Left(import_.id, error.message))
    told = _told(bulk, made, priority)
    rendered = await visit.render("selected_done.html", done=Done(made, refused), told=told, follows=PATH)
    return rendered.answer(visit.visitor)


def _action(
    visit: Visit, bulk: Bulk, priority: int, last_retries: Mapping[int, int]
) -> Callable[[Import], Awaitable[int | None]]:
    """What is done with each import; the id of the one that is made of its rows, where one is."""
    container, caller = visit.container, visit.visitor.caller

    async def act(import_: Import) -> int | None:
        match bulk:
            case Bulk.CANCEL:
                await container.cancel.run(import_.id, by=caller.client)
            case Bulk.PRIORITY:
                await container.change.run(import_.id, {"priority": priority}, by=caller)
            case Bulk.RETRY:
                key = retry_key("rejected", once(import_, last_retries.get(import_.id, 0)))
                return (await container.retry.failures(import_.id, by=caller, idempotency_key=key)).import_id
        return None

    return act


def retry_key(what: str, once_: str) -> str | None:
    """The idempotency key of a form: who sends it twice makes one import. None where it has no mark of its own."""
    return f"page-retry-{what}-{once_}" if once_.isascii() and once_.isalnum() and len(once_) <= MOST_ONCE else None


MOST_ONCE = 64  # characters of what tells one sending of a form from another


async def _plan(visit: Visit, bulk: Bulk, ids: Sequence[int]) -> Plan:
    by_id = {import_.id: import_ for import_ in await visit.container.reports.imports.get_each(ids)}
    does: list[Import] = []
    left: list[Left] = []
    for import_id in ids:
        import_ = by_id.get(import_id)
        if import_ is None or not visit.visitor.caller.sees(import_.request.client):
            left.append(Left(import_id, f"There is no import {import_id}.", is_there=False))
        elif not visit.visitor.caller.decides_for(import_.request.client):
            left.append(Left(import_id, "Your key may not decide about it: this takes the scope `operate`."))
        elif why := _why_not(bulk, import_):
            left.append(Left(import_id, why))
        else:
            does.append(import_)
    return Plan(bulk, does, left, _sentences(bulk, does), _confirm(bulk, does))


def _why_not(bulk: Bulk, import_: Import) -> str | None:
    """Why there is nothing to do with an import; None where there is."""
    waiting = import_.parts[PartState.WAITING]
    match bulk:
        case Bulk.RETRY if not import_.rows.failed:
            return "Marketo has rejected no row of it."
        case Bulk.RETRY if import_.results_erased_at:
            return "Its rows are erased."
        case Bulk.CANCEL | Bulk.PRIORITY if import_.status in FINISHED:
            return f"It has ended: {word(import_.status)}."
        case Bulk.CANCEL | Bulk.PRIORITY if not waiting:
            return "All of it is at Marketo already, and will finish."
    return None


def _sentences(bulk: Bulk, does: Sequence[Import]) -> list[str]:
    """What will happen, in numbers."""
    if not does:
        return []
    imports = plural(len(does), "import")
    match bulk:
        case Bulk.CANCEL:
            rows = plural(sum(import_.remaining.waiting_rows for import_ in does), "row")
            partly = [import_ for import_ in does if any(import_.parts[state] for state in _GOING_ON)]
            parts = sum(import_.parts[state] for import_ in partly for state in _GOING_ON)
            goes_on = f"{plural(parts, 'part')} of {len(partly)} of them at Marketo will finish." if partly else ""
            return [f"{imports} with {rows} that wait {'is' if len(does) == 1 else 'are'} cancelled.", goes_on]
        case Bulk.RETRY:
            rows = plural(sum(import_.rows.failed for import_ in does), "rejected row")
            each = "a new import" if len(does) == 1 else f"{len(does)} new imports, one of each"
            return [f"{rows} of {imports} are sent again as they were uploaded, as {each}."]
        case Bulk.PRIORITY:
            rows = plural(sum(import_.remaining.waiting_rows for import_ in does), "row")
            return [f"{imports} with {rows} that wait get another place in the queue. Higher goes first."]


_GOING_ON = (AT_MARKETO | {PartState.COLLECTING}) - FINAL


def _confirm(bulk: Bulk, does: Sequence[Import]) -> str:
    imports = plural(len(does), "import")
    match bulk:
        case Bulk.CANCEL:
            return f"Cancel {plural(len(does), 'waiting import')}"
        case Bulk.RETRY:
            return f"Send {plural(sum(import_.rows.failed for import_ in does), 'row')} again"
        case Bulk.PRIORITY:
            return f"Change the priority of {imports}"


def _told(bulk: Bulk, made: Mapping[int, int | None], priority: int) -> str:
    """What was done, in one sentence."""
    imports, verb = plural(len(made), "import"), "was" if len(made) == 1 else "were"
    if not made:
        return "Nothing was done."
    match bulk:
        case Bulk.CANCEL:
            return f"{imports} {verb} cancelled."
        case Bulk.RETRY:
            return f"The rejected rows of {imports} {verb if len(made) > 1 else 'were'} sent again."
        case Bulk.PRIORITY:
            return f"{imports} {'has' if len(made) == 1 else 'have'} the priority {priority} now."


def _bulk(text: str) -> Bulk:
    """Errors: BadParameter."""
    try:
        return one_of(Bulk, text)
    except ValueError as mistake:
        raise bad_parameter("do", str(mistake)) from None


def _priority(visit: Visit) -> int:
    """Errors: BadParameter."""
    try:
        return whole_number(visit.form.get("priority", ""), least=0, most=HIGHEST_PRIORITY)
    except ValueError as mistake:
        raise bad_parameter("priority", str(mistake)) from None


def _ids(texts: Sequence[str]) -> list[int]:
    """Errors: BadParameter."""
    ids: dict[int, None] = {}
    for text in texts:
        number = whole(text, SMALLEST_ID, LARGEST_ID)
        if number is None:
            raise bad_parameter("id", f"{quoted(text)} is no number of an import")
        ids[number] = None
    if len(ids) > MOST_SELECTED:
        raise bad_parameter("id", f"names more than {MOST_SELECTED} imports; select fewer")
    return list(ids)


ROUTES = (page(SELECTED, ask), deed(SELECTED, do))
