"""/v1/instances: how each Marketo subscription is doing, and pausing it."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.api import paging
from app.api.auth import Guarded, TheCaller, needs
from app.api.dependencies import SMALL_BODY_BYTES, TheContainer
from app.api.known import knows
from app.api.openapi import document, examples
from app.api.parameters import plain_text
from app.api.schemas import InstanceBriefOut, InstanceEventOut, InstanceEventPage, InstanceOut, InstancePage
from app.api.views import instance_views
from app.container import Container
from app.domain.api_keys import Caller, Scope
from app.domain.errors import NotFound
from app.store import events, instances, queue_summary

router = APIRouter(prefix="/v1/instances", tags=["instances"], route_class=Guarded)
Name = Annotated[str, AfterValidator(str.lower)]
DECIDES = [knows(), needs(Scope.OPERATE)]


class Pause(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PAUSE]})

    reason: Annotated[str, Field(max_length=1000), AfterValidator(plain_text)] | None = None


@router.get("", response_model=InstancePage, dependencies=[knows()])
async def page(container: TheContainer, caller: TheCaller) -> InstancePage:
    """Every configured instance; with the scope `submit` alone, name, state, reason and until of each."""
    return InstancePage(items=[_shown(found, caller) for found in await everyone(container)])


@router.get(
    "/{name}",
    response_model=InstanceOut | InstanceBriefOut,
    dependencies=[knows()],
    responses=document.responses({}, "not_found"),
)
async def read(container: TheContainer, caller: TheCaller, name: Name) -> InstanceOut | InstanceBriefOut:
    """One instance; with the scope `submit` alone, its name, state, reason and until."""
    return _shown(await _one(container, name), caller)


@router.get(
    "/{name}/events",
    response_model=InstanceEventPage,
    dependencies=[knows(*paging.PARAMETERS), needs(Scope.READ)],
    responses=document.responses({}, "forbidden", "not_found"),
    openapi_extra={"parameters": document.PAGING},
)
async def events_of(request: Request, container: TheContainer, name: Name) -> InstanceEventPage:
    """The history of an instance, oldest first: who paused it, and what kept work from flowing."""
    asked = paging.asked(request.query_params, 1)
    async with container.db.read() as tx:
        if await instances.get(tx, name) is None:
            raise NotFound(f"There is no instance {name!r}.")
        behind = asked.place[0] if asked.place else 0
        listed = await events.page_of_instance(tx, name, after=behind, size=asked.size_and_more)
    shown, more = asked.cut(listed, lambda one: [one.id])
    return InstanceEventPage(items=[InstanceEventOut.of(one) for one in shown], next_page_token=more)


@router.post(
    "/{name}/pause",
    response_model=InstanceOut,
    dependencies=DECIDES,
    max_body_size=SMALL_BODY_BYTES,
    responses=document.responses({}, "forbidden", "not_found", "disk_full", *document.OF_JSON),
)
async def pause(container: TheContainer, caller: TheCaller, name: Name, why: Pause | None = None) -> InstanceOut:
    """Submit nothing new to it; what is at Marketo is followed to its end."""
    await container.pause.run(name, reason=why.reason if why else None, by=caller.client)
    return await _one(container, name)


@router.post(
    "/{name}/resume",
    response_model=InstanceOut,
    dependencies=DECIDES,
    responses=document.responses({}, "forbidden", "not_found", "disk_full"),
)
async def resume(container: TheContainer, caller: TheCaller, name: Name) -> InstanceOut:
    """Go on; a blocked instance is tried again at once."""
    await container.resume.run(name, by=caller.client)
    return await _one(container, name)


def _shown(found: InstanceOut, caller: Caller) -> InstanceOut | InstanceBriefOut:
    return found if caller.may(Scope.READ) else found.brief


async def everyone(container: Container) -> list[InstanceOut]:
    """The configured instances as they stand, in the order of their names."""
    async with container.db.read() as tx:
        return [
            view.out()
            for view in await instance_views(container, tx, await queue_summary.summaries(tx, now=container.now()))
        ]


async def _one(container: Container, name: str) -> InstanceOut:
    for instance in await everyone(container):
        if instance.name == name:
            return instance
    raise NotFound(f"There is no instance {name!r}.")
