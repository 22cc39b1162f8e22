"""The instances: how each is doing, what waits there and why, its jobs and history; and what is done about them."""

from starlette.responses import Response

from app.domain.api_keys import Scope
from app.domain.errors import NotFound, WrongState
from app.domain.lifecycle import JOB_ENDED, JobState
from app.pages.deeds import Offer, offers_for, offers_for_job, pause, resume
from app.pages.instance_history import tell
from app.pages.lists import listed, page_request
from app.pages.rendering import Rendered
from app.pages.routing import Visit, deed, page
from app.reporting.headline import of_instance
from app.reporting.instance_details import ListedJob
from app.reporting.instances import InstanceView
from app.reporting.needs import NeedKind
from app.web.import_parameters import INT32
from app.web.parameter_values import one_of, plain_text, whole_number
from app.web.query import read_parameter

MOST_REASON = 1000  # characters, as in the API
SHOWN, SHOWN_FIRST = 50, 10  # rows of a list; and of its beginning on the instance's own page
JOBS_SHOWN = 25


async def show_all(visit: Visit) -> Rendered:
    """With `submit` alone: name, state, reason and until of each, as in the API."""
    views = await visit.container.reports.instances.read_all()
    return await visit.render("instances.html", views=views, is_full=visit.visitor.may(Scope.READ))


async def show(visit: Visit) -> Rendered:
    """One instance: its sentence, its places, the beginning of its lists. Errors: NotFound."""
    name, reader = name_of(visit), visit.container.reports.instance_details
    if not visit.visitor.may(Scope.READ):
        return await visit.render("instance_of_client.html", view=await _view(visit, name))
    detail = await reader.read(name)
    view = detail.overview.view
    jobs = sorted(await reader.jobs_under_way(name), key=lambda each: each.trouble is None)
    queue = await reader.queue(name, after=None, size=SHOWN_FIRST + 1)
    ended = [each for each in await reader.jobs_page(name, state=None, before=None, size=SHOWN_FIRST) if _ended(each)]
    events = await reader.history(name, before=None, size=SHOWN_FIRST + 1)
    decided_below = {part.import_id for each in jobs if each.trouble for part in each.parts}
    needs = [
        (need, offers_for(need, visit.visitor))
        for need in detail.needs
        if need.kind is not NeedKind.INSTANCE and not (need.import_ and need.import_.id in decided_below)
    ]
    return await visit.render(
        "instance.html",
        each=detail.overview,
        told=of_instance(view, detail.needs, finish_at=detail.overview.waiting_until),
        needs=needs,
        offer=_pause_or_resume(visit, view),
        jobs=jobs,
        job_offers=_job_offers(visit, jobs),
        queue=queue[:SHOWN_FIRST],
        is_more_waiting=len(queue) > SHOWN_FIRST,
        ended=ended,
        history=list(map(tell, events[:SHOWN_FIRST])),
        is_more_history=len(events) > SHOWN_FIRST,
    )


async def show_queue(visit: Visit) -> Rendered:
    """Everything that waits, in the order of acceptance. Errors: NotFound, BadParameter."""
    name, request = name_of(visit), page_request(visit, 2, SHOWN)
    after = (request.place[0], request.place[1]) if request.place else None
    rows = await visit.container.reports.instance_details.queue(name, after=after, size=request.size_and_more)
    view = await _view(visit, name)
    return await visit.render(
        "instance_queue.html", view=view, list=listed(visit, request, rows, lambda queued: queued.place)
    )


async def show_jobs(visit: Visit) -> Rendered:
    """The jobs that Marketo has of ours, and had, newest first. Errors: NotFound, BadParameter."""
    name, request = name_of(visit), page_request(visit, 1, JOBS_SHOWN)
    asked = {name: text for name, text in visit.request.query_params.items() if text}
    state = read_parameter(asked, "state", lambda text: one_of(JobState, text))
    before = request.place[0] if request.place else None
    reader = visit.container.reports.instance_details
    rows = await reader.jobs_page(name, state=state, before=before, size=request.size_and_more)
    jobs = listed(visit, request, rows, lambda each: [each.job.id])
    return await visit.render("instance_jobs.html", name=name, state=state, states=list(JobState), list=jobs)


async def show_history(visit: Visit) -> Rendered:
    """Who did what, and what kept work from flowing, newest first. Errors: NotFound, BadParameter."""
    name, request = name_of(visit), page_request(visit, 1, SHOWN)
    before = request.place[0] if request.place else None
    rows = await visit.container.reports.instance_details.history(name, before=before, size=request.size_and_more)
    events = listed(visit, request, rows, lambda event: [event.id])
    return await visit.render("instance_history.html", name=name, list=events, history=list(map(tell, events.rows)))


