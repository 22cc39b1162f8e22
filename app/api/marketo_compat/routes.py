"""Identity and the endpoints of bulk import, as Marketo has them: four for each object type, which knows their paths.

Trap: no `/rest` in front.
Adobe, "Bulk import", "Bulk lead import", "Bulk custom object import", "Bulk program member import", read 2026-08.

The module is long because it is the whole surface of Marketo's paths: each route stands beside what it answers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from app.api.auth import refuse_scope
from app.api.dependencies import visible_import
from app.api.marketo_compat.answers import (
    FILE_TYPE,
    Refusal,
    accepted,
    describe_import,
    describe_job,
    refusal_of,
    refused,
)
from app.api.marketo_compat.callers import bearer, caller_of, give_token, sent_token
from app.api.marketo_compat.envelope import ROOTS
from app.api.marketo_compat.parameters import IN_PATH, THEIRS, accepted_names
from app.api.openapi import marketo_operations as document
from app.api.openapi.marketo_schemas import COMPONENTS
from app.container import Container
from app.domain.api_keys import Caller, Scope
from app.domain.errors import BadParameter, CallerError, NotFound, TooLarge
from app.domain.imports import FINISHED, Import
from app.domain.imports import Request as NewImport
from app.domain.objects import OBJECT_TYPES, Target
from app.domain.timeouts import UNAUTHENTICATED_FORM_SECONDS
from app.reporting.result_export import Selection, refuse_erased
from app.store.database import AWAY
from app.store.results import Kind
from app.web import at_work, open_streams
from app.web.import_request import request_from
from app.web.open_streams import Download
from app.web.parameter_names import merged
from app.web.uploads import FORM, Upload, received

log = structlog.get_logger()

Endpoint = Callable[[Request], Awaitable[Response]]

IN_HEADER = "has to have its token in the Authorization header"
FORM_BYTES = 10_000_000  # of a file in a form that brings its token inside: as much as Marketo takes


async def create(kind: type[Target], request: Request) -> Response:
    """Take a file in. The answer goes out once it is committed, and Marketo's queue being full never refuses it."""
    container: Container = request.app.state.container
    is_token_in_form = not sent_token(request) and request.headers.get("content-type", "").lower().startswith(FORM)
    receive = (
        _receive_with_token_in_form if is_token_in_form and container.settings.auth == "on" else _receive_from_caller
    )
    try:
        async with receive(request, container) as (caller, upload):
            new_import = _read_request(kind, request, upload, caller)
            receipt = await container.intake.receive(new_import, upload.arrival)
    except AWAY as away:
        log.warning("database unavailable", error=type(away).__name__, path=request.url.path)
        raise Refusal("611", "whether the import was created is not known") from None
    return accepted(describe_job(receipt.import_id, new_import.target), container.now())


@asynccontextmanager
async def _receive_from_caller(request: Request, container: Container) -> AsyncIterator[tuple[Caller, Upload]]:
    """The upload of a caller whose token is checked before a byte of the body is read."""
    caller = _require_submit(await caller_of(request))
    at_work.leave(request)
    admit = partial(container.capacity.check, caller.client)
    async with (
        container.admission.place(caller.client) as place,
        received(request, container.settings, place, admit=admit, open_end=True) as upload,
    ):
        yield caller, upload


@asynccontextmanager
async def _receive_with_token_in_form(request: Request, container: Container) -> AsyncIterator[tuple[Caller, Upload]]:
    """The upload in a form whose token is one of its fields, perhaps the last one.

    Until the token is read, nobody knows the caller: so such forms are bounded in number, bytes and time. From then on
    it is an upload of the caller and takes one of the caller's places.
    """
    at_work.leave(request)
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(container.admission.unauthenticated_place())
        form = received(request, container.settings, place, admit=None, limit_bytes=FORM_BYTES, open_end=True)
        try:
            async with asyncio.timeout(UNAUTHENTICATED_FORM_SECONDS):
                upload = await stack.enter_async_context(form)
        except TimeoutError:
            raise Refusal(
                "604", f"a form that takes longer than {UNAUTHENTICATED_FORM_SECONDS:.0f} seconds {IN_HEADER}"
            ) from None
        except TooLarge:
            raise Refusal("600", f"a file of more than {FORM_BYTES} bytes {IN_HEADER}") from None
        caller = _require_submit(await bearer(request, dict(upload.fields).get("access_token", "")))
        yield caller, replace(upload, arrival=replace(upload.arrival, place=None))


def _require_submit(caller: Caller) -> Caller:
    """Errors: Forbidden."""
    if not caller.may(Scope.SUBMIT):
        refuse_scope(Scope.SUBMIT)
    return caller


