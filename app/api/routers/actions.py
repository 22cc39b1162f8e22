"""/v1/imports/{id}: cancel, release, erase, send again, decide about a part that Marketo has, or may have."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal, Self

from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.auth import Guarded, TheCaller, needs
from app.api.dependencies import (
    SMALL_BODY_BYTES,
    IdempotencyKey,
    ManageableImport,
    TheContainer,
    VisibleImport,
    takes_parameters,
)
from app.api.import_presenter import Presenter
from app.api.middleware.lingering_close import has_body
from app.api.openapi import answers, examples, inputs
from app.api.openapi.operation_ids import Router
from app.api.schemas.changes import ImportChange
from app.api.schemas.imports import Import, ResolvedImport
from app.domain.api_keys import Scope
from app.domain.errors import BadParameter, Detail
from app.web import at_work
from app.web.import_parameters import INT32
from app.web.import_request import request_from
from app.web.parameter_names import merged, only, refuse
from app.web.uploads import received

router = Router(prefix="/v1/imports", tags=["imports"], route_class=Guarded)

OF_RETRIES = ("nothing_to_retry", "rows_damaged", "rows_erased")
FILE_PARAMETERS = ("format", "charset")
"""Parameters of a corrected file. All others are those of the import that it corrects."""


@router.post(
    "/{import_id}/cancel",
    summary="Cancel an import",
    status_code=202,
    response_model=Import,
    dependencies=[takes_parameters()],
    responses=answers.responses({202: answers.CHANGED}, "forbidden", "not_found", "wrong_state", "disk_full"),
)
async def cancel_import(
    container: TheContainer, caller: TheCaller, import_: ManageableImport, presenter: Presenter
) -> Import:
    """Cancel what still waits; what Marketo has runs to its end."""
    await container.cancel.run(import_.id, by=caller.client)
    return await presenter.present_changed(import_.id)


@router.post(
    "/{import_id}/release",
    summary="Release an import from its review",
    status_code=202,
    response_model=Import,
    dependencies=[takes_parameters()],
    responses=answers.responses({202: answers.CHANGED}, "forbidden", "not_found", "nothing_to_release", "disk_full"),
)
async def release_import(
    container: TheContainer, caller: TheCaller, import_: ManageableImport, presenter: Presenter
) -> Import:
    """Let an import go that was sent with `review=true`: it takes its place in the order of acceptance now."""
    await container.release.run(import_.id, by=caller.client)
    return await presenter.present_changed(import_.id)


@router.patch(
    "/{import_id}",
    summary="Change what still waits of an import",
    response_model=Import,
    dependencies=[takes_parameters()],
    max_body_size=SMALL_BODY_BYTES,
    responses=answers.responses(
        {200: answers.CHANGED},
        *("forbidden", "not_found", "nothing_waits", "priority_too_high", "disk_full"),
        *answers.OF_JSON,
    ),
)
async def change_import(
    container: TheContainer, caller: TheCaller, import_: ManageableImport, presenter: Presenter, wanted: ImportChange
) -> Import:
    """Change priority, `not_before` or label of what still waits (JSON merge patch).

    What Marketo has stays as it is; a part that comes back from there waits by what holds then.
    """
    await container.change.run(import_.id, wanted.named, by=caller)
    return await presenter.present_changed(import_.id)


@router.delete(
    "/{import_id}",
    summary="Erase the file and results of an import",
    status_code=204,
    response_class=Response,
    dependencies=[takes_parameters()],
    responses=answers.responses({}, "forbidden", "not_found", "not_finished", "disk_full"),
)
async def erase_import(container: TheContainer, caller: TheCaller, import_: ManageableImport) -> None:
    """Erase a finished import's file, failures and warnings; its counts and history stay."""
    await container.erase.one(import_.id, by=caller.client)


@router.post(
    "/{import_id}/retry",
    summary="Send the failed and cancelled parts again",
    status_code=202,
    response_model=Import,
    dependencies=[takes_parameters()],
    responses=answers.responses({202: answers.MADE}, "forbidden", "not_found", *OF_RETRIES, *answers.OF_INTAKE),
)
async def retry_import(
    request: Request,
    container: TheContainer,
    caller: TheCaller,
    import_: ManageableImport,
    presenter: Presenter,
    idempotency_key: IdempotencyKey = None,
) -> Import:
    """A new import of the failed and cancelled parts' rows; none of those that Marketo processed."""
    if has_body(request.headers):
        raise BadParameter("This takes no body: it sends the rows as they were. A corrected file: `…/retry-failures`.")
    at_work.leave(request)
    receipt = await container.retry.parts(import_.id, by=caller, idempotency_key=idempotency_key)
    return await presenter.present_receipt(receipt)


