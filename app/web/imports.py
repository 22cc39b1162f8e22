"""/v1/imports: create, read, wait, list; parts and events; cancel, send again, erase, decide an unconfirmed part."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from app.domain.clients import Scope
from app.domain.errors import BadParameter, Detail, NotFound
from app.domain.imports import FINISHED, Import, ObjectType, Status
from app.domain.patience import NEXT_LOOK_MOST_SECONDS, NEXT_LOOK_SECONDS, WAIT_MOST_SECONDS
from app.steps.intake import Receipt
from app.store import events, imports, instances, parts
from app.store.imports import Filters
from app.web import conditional, contract, examples, live, paging
from app.web.auth import Guarded, TheCaller, needs, refuse_scope
from app.web.deps import SMALL_BODY_BYTES, TheHouse, judgement
from app.web.outlooks import Outlooks
from app.web.parameters import INT32, KNOWN, merged, moment, one_of, only, plain_text, refuse, request_from
from app.web.requests import has_body
from app.web.schemas import EventOut, EventPage, ImportOut, ImportPage, PartOut, PartPage
from app.web.upload import received
from app.wiring import House

router = APIRouter(prefix="/v1/imports", tags=["imports"], route_class=Guarded)

LIST_FILTERS = ("status", "instance", "object_type", "client", "label", "created_after", "created_before", "attention")
PAGING = ("page_size", "page_token")
SMALLEST_ID, LARGEST_ID = 1, 2**63 - 1
ImportId = Annotated[str, WithJsonSchema({"type": "integer", "minimum": SMALLEST_ID, "maximum": LARGEST_ID})]
"""A text, for what is no number is simply not there."""

FILTERS_SHOWN = [
    contract.in_query("status", {"type": "string", "enum": list(Status)}, "Which status"),
    contract.in_query("instance", {"type": "string"}, "Of which instance"),
    contract.in_query("object_type", {"type": "string", "enum": list(ObjectType)}, "Of which kind"),
    contract.in_query("client", {"type": "string"}, "Of which client"),
    contract.in_query("label", {"type": "string"}, "With this label"),
    *contract.CREATED,
    contract.in_query("attention", {"type": "boolean"}, "Whether a person should look"),
]
OF_RETRIES = ("nothing_to_retry", "rows_erased")

READ_BY = ("format", "charset")
"""Parameters of a corrected file; in all else it goes the way of the import that it mends."""


def knows(*names: str) -> Any:
    """Refuse query parameters that the route does not know, or that have two values: a slip must not go unnoticed."""

    async def check(request: Request) -> None:
        refuse(only(request.query_params.keys(), names))
        merged(request.query_params.multi_items(), ())

    return Depends(check)


async def existing(house: TheHouse, caller: TheCaller, import_id: ImportId) -> Import:
    """Errors: NotFound, also for another client's import that this one may not see."""
    found = None
    if import_id.isascii() and import_id.isdigit() and SMALLEST_ID <= int(import_id) <= LARGEST_ID:
        async with house.db.read() as tx:
            found = await imports.get(tx, int(import_id), by=judgement(house))
    if found is None or not caller.sees(found.request.client):
        raise NotFound(f"There is no import {import_id}.")
    return found


async def to_decide(caller: TheCaller, found: Annotated[Import, Depends(existing)]) -> Import:
    """Errors: NotFound, Forbidden."""
    if not caller.decides_for(found.request.client):
        refuse_scope(Scope.OPERATE)
    return found


