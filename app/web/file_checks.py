"""/v1/checks: what is wrong with a file, before it is sent."""

from fastapi import APIRouter, Request

from app.domain.api_keys import Scope
from app.domain.errors import Detail, quoted
from app.web import bulkhead, contract
from app.web.auth import Guarded, TheCaller, needs
from app.web.deps import TheHouse
from app.web.parameters import KNOWN, merged, only, refuse, request_from
from app.web.schemas import FileCheckOut
from app.web.upload import received

router = APIRouter(prefix="/v1/checks", tags=["imports"], route_class=Guarded)

SAMPLE = "sample"
TAKEN = (*KNOWN, SAMPLE)
WORDS = {"": False, "true": True, "false": False}
SAMPLE_FORM = {"type": "boolean"}
SAMPLE_SHOWN = contract.in_query(
    SAMPLE,
    SAMPLE_FORM,
    "The body is only how a file begins: a record cut off at its end is no mistake, and `guessed` says what the file "
    "seems to be",
)


@router.post(
    "",
    response_model=FileCheckOut,
    dependencies=[needs(Scope.SUBMIT)],
    responses=contract.answers({}, "forbidden", "priority_too_high", *contract.OF_BODIES, *contract.OF_PLACES),
    openapi_extra={
        "parameters": [*contract.parameters_of_import(), SAMPLE_SHOWN, *contract.OF_THE_BODY],
        "requestBody": contract.body_of_file(beside={SAMPLE: SAMPLE_FORM}),
    },
)
async def check(request: Request, house: TheHouse, caller: TheCaller) -> FileCheckOut:
    """What an upload of this file would be refused for, and what Marketo may stumble over; it is not kept."""
    query = request.query_params.multi_items()
    refuse(only((name for name, _ in query), TAKEN))
    bulkhead.leave(request)
    async with (
        house.admission.place(caller.client) as place,
        received(request, house.settings, place, admit=None) as upload,
    ):
        given = merged(query, upload.fields)
        refuse(only(given, TAKEN))
        is_sample = _is_sample(given.pop(SAMPLE, ""))
        wanted = request_from(given, file_name=upload.file_name, client=caller.client, max_priority=caller.max_priority)
        found = await house.examine.look(wanted, upload.arrival, place, beginning_only=is_sample)
    return FileCheckOut.of(found, sample=is_sample)


def _is_sample(text: str) -> bool:
    """Errors: BadParameter."""
    word = text.lower()
    refuse([] if word in WORDS else [Detail(f"{quoted(text)} is neither true nor false", field=SAMPLE)])
    return WORDS[word]