@router.post(
    "/{import_id}/retry-failures",
    summary="Send the rejected rows again, or a corrected file",
    status_code=202,
    response_model=Import,
    dependencies=[takes_parameters(*FILE_PARAMETERS)],
    responses=answers.responses(
        {202: answers.MADE}, "forbidden", "not_found", *OF_RETRIES, *answers.OF_UPLOADS, *answers.OF_INTAKE
    ),
    openapi_extra={
        "parameters": inputs.parameters_of_import(*FILE_PARAMETERS) + inputs.OF_THE_BODY,
        "requestBody": inputs.body_of_file("CorrectedFileForm", *FILE_PARAMETERS, required=False),
    },
)
async def retry_failures(
    request: Request,
    container: TheContainer,
    caller: TheCaller,
    import_: ManageableImport,
    presenter: Presenter,
    idempotency_key: IdempotencyKey = None,
) -> Import:
    """A new import of the rows that Marketo rejected; with a body, that is the corrected file.

    The corrected file may be what `/failures.csv` gave, mended: the columns added there are left out, and its rows keep
    their numbers.
    """
    if not has_body(request.headers):
        refuse([Detail("is of a corrected file, but no body came", field=name) for name in request.query_params])
        at_work.leave(request)
        receipt = await container.retry.failures(import_.id, by=caller, idempotency_key=idempotency_key)
        return await presenter.present_receipt(receipt)
    owner = import_.request.client
    admit = partial(container.capacity.check, owner, asking=caller.client, idempotency_key=idempotency_key)
    at_work.leave(request)
    async with (
        container.admission.place(caller.client) as place,
        received(request, container.settings, place, admit=admit) as upload,
    ):
        parameters = {"format": str(import_.request.format)} | merged(request.query_params.multi_items(), upload.fields)
        refuse(only(parameters, FILE_PARAMETERS))
        new_import = request_from(parameters, file_name=upload.file_name, client=owner)
        arrival = replace(upload.arrival, idempotency_key=idempotency_key)
        receipt = await container.retry.corrected(import_.id, new_import, arrival, by=caller)
    return await presenter.present_receipt(receipt)


class Resolution(BaseModel):
    """What became of a submission whose answer was lost, or that nothing more is expected of a job."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": list(examples.RESOLUTIONS),
            "if": {"properties": {"outcome": {"const": "accepted"}}},
            "then": {"properties": {"batch_id": {"type": "integer"}}, "required": ["batch_id"]},
            "else": {"properties": {"batch_id": {"type": "null"}}},
        },
    )

    outcome: Literal["resubmit", "accepted", "give_up"]
    batch_id: int | None = Field(default=None, ge=1, le=INT32)

    @model_validator(mode="after")
    def names_the_batch(self) -> Self:
        if (self.outcome == "accepted") != (self.batch_id is not None):
            raise ValueError("batch_id goes with the outcome accepted, and only with it")
        return self


@router.post(
    "/{import_id}/parts/{number}/resolve",
    summary="Decide about a part whose fate is not known",
    response_model=ResolvedImport,
    dependencies=[takes_parameters(), needs(Scope.OPERATE)],
    max_body_size=SMALL_BODY_BYTES,
    responses=answers.responses(
        {200: answers.CHANGED}, "forbidden", "not_found", "wrong_state", "disk_full", *answers.OF_JSON
    ),
)
async def resolve_part(
    container: TheContainer,
    caller: TheCaller,
    import_: VisibleImport,
    presenter: Presenter,
    number: Annotated[int, Path(ge=1, le=INT32)],
    resolution: Resolution,
) -> ResolvedImport:
    """Decide a part's job: Marketo has it under this batch id, or it is to be sent again, or nothing more is expected.

    It goes for every import that has rows in the job: `bundled_imports` are the ids of the others.
    """
    if resolution.outcome == "give_up":
        others = await container.resolve.give_up(import_.id, number, by=caller.client)
    else:
        others = await container.resolve.run(import_.id, number, batch_id=resolution.batch_id, by=caller.client)
    visible_ids = [other for other, client in others.items() if caller.sees(client)]
    return await presenter.present_resolved(import_.id, visible_ids)