TheImport = Annotated[Import, Depends(existing)]
ItsImport = Annotated[Import, Depends(to_decide)]
"""One that the caller may decide about."""

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")
]


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells of imports, each with its forecast."""

    house: House
    outlooks: Outlooks

    async def __call__(self, response: Response, found: Import) -> ImportOut:
        estimated = (await self.outlooks.of([found])).get(found.id)
        if found.status not in FINISHED:
            response.headers["Retry-After"] = str(_next_look_seconds(estimated, self.house.now()))
        return ImportOut.of(found, estimated)

    async def anew(self, response: Response, import_id: int) -> ImportOut:
        """Of one that was just changed."""
        async with self.house.db.read() as tx:
            found = await imports.get(tx, import_id, by=judgement(self.house))
        assert found is not None
        response.headers["Location"] = f"/v1/imports/{import_id}"
        return await self(response, found)

    async def receipt(self, response: Response, receipt: Receipt) -> ImportOut:
        """Of one that was just made, now or by an earlier request with the same key."""
        if receipt.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return await self.anew(response, receipt.import_id)

    async def each(self, found: Sequence[Import]) -> list[ImportOut]:
        estimated = await self.outlooks.of(found)
        return [ImportOut.of(one, estimated.get(one.id)) for one in found]


async def _teller(request: Request, house: TheHouse) -> Teller:
    return Teller(house, request.app.state.outlooks)


Tell = Annotated[Teller, Depends(_teller)]


@router.post(
    "",
    status_code=202,
    response_model=ImportOut,
    dependencies=[needs(Scope.SUBMIT)],
    responses=contract.answers({202: contract.MADE}, "forbidden", *contract.OF_UPLOADS, *contract.OF_INTAKE),
    openapi_extra={
        "parameters": contract.parameters_of_import() + contract.OF_THE_BODY,
        "requestBody": contract.body_of_file(),
    },
)
async def create(
    request: Request,
    response: Response,
    house: TheHouse,
    caller: TheCaller,
    tell: Tell,
    idempotency_key: IdempotencyKey = None,
) -> ImportOut:
    """Take a file in. 202 means: its bytes and the import are committed to disk."""
    query = request.query_params.multi_items()
    refuse(only((name for name, _ in query), KNOWN))
    async with received(request, limit_bytes=house.settings.max_file_bytes) as upload:
        given = merged(query, upload.fields)
        wanted = request_from(given, file_name=upload.file_name, client=caller.client)
        arrival = replace(upload.arrival, idempotency_key=idempotency_key)
        receipt = await house.intake.receive(wanted, arrival)
    return await tell.receipt(response, receipt)


Wait = Annotated[
    float,
    Query(ge=0, le=WAIT_MOST_SECONDS, allow_inf_nan=False, description="seconds to wait for the end of the import"),
]
FORECASTS = {"estimated_finish_at"}
"""Move with the clock; an import that has only another forecast is not another one."""


@router.get(
    "/{import_id}",
    response_model=ImportOut,
    dependencies=[knows("wait")],
    responses=contract.answers(
        {
            200: {"headers": {"ETag": contract.ETAG, "Retry-After": contract.RETRY_AFTER}},
            304: {
                "description": "It stands as the caller knows it: see If-None-Match",
                "headers": {"ETag": contract.ETAG},
            },
        },
        "not_found",
    ),
    openapi_extra={"parameters": [contract.IF_NONE_MATCH]},
)
async def read(
    request: Request, response: Response, house: TheHouse, found: TheImport, tell: Tell, wait: Wait = 0
) -> ImportOut | Response:
    """An import as it stands; with `wait`, as soon as it is finished or the time is up."""
    if wait and found.status not in FINISHED:
        found = await live.while_there(request, _finished(house, found, within_seconds=wait))
    shown = await tell(response, found)
    response.headers["ETag"] = tag = conditional.etag(shown, beside=FORECASTS)
    response.headers["Cache-Control"] = "no-cache"
    return Response(status_code=304, headers=response.headers) if conditional.is_known(request, tag) else shown


async def _finished(house: House, known: Import, *, within_seconds: float) -> Import:
    """Errors: NotFound, where it was erased meanwhile."""

    async def look() -> Import | None:
        async with house.db.read() as tx:
            return await imports.get(tx, known.id, by=judgement(house))

    found = await house.follow.finished(known.id, look, within_seconds=within_seconds)
    if found is None:
        raise NotFound(f"There is no import {known.id}.")
    return found


@router.get(
    "",
    response_model=ImportPage,
    dependencies=[knows(*LIST_FILTERS, *PAGING)],
    openapi_extra={"parameters": FILTERS_SHOWN + contract.PAGING},
)
async def page(request: Request, house: TheHouse, caller: TheCaller, tell: Tell) -> ImportPage:
    """Imports, newest first; without the scope `read`, the client's own."""
    given = request.query_params
    size, place = paging.size(given.get("page_size")), paging.place(given.get("page_token"), 1)
    filters = _filters(dict(given))
    if filters.client and not caller.sees(filters.client):
        return ImportPage(items=[], next_page_token=None)
    if not caller.may(Scope.READ):
        filters = replace(filters, client=caller.client)
    async with house.db.read() as tx:
        before = place[0] if place else None
        found = await imports.page(tx, filters, before=before, size=size + 1, by=judgement(house))
    more = paging.token([found[size - 1].id]) if len(found) > size else None
    return ImportPage(items=await tell.each(found[:size]), next_page_token=more)


