"""Identity and the twelve endpoints of bulk import, as Marketo has them.

Traps: the status of leads has no `/status`; what is asked of program members names no program; no `/rest` in front.
Adobe, "Bulk import", "Bulk lead import", "Bulk custom object import", "Bulk program member import", read 2026-08.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Match, Route

from app.domain.clients import Caller, Scope
from app.domain.errors import BadParameter, CallerError, NotFound, TooLarge
from app.domain.imports import FINISHED, CustomObject, Import, ObjectType, object_type
from app.domain.imports import Request as Wanted
from app.store import results
from app.store.database import AWAY
from app.store.results import Kind
from app.web.auth import refuse_scope
from app.web.facade.answers import FILE_TYPE, Refusal, accepted, job, refusal_of, refused, standing
from app.web.facade.callers import bearer, caller_of, sent_token, token
from app.web.known import existing
from app.web.parameters import PARAMETERS, merged, request_from
from app.web.results import lines, refuse_erased
from app.web.upload import FORM, Upload, received
from app.wiring import House

log = structlog.get_logger()

Endpoint = Callable[[Request], Awaitable[Response]]

FORM_BYTES = 10_000_000  # of a file whose form brings the token inside, which we see too late: as Marketo takes

IN_PATH = {ObjectType.CUSTOM_OBJECT: "object_name", ObjectType.PROGRAM_MEMBER: "program_id"}
OURS = {
    "lookupField": "lookup_field",
    "listId": "list_id",
    "partitionName": "partition_name",
    "programMemberStatus": "program_member_status",
} | {name: name for name, one in PARAMETERS.items() if one.of is None and name != "object_type"}
"""Marketo's parameters in our words, and those of ours that may be given beside them. All others are left alone."""
THEIRS = {ours: theirs for theirs, ours in OURS.items()} | {"program_id": "programId"}


async def create(kind: ObjectType, request: Request) -> Response:
    """Take a file in. It is answered once it is committed, and never for want of a place in Marketo's queue.

    The token may be a field of the form, even its last one: such a form is bounded until we know whose it is.
    """
    house: House = request.app.state.house
    in_form = not sent_token(request) and request.headers.get("content-type", "").lower().startswith(FORM)
    caller = None if in_form and house.settings.auth == "on" else _submitter(await caller_of(request))
    admit = partial(house.intake.check_room, caller.client) if caller else None
    most = None if caller else FORM_BYTES
    try:
        async with received(request, house.settings, admit=admit, limit_bytes=most, open_end=True) as upload:
            fields = dict(upload.fields)
            caller = caller or _submitter(await bearer(request, fields.get("access_token", "")))
            wanted = _wanted(kind, request, upload, caller)
            receipt = await house.intake.receive(wanted, upload.arrival)
    except AWAY as away:
        log.warning("database unavailable", error=type(away).__name__, path=request.url.path)
        raise Refusal("611", "whether the import was created is not known") from None
    except TooLarge:
        if caller is None:
            told = f"a file of more than {FORM_BYTES} bytes needs the token in the Authorization header"
            raise Refusal("600", told) from None
        raise
    return accepted(job(receipt.import_id, wanted.target), house.now())


def _submitter(caller: Caller) -> Caller:
    """Errors: Forbidden."""
    if not caller.may(Scope.SUBMIT):
        refuse_scope(Scope.SUBMIT)
    return caller


def _wanted(kind: ObjectType, request: Request, upload: Upload, caller: Caller) -> Wanted:
    """Errors: Refusal 1001, 1002."""
    sent = merged([pair for pair in [*request.query_params.multi_items(), *upload.fields] if pair[0] in OURS], [])
    given = {OURS[name]: value for name, value in sent.items() if PARAMETERS[OURS[name]].of in {None, kind}}
    given["object_type"] = kind
    if kind in IN_PATH:
        given[IN_PATH[kind]] = request.path_params["name"]
    if kind is ObjectType.PROGRAM_MEMBER and not given.get("program_member_status"):
        raise Refusal("1002", "programMemberStatus")
    try:
        return request_from(given, file_name=upload.file_name, client=caller.client)
    except BadParameter as mistake:
        told = [f"{THEIRS.get(d.field or '', d.field)}: {d.message}" for d in mistake.details]
        raise Refusal("1001", "; ".join(told)) from None