async def pause_instance(visit: Visit) -> Response:
    """Errors: NotFound, BadParameter."""
    form = {"reason": visit.form.get("reason", "").strip()}
    reason = read_parameter(form, "reason", lambda text: plain_text(text, most=MOST_REASON)) or None
    await visit.container.pause.run(name_of(visit), reason=reason, by=visit.visitor.caller.client)
    return visit.done("paused")


async def resume_instance(visit: Visit) -> Response:
    """Errors: NotFound."""
    await visit.container.resume.run(name_of(visit), by=visit.visitor.caller.client)
    return visit.done("resumed")


async def send_again(visit: Visit) -> Response:
    """Send an unconfirmed job once more. Errors: NotFound, WrongState."""
    import_id, number = await _first_part(visit)
    await visit.container.resolve.run(import_id, number, batch_id=None, by=visit.visitor.caller.client)
    return visit.done("job_sent_again", of=visit.number("job_id"))


async def accepted(visit: Visit) -> Response:
    """An unconfirmed job was found in Marketo, under the number that the form gives.

    Errors: NotFound, BadParameter, WrongState.
    """
    form = {"batch_id": visit.form.get("batch_id", "").strip()}
    batch_id = read_parameter(form, "batch_id", lambda text: whole_number(text, least=1, most=INT32))
    import_id, number = await _first_part(visit)
    await visit.container.resolve.run(import_id, number, batch_id=batch_id, by=visit.visitor.caller.client)
    return visit.done("job_accepted", of=visit.number("job_id"))


async def give_up(visit: Visit) -> Response:
    """End a job of which nothing more is expected. Errors: NotFound, WrongState."""
    import_id, number = await _first_part(visit)
    await visit.container.resolve.give_up(import_id, number, by=visit.visitor.caller.client)
    return visit.done("job_given_up", of=visit.number("job_id"))


def name_of(visit: Visit) -> str:
    """The instance's name, in either case, as in the API."""
    return str(visit.request.path_params["name"]).lower()


async def _view(visit: Visit, name: str) -> InstanceView:
    """Errors: NotFound."""
    for view in await visit.container.reports.instances.read_all():
        if view.instance.name == name:
            return view
    raise NotFound(f"There is no instance {name!r}.")


async def _first_part(visit: Visit) -> tuple[int, int]:
    """(import, number) of a part of the job: what is decided for it goes for the whole job. Errors: as `give_up`."""
    listed_job = await visit.container.reports.instance_details.job(name_of(visit), visit.number("job_id"))
    if not listed_job.parts:
        raise WrongState(f"Job {listed_job.job.id} has no parts any more: nothing of it is left to be decided.")
    return listed_job.parts[0].import_id, listed_job.parts[0].number


def _pause_or_resume(visit: Visit, view: InstanceView) -> list[Offer]:
    """A blocked or paused instance is let go on; any but a paused one can be paused."""
    if not visit.visitor.may(Scope.OPERATE):
        return []
    name, instance = view.instance.name, view.instance
    offers = [] if instance.paused_at else [pause(name, at_marketo=view.slots_used)]
    if instance.paused_at or instance.blocked_at or view.instance.holding(view.now):
        offers.insert(0, resume(name, view.condition))
    return offers


def _job_offers(visit: Visit, jobs: list[ListedJob]) -> dict[int, list[Offer]]:
    """By job: what this visitor may do about it."""
    may = visit.visitor.may(Scope.OPERATE)
    return {each.job.id: offers_for_job(each) if may else [] for each in jobs}


def _ended(each: ListedJob) -> bool:
    return each.job.state in JOB_ENDED


ROUTES = (
    page("/instances", show_all),
    page("/instances/{name}", show),
    page("/instances/{name}/queue", show_queue, needs=Scope.READ),
    page("/instances/{name}/jobs", show_jobs, needs=Scope.READ),
    page("/instances/{name}/history", show_history, needs=Scope.READ),
    deed("/instances/{name}/pause", pause_instance, needs=Scope.OPERATE),
    deed("/instances/{name}/resume", resume_instance, needs=Scope.OPERATE),
    deed("/instances/{name}/jobs/{job_id}/send-again", send_again, needs=Scope.OPERATE),
    deed("/instances/{name}/jobs/{job_id}/accepted", accepted, needs=Scope.OPERATE),
    deed("/instances/{name}/jobs/{job_id}/give-up", give_up, needs=Scope.OPERATE),
)