@router.get(
    "/{import_id}/parts",
    response_model=PartPage,
    dependencies=[knows()],
    responses=contract.answers({200: {"links": contract.RESOLVE}}, "not_found"),
)
async def parts_of(house: TheHouse, found: TheImport) -> PartPage:
    """The parts of an import, and what a waiting one waits for."""
    async with house.db.read() as tx:
        instance = await instances.get(tx, found.request.instance)
        listed = await parts.of_import(tx, found.id)
    assert instance is not None
    now = house.now()
    return PartPage(items=[PartOut.of(part, instance, now) for part in listed], next_page_token=None)


@router.get(
    "/{import_id}/events",
    response_model=EventPage,
    dependencies=[knows(*PAGING)],
    responses=contract.answers(
        {
            200: {"content": {live.EVENT_STREAM: {"schema": {"type": "string"}}}},
            204: {"description": "Nothing comes after the Last-Event-ID: the stream need not be opened again"},
        },
        "not_found",
    ),
    openapi_extra={"parameters": [*contract.PAGING, contract.LAST_EVENT_ID]},
)
async def events_of(request: Request, response: Response, house: TheHouse, found: TheImport) -> EventPage | Response:
    """The history of an import, oldest first; as a stream of events, also what is yet to come."""
    last_event_id = live.last_event_id(request)
    if live.is_wanted(request):
        return await _stream(request, house, found, after=last_event_id)
    response.headers["Vary"] = "Accept"
    given = request.query_params
    size, place = paging.size(given.get("page_size")), paging.place(given.get("page_token"), 1)
    async with house.db.read() as tx:
        listed = await events.page(tx, found.id, after=place[0] if place else 0, size=size + 1)
    more = paging.token([listed[size - 1].id]) if len(listed) > size else None
    return EventPage(items=[EventOut.of(one) for one in listed[:size]], next_page_token=more)


async def _stream(request: Request, house: House, found: Import, *, after: int) -> Response:
    """From behind that event on; 0 begins with the first."""
    refuse(only(request.query_params.keys(), ()))
    if after:
        async with house.db.read() as tx:
            latest = (await events.latest(tx, [found.id])).get(found.id)
        if latest and latest.finished and latest.id == after:
            return Response(status_code=204)
        if latest and latest.id < after:  # of another time: the database may be one that was restored
            after = 0
    return live.stream(house.follow, found.id, after=after)


@router.post(
    "/{import_id}/cancel",
    status_code=202,
    response_model=ImportOut,
    dependencies=[knows()],
    responses=contract.answers({202: contract.CHANGED}, "forbidden", "not_found", "wrong_state", "disk_full"),
)
async def cancel(response: Response, house: TheHouse, caller: TheCaller, found: ItsImport, tell: Tell) -> ImportOut:
    """Cancel what still waits; what Marketo has runs to its end."""
    await house.desk.cancel(found.id, by=caller.client)
    return await tell.anew(response, found.id)


@router.delete(
    "/{import_id}",
    status_code=204,
    response_class=Response,
    dependencies=[knows()],
    responses=contract.answers({}, "forbidden", "not_found", "not_finished"),
)
async def erase(house: TheHouse, caller: TheCaller, found: ItsImport) -> None:
    """Erase a finished import's file, failures and warnings; its counts and history stay."""
    await house.erase.one(found.id, by=caller.client)


@router.post(
    "/{import_id}/retry",
    status_code=202,
    response_model=ImportOut,
    dependencies=[knows()],
    responses=contract.answers({202: contract.MADE}, "forbidden", "not_found", *OF_RETRIES, *contract.OF_INTAKE),
)
async def retry(
    request: Request,
    response: Response,
    house: TheHouse,
    caller: TheCaller,
    found: ItsImport,
    tell: Tell,
    idempotency_key: IdempotencyKey = None,
) -> ImportOut:
    """A new import of the failed and cancelled parts' rows; none of those that Marketo processed."""
    if has_body(request.headers):
        raise BadParameter("This takes no body: it sends the rows as they were. A corrected file: `…/retry-failures`.")
    receipt = await house.retry.parts(found.id, by=caller.client, idempotency_key=idempotency_key)
    return await tell.receipt(response, receipt)


