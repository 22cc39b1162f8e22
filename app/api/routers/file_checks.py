"""/v1/checks: what is wrong with a file, before it is sent."""

from fastapi import Request

from app.api.auth import Guarded, TheCaller, needs
from app.api.dependencies import TheContainer
from app.api.openapi import answers, inputs
from app.api.openapi.operation_ids import Router
from app.api.schemas.file_checks import FileCheck
from app.domain.api_keys import Scope
from app.domain.errors import Detail, quoted
from app.web import at_work
from app.web.import_parameters import KNOWN
from app.web.import_request import request_from
from app.web.parameter_names import merged, only, refuse
from app.web.uploads import received

router = Router(prefix="/v1/checks", tags=["imports"], route_class=Guarded)

SAMPLE = "sample"
ACCEPTED = (*KNOWN, SAMPLE)
BOOLEANS = {"": False, "true": True, "false": False}
SAMPLE_MEANS = (
    "The body is only how a file begins: a record cut off at its end is no mistake, and `guessed` says what the file "
    "seems to be"
)
SAMPLE_FIELD = {"type": "boolean", "description": SAMPLE_MEANS}
SAMPLE_SHOWN = inputs.in_query(SAMPLE, {"type": "boolean"}, SAMPLE_MEANS)


@router.post(
    "",
    summary="Check a file without sending it",
    response_model=FileCheck,
    dependencies=[needs(Scope.SUBMIT)],
    responses=answers.responses({}, "forbidden", "priority_too_high", *answers.OF_BODIES, *answers.OF_PLACES),
    openapi_extra={
        "parameters": [*inputs.parameters_of_import(), SAMPLE_SHOWN, *inputs.OF_THE_BODY],
        "requestBody": inputs.body_of_file("FileCheckForm", beside={SAMPLE: SAMPLE_FIELD}),
    },
)
async def check_file(request: Request, container: TheContainer, caller: TheCaller) -> FileCheck:
    """What an upload of this file would be refused for, and what Marketo may stumble over; it is not kept."""
    query = request.query_params.multi_items()
    refuse(only((name for name, _ in query), ACCEPTED))
    at_work.leave(request)
    async with (
        container.admission.place(caller.client) as place,
        received(request, container.settings, place, admit=None) as upload,
    ):
        parameters = merged(query, upload.fields)
        refuse(only(parameters, ACCEPTED))
        is_sample = _is_sample(parameters.pop(SAMPLE, ""))
        new_import = request_from(
            parameters, file_name=upload.file_name, client=caller.client, max_priority=caller.max_priority
        )
        findings = await container.examine.look(new_import, upload.arrival, place, beginning_only=is_sample)
    return FileCheck.of(findings, is_sample=is_sample)


def _is_sample(text: str) -> bool:
    """Errors: BadParameter."""
    word = text.lower()
    refuse([] if word in BOOLEANS else [Detail(f"{quoted(text)} is neither true nor false", field=SAMPLE)])
    return BOOLEANS[word]