async def status(kind: ObjectType, request: Request) -> Response:
    found = await _found(kind, request)
    return accepted(standing(found), request.app.state.house.now())


async def file(of: Kind, kind: ObjectType, request: Request) -> Response:
    """Complete, or not at all: nobody could tell a part of it from the whole. None: 404, as Adobe documents.

    Errors: Gone, which is not to look like none.
    """
    found, house = await _found(kind, request), request.app.state.house
    refuse_erased(found)
    async with house.db.read() as tx:
        rows = await results.page(tx, found.id, of, after=None, size=1)
    if found.status not in FINISHED or not rows:
        return Response(status_code=404)
    return StreamingResponse(lines(house, found, of, source_rows=False), media_type=FILE_TYPE)


async def _found(kind: ObjectType, request: Request) -> Import:
    """The import that a path names. Errors: NotFound, also for one of another kind, or that the caller may not see."""
    caller = await caller_of(request)
    found = await existing(request.app.state.house, caller, request.path_params["batch"])
    target, name = found.request.target, request.path_params.get("name", "")
    if object_type(target) is not kind or (
        isinstance(target, CustomObject) and target.object_name.lower() != name.lower()
    ):
        raise NotFound(f"There is no such import {found.id}.")
    return found


async def nothing(request: Request) -> Response:
    """The rest of Marketo's API, which is not served here."""
    there = any(route.matches(request.scope)[0] is Match.PARTIAL for route in ENDPOINTS)
    raise Refusal("605" if there else "610")


def answering(endpoint: Endpoint) -> Endpoint:
    """Every error in Marketo's envelope."""

    async def answered(request: Request) -> Response:
        now = request.app.state.house.now
        try:
            return await endpoint(request)
        except Refusal as refusal:
            return refused(refusal, now())
        except CallerError as error:
            http = error.status if isinstance(error, TooLarge) else 200  # as Marketo's gateway
            return refused(refusal_of(error), now(), status=http, retry_after_seconds=error.retry_after_seconds)
        except AWAY as away:
            log.warning("database unavailable", error=type(away).__name__, path=request.url.path)
            return refused(Refusal("608"), now())

    return answered


def _family(kind: ObjectType, made_at: str, batch: str, its_status: str) -> list[Route]:
    return [
        Route(made_at, answering(partial(create, kind)), methods=["POST"]),
        Route(f"{batch}{its_status}.json", answering(partial(status, kind)), methods=["GET"]),
        Route(f"{batch}/failures.json", answering(partial(file, Kind.FAILURES, kind)), methods=["GET"]),
        Route(f"{batch}/warnings.json", answering(partial(file, Kind.WARNINGS, kind)), methods=["GET"]),
    ]


OBJECTS, MEMBERS = "/bulk/v1/customobjects/{name}", "/bulk/v1/program"
ENDPOINTS = [
    Route("/identity/oauth/token", answering(token), methods=["GET", "POST"]),
    *_family(ObjectType.LEAD, "/bulk/v1/leads.json", "/bulk/v1/leads/batch/{batch}", ""),
    *_family(ObjectType.CUSTOM_OBJECT, f"{OBJECTS}/import.json", f"{OBJECTS}/import/{{batch}}", "/status"),
    *_family(
        ObjectType.PROGRAM_MEMBER,
        f"{MEMBERS}/{{name}}/members/import.json",
        f"{MEMBERS}/members/import/{{batch}}",
        "/status",
    ),
]
EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ROUTES = [
    *ENDPOINTS,
    *(
        Route(f"/{root}/{{path:path}}", answering(nothing), methods=EVERY_METHOD)
        for root in ("identity", "bulk", "rest")
    ),
]