def _read_request(kind: type[Target], request: Request, upload: Upload, caller: Caller) -> NewImport:
    """The request for an import that Marketo's parameters describe. Errors: Refusal 1001, 1002."""
    names = accepted_names(kind)
    sent = merged([pair for pair in [*request.query_params.multi_items(), *upload.fields] if pair[0] in names], [])
    parameters = {names[name]: value for name, value in sent.items()}
    parameters["object_type"] = kind.object_type
    parameters |= {IN_PATH[name]: value for name, value in request.path_params.items()}
    for name, parameter in kind.parameters().items():
        if parameter.required and not parameters.get(name):
            raise Refusal("1002", parameter.at_marketo or name)
    try:
        return request_from(
            parameters, file_name=upload.file_name, client=caller.client, max_priority=caller.max_priority
        )
    except BadParameter as mistake:
        complaints = [f"{THEIRS.get(d.field or '', d.field)}: {d.message}" for d in mistake.details]
        raise Refusal("1001", "; ".join(complaints)) from None


async def status(kind: type[Target], request: Request) -> Response:
    import_ = await _find_import(kind, request)
    return accepted(describe_import(import_), request.app.state.container.now())


async def file(result_kind: Kind, kind: type[Target], request: Request) -> Response:
    """The file of failures or warnings of a finished job; 404 where there are no such rows, as Adobe documents.

    It is given complete or not at all, for nobody could tell a part of it from the whole. Errors: Gone, and Refusal
    where Marketo never gave the rows: neither must look like an import without such rows.
    """
    import_, container = await _find_import(kind, request), request.app.state.container
    refuse_erased(import_)
    has_rows = await container.reports.results.has_rows_of_marketo(import_, result_kind)
    if import_.status not in FINISHED:
        return Response(status_code=404)
    if not has_rows:
        if counted := import_.rows.failed if result_kind is Kind.FAILURES else import_.rows.warned:
            raise Refusal("1013", f"Marketo counted {counted} of these rows, and never gave a file of them")
        return Response(status_code=404)
    open_streams.check(request)
    rows = container.reports.results.stream_file(import_, Selection(result_kind), as_marketo=True)
    return Download(rows, media_type=FILE_TYPE)


async def _find_import(kind: type[Target], request: Request) -> Import:
    """The import that a path names. Errors: NotFound, also for one of another kind, or that the caller may not see."""
    caller = await caller_of(request)
    import_ = await visible_import(request.app.state.container, caller, request.path_params["batchId"])
    target, named = import_.request.target, request.path_params
    is_another = any(value.lower() != named.get(name, value).lower() for name, value in target.path_values().items())
    if target.object_type != kind.object_type or is_another:
        raise NotFound(f"There is no such import {import_.id}.")
    return import_


async def refuse_unserved(request: Request) -> Response:
    """Answer for the rest of Marketo's API, which is not served here."""
    has_other_methods = any(route.matches(request.scope)[0] is Match.PARTIAL for route in ENDPOINTS)
    raise Refusal("605" if has_other_methods else "610")


def answer_in_envelope(endpoint: Endpoint) -> Endpoint:
    """The same endpoint with every error in Marketo's envelope."""

    async def answered(request: Request) -> Response:
        now = request.app.state.container.now
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
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("unexpected error", path=request.url.path)
            return refused(Refusal("611"), now())

    return answered


class Call(Route):
    """A path of Marketo's, and what the published document says of each of its methods."""

    def __init__(self, path: str, endpoint: Endpoint, **operations: document.Operation) -> None:
        super().__init__(path, answer_in_envelope(endpoint), methods=list(operations))
        self.operations = operations


def _family(kind: type[Target]) -> list[Call]:
    create_path, status_path = kind.create_path, kind.status_path
    file_paths = {result_kind: f"{kind.batch_path}/{result_kind}.json" for result_kind in Kind}
    return [
        Call(create_path, partial(create, kind), POST=document.create(kind, create_path)),
        Call(status_path, partial(status, kind), GET=document.status(kind, status_path)),
        *(
            Call(path, partial(file, result_kind, kind), GET=document.file(result_kind, kind, path))
            for result_kind, path in file_paths.items()
        ),
    ]


ENDPOINTS = [
    Call("/identity/oauth/token", give_token, GET=document.token(in_form=False), POST=document.token(in_form=True)),
    *(call for kind in OBJECT_TYPES.values() for call in _family(kind)),
]
EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
ROUTES = [
    *ENDPOINTS,
    *(
        Route(f"/{root}/{{path:path}}", answer_in_envelope(refuse_unserved), methods=EVERY_METHOD)
        for root in sorted(ROOTS)
    ),
]
DOCUMENT: dict[str, Any] = {
    "paths": {
        call.path: {method.lower(): operation for method, operation in call.operations.items()} for call in ENDPOINTS
    },
    "components": COMPONENTS,
}
"""What the published document says of these routes."""