@router.post(
    "/{import_id}/retry-failures",
    status_code=202,
    response_model=ImportOut,
    dependencies=[knows(*READ_BY)],
    responses=contract.answers(
        {202: contract.MADE}, "forbidden", "not_found", *OF_RETRIES, *contract.OF_UPLOADS, *contract.OF_INTAKE
    ),
    openapi_extra={
        "parameters": contract.parameters_of_import(*READ_BY) + contract.OF_THE_BODY,
        "requestBody": contract.body_of_file(*READ_BY, required=False),
    },
)
async def retry_failures(
    request: Request,
    response: Response,
    house: TheHouse,
    caller: TheCaller,
    found: ItsImport,
    tell: Tell,
    idempotency_key: IdempotencyKey = None,
) -> ImportOut:
    """A new import of the rows that Marketo rejected; with a body, that is the corrected file.

    The corrected file may be what `/failures` gave, mended: the columns added there are left out, and its rows keep
    their numbers.
    """
    if not has_body(request.headers):
        refuse([Detail("is of a corrected file, but no body came", field=name) for name in request.query_params])
        receipt = await house.retry.failures(found.id, by=caller.client, idempotency_key=idempotency_key)
        return await tell.receipt(response, receipt)
    async with received(request, limit_bytes=house.settings.max_file_bytes) as upload:
        given = {"format": str(found.request.format)} | merged(request.query_params.multi_items(), upload.fields)
        refuse(only(given, READ_BY))
        wanted = request_from(given, file_name=upload.file_name, client=found.request.client)
        arrival = replace(upload.arrival, idempotency_key=idempotency_key)
        receipt = await house.retry.corrected(found.id, wanted, arrival, by=caller.client)
    return await tell.receipt(response, receipt)


class Resolution(BaseModel):
    """What became of a submission whose answer was lost."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": list(examples.RESOLUTIONS),
            "oneOf": [
                {"properties": {"outcome": {"const": "resubmit"}, "batch_id": {"type": "null"}}},
                {
                    "properties": {"outcome": {"const": "accepted"}, "batch_id": {"type": "integer"}},
                    "required": ["batch_id"],
                },
            ],
        },
    )

    outcome: Literal["resubmit", "accepted"]
    batch_id: int | None = Field(default=None, ge=1, le=INT32)

    @model_validator(mode="after")
    def names_the_batch(self) -> Self:
        if (self.outcome == "accepted") != (self.batch_id is not None):
            raise ValueError("batch_id goes with the outcome accepted, and only with it")
        return self


@router.post(
    "/{import_id}/parts/{number}/resolve",
    response_model=ImportOut,
    dependencies=[knows(), needs(Scope.OPERATE)],
    max_body_size=SMALL_BODY_BYTES,
    responses=contract.answers(
        {200: contract.CHANGED}, "forbidden", "not_found", "wrong_state", "disk_full", *contract.OF_JSON
    ),
)
async def resolve(
    response: Response,
    house: TheHouse,
    caller: TheCaller,
    found: TheImport,
    tell: Tell,
    number: Annotated[int, Path(ge=1, le=INT32)],
    resolution: Resolution,
) -> ImportOut:
    """Decide an unconfirmed part: Marketo has it under this batch id, or it is to be sent again."""
    await house.desk.resolve(found.id, number, batch_id=resolution.batch_id, by=caller.client)
    return await tell.anew(response, found.id)


def _next_look_seconds(estimated: datetime | None, now: datetime) -> int:
    """When a caller should ask again: when it should be done, within reason."""
    wanted = math.ceil((estimated - now).total_seconds()) if estimated else NEXT_LOOK_SECONDS
    return min(NEXT_LOOK_MOST_SECONDS, max(NEXT_LOOK_SECONDS, wanted))


def _filters(given: dict[str, str]) -> Filters:
    """Errors: BadParameter, with a detail for each mistake."""
    mistakes: list[Detail] = []
    read: dict[str, Any] = {}
    words: dict[str, Callable[[str], Any]] = dict.fromkeys(("client", "label"), plain_text)
    words |= {"status": partial(one_of, Status), "object_type": partial(one_of, ObjectType)}
    words |= {"created_after": moment, "created_before": moment, "instance": lambda text: plain_text(text).lower()}
    for name, meaning in words.items():
        if name in given:
            try:
                read[name] = meaning(given[name])
            except ValueError as mistake:
                mistakes.append(Detail(str(mistake), field=name))
    if "attention" in given:
        read["attention"] = {"true": True, "false": False}.get(given["attention"])
        if read["attention"] is None:
            mistakes.append(Detail(f"{given['attention']!r} is neither true nor false", field="attention"))
    refuse(mistakes)
    return Filters(**read)
