"""/v1/instances: how each Marketo subscription is doing, and pausing it."""

from typing import Annotated

from fastapi import Path, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.api.auth import Guarded, TheCaller, needs
from app.api.dependencies import SMALL_BODY_BYTES, TheContainer, takes_parameters
from app.api.openapi import answers, examples, inputs
from app.api.openapi.operation_ids import Router
from app.api.schemas.events import InstanceEvent, InstanceEventPage
from app.api.schemas.instances import Instance, InstancePage, InstanceSummary
from app.api.schemas.jobs import Job, JobPage
from app.container import Container
from app.domain.api_keys import Caller, Scope
from app.domain.errors import BadParameter, Detail, NotFound
from app.domain.lifecycle import JobState
from app.reporting.instances import InstanceView
from app.store import events, instances
from app.web import paging
from app.web.parameter_values import one_of, plain_text

router = Router(prefix="/v1/instances", tags=["instances"], route_class=Guarded)
Name = Annotated[str, Path(examples=["default"]), AfterValidator(str.lower)]
JOB_STATE = inputs.enum_in_query("state", JobState, "In which state")
DECIDES = [takes_parameters(), needs(Scope.OPERATE)]


class PauseRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PAUSE]})

    reason: Annotated[str, Field(max_length=1000), AfterValidator(plain_text)] | None = None


@router.get("", summary="List instances", response_model=InstancePage, dependencies=[takes_parameters()])
async def list_instances(container: TheContainer, caller: TheCaller) -> InstancePage:
    """Every configured instance; with the scope `submit` alone, name, state, reason and until of each."""
    return InstancePage(items=[_visible(view, caller) for view in await container.reports.instances.read_all()])


@router.get(
    "/{name}",
    summary="Get an instance",
    response_model=Instance | InstanceSummary,
    dependencies=[takes_parameters()],
    responses=answers.responses({}, "not_found"),
)
async def get_instance(container: TheContainer, caller: TheCaller, name: Name) -> Instance | InstanceSummary:
    """One instance; with the scope `submit` alone, its name, state, reason and until."""
    return _visible(await _view(container, name), caller)


@router.get(
    "/{name}/events",
    summary="List the events of an instance",
    response_model=InstanceEventPage,
    dependencies=[takes_parameters(*paging.PARAMETERS), needs(Scope.READ)],
    responses=answers.responses({}, "forbidden", "not_found"),
    openapi_extra={"parameters": inputs.PAGING},
)
async def list_instance_events(request: Request, container: TheContainer, name: Name) -> InstanceEventPage:
    """The history of an instance, oldest first: who paused it, and what kept work from flowing."""
    page_request = paging.read_page_request(request.query_params, 1)
    async with container.db.read() as tx:
        if await instances.get(tx, name) is None:
            raise NotFound(f"There is no instance {name!r}.")
        after = page_request.place[0] if page_request.place else 0
        listed = await events.page_of_instance(tx, name, after=after, size=page_request.size_and_more)
    page, more = page_request.cut(listed, lambda event: [event.id])
    return InstanceEventPage(items=[InstanceEvent.of(event) for event in page], next_page_token=more)


@router.get(
    "/{name}/jobs",
    summary="List the jobs of an instance",
    response_model=JobPage,
    dependencies=[takes_parameters("state", *paging.PARAMETERS), needs(Scope.READ)],
    responses=answers.responses({}, "forbidden", "not_found"),
    openapi_extra={"parameters": [JOB_STATE, *inputs.PAGING]},
)
async def list_jobs(request: Request, container: TheContainer, name: Name) -> JobPage:
    """The jobs that Marketo has of ours, and those that have ended, newest first."""
    page_request = paging.read_page_request(request.query_params, 1)
    before = page_request.place[0] if page_request.place else None
    state = _job_state(request.query_params.get("state"))
    views = await container.reports.jobs.page(name, state=state, before=before, size=page_request.size_and_more)
    page, more = page_request.cut(views, lambda view: [view.job.id])
    return JobPage(items=[Job.of(view) for view in page], next_page_token=more)


def _job_state(text: str | None) -> JobState | None:
    """Errors: BadParameter."""
    try:
        return one_of(JobState, text) if text is not None else None
    except ValueError as mistake:
        raise BadParameter(str(mistake), details=(Detail(str(mistake), field="state"),)) from None


@router.post(
    "/{name}/pause",
    summary="Pause an instance",
    response_model=Instance,
    dependencies=DECIDES,
    max_body_size=SMALL_BODY_BYTES,
    responses=answers.responses({}, "forbidden", "not_found", "disk_full", *answers.OF_JSON),
)
async def pause_instance(
    container: TheContainer, caller: TheCaller, name: Name, why: PauseRequest | None = None
) -> Instance:
    """Submit nothing new to it; what is at Marketo is followed to its end."""
    await container.pause.run(name, reason=why.reason if why else None, by=caller.client)
    return Instance.of(await _view(container, name))


@router.post(
    "/{name}/resume",
    summary="Resume an instance",
    response_model=Instance,
    dependencies=DECIDES,
    responses=answers.responses({}, "forbidden", "not_found", "disk_full"),
)
async def resume_instance(container: TheContainer, caller: TheCaller, name: Name) -> Instance:
    """Go on; a blocked instance is tried again at once."""
    await container.resume.run(name, by=caller.client)
    return Instance.of(await _view(container, name))


def _visible(view: InstanceView, caller: Caller) -> Instance | InstanceSummary:
    """As much of an instance as the caller's key may see."""
    return Instance.of(view) if caller.may(Scope.READ) else InstanceSummary.of(view)


async def _view(container: Container, name: str) -> InstanceView:
    """Errors: NotFound."""
    for view in await container.reports.instances.read_all():
        if view.instance.name == name:
            return view
    raise NotFound(f"There is no instance {name!r}.")
