"""/v1/instances: how each Marketo subscription is doing, and pausing it."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.container import House
from app.domain.api_keys import Caller, Scope
from app.domain.errors import NotFound
from app.store import events, instances, queue_summary
from app.web import contract, examples, paging
from app.web.auth import Guarded, TheCaller, needs
from app.web.deps import SMALL_BODY_BYTES, TheHouse
from app.web.known import knows
from app.web.parameters import plain_text
from app.web.schemas import (
    InstanceBriefOut,
    InstanceEventOut,
    InstanceEventPage,
    InstanceOut,
    InstancePage,
)
from app.web.views import views

router = APIRouter(prefix="/v1/instances", tags=["instances"], route_class=Guarded)
Name = Annotated[str, AfterValidator(str.lower)]
DECIDES = [knows(), needs(Scope.OPERATE)]


class Pause(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PAUSE]})

    reason: Annotated[str, Field(max_length=1000), AfterValidator(plain_text)] | None = None


@router.get("", response_model=InstancePage, dependencies=[knows()])
async def page(house: TheHouse, caller: TheCaller) -> InstancePage:
    """Every configured instance; with the scope `submit` alone, name, state, reason and until of each."""
    return InstancePage(items=[_shown(found, caller) for found in await everyone(house)])


@router.get(
    "/{name}",
    response_model=InstanceOut | InstanceBriefOut,
    dependencies=[knows()],
    responses=contract.answers({}, "not_found"),
)
async def read(house: TheHouse, caller: TheCaller, name: Name) -> InstanceOut | InstanceBriefOut:
    """One instance; with the scope `submit` alone, its name, state, reason and until."""
    return _shown(await _one(house, name), caller)


@router.get(
    "/{name}/events",
    response_model=InstanceEventPage,
    dependencies=[knows(*paging.PARAMETERS), needs(Scope.READ)],
    responses=contract.answers({}, "forbidden", "not_found"),
    openapi_extra={"parameters": contract.PAGING},
)
async def events_of(request: Request, house: TheHouse, name: Name) -> InstanceEventPage:
    """The history of an instance, oldest first: who paused it, and what kept work from flowing."""
    asked = paging.asked(request.query_params, 1)
    async with house.db.read() as tx:
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
    responses=contract.answers({}, "forbidden", "not_found", "disk_full", *contract.OF_JSON),
)
async def pause(house: TheHouse, caller: TheCaller, name: Name, why: Pause | None = None) -> InstanceOut:
    """Submit nothing new to it; what is at Marketo is followed to its end."""
    await house.desk.pause(name, reason=why.reason if why else None, by=caller.client)
    return await _one(house, name)


@router.post(
    "/{name}/resume",
    response_model=InstanceOut,
    dependencies=DECIDES,
    responses=contract.answers({}, "forbidden", "not_found", "disk_full"),
)
async def resume(house: TheHouse, caller: TheCaller, name: Name) -> InstanceOut:
    """Go on; a blocked instance is tried again at once."""
    await house.desk.resume(name, by=caller.client)
    return await _one(house, name)


def _shown(found: InstanceOut, caller: Caller) -> InstanceOut | InstanceBriefOut:
    return found if caller.may(Scope.READ) else found.brief


async def everyone(house: House) -> list[InstanceOut]:
    """The configured instances as they stand, in the order of their names."""
    async with house.db.read() as tx:
        return [view.out() for view in await views(house, tx, await queue_summary.live(tx, now=house.now()))]


async def _one(house: House, name: str) -> InstanceOut:
    for instance in await everyone(house):
        if instance.name == name:
            return instance
    raise NotFound(f"There is no instance {name!r}.")
