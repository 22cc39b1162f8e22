"""What Marketo says when asked: status, result files, descriptions."""

import httpx
import pytest

from app.domain.answers import (
    Description,
    Field,
    MarketoStatus,
    NoFile,
    QueryFailed,
    RejectionReason,
    Report,
    ResultFile,
)
from app.domain.objects import CustomObject, Leads, ProgramMembers
from tests.marketo.stage import LEADS, Stage, envelope, refusal, script

CARS, MEMBERS = CustomObject("car_c"), ProgramMembers(1044, "On List")
FAILURES = b"email,Import Failure Reason\nx,Value for lookup field 'email' not found\n"


async def status(said: httpx.Response | Exception, batch_id: int = 7) -> Report | QueryFailed:
    return await Stage(script(said)).marketo.status(LEADS, batch_id)


async def failures(said: httpx.Response | Exception) -> ResultFile | NoFile | QueryFailed:
    return await Stage(script(said)).marketo.failures(LEADS, 7)


@pytest.mark.parametrize("rows", ["numOfLeadsProcessed", "numOfObjectsProcessed"])
async def test_a_status_says_where_the_job_stands_and_how_many_rows_so_far(rows):
    """Leads and members count leads, custom objects count objects."""
    record = {"batchId": 7, "importId": "7", "status": "Complete", "message": "Import completed with errors"}
    record |= {rows: 2, "numOfRowsFailed": 1, "numOfRowsWithWarning": 0}
    assert await status(envelope(record)) == Report(MarketoStatus.COMPLETE, 2, 1, 0, "Import completed with errors")


@pytest.mark.parametrize("word", ["Queued", "Importing", "Complete", "Failed"])
async def test_each_of_the_four_words_is_known(word):
    """Exact case; a queued job says nothing else."""
    assert await status(envelope({"batchId": 7, "status": word})) == Report(MarketoStatus(word))


@pytest.mark.parametrize("word", ["Completed", "complete", "", None, 3, ["Failed"], {"a": 1}])
async def test_any_other_word_counts_as_still_running(word):
    """`Completed` and `Cancelled` belong to extracts."""
    assert await status(envelope({"batchId": 7, "status": word})) == Report(None)


@pytest.mark.parametrize("count", [True, "3", -1, 2.0, None, [], 2**63])
async def test_a_count_that_is_no_count_is_not_taken_for_one(count):
    """None where Marketo did not say a number of rows."""
    record = {"batchId": 7, "status": "Importing", "numOfLeadsProcessed": count, "numOfRowsFailed": count}
    assert await status(envelope(record)) == Report(MarketoStatus.IMPORTING)


@pytest.mark.parametrize("batch_id", [8, "7", None, True, 7.0])
async def test_a_status_of_another_batch_is_a_query_failure(batch_id):
    """Somebody else's Complete must not end our part."""
    assert isinstance(await status(envelope({"batchId": batch_id, "status": "Complete"})), QueryFailed)


@pytest.mark.parametrize("code", ["1013", "610", "1003"])
async def test_a_batch_that_marketo_forgot_is_a_query_failure_with_its_code(code):
    """After seven days; which code it is, nobody has written down."""
    unknown = code != "1003"
    assert await status(refusal(code, "gone")) == QueryFailed(f"Marketo said {code}: gone", code, unknown_job=unknown)


@pytest.mark.parametrize(
    ("said", "code", "because"),
    [
        (httpx.Response(404), "404", None),
        (httpx.Response(500), "500", None),
        (httpx.Response(413), "413", None),
        (httpx.Response(403), "403", RejectionReason.DENIED),
        (httpx.Response(429), "429", RejectionReason.RATE_LIMIT),
        (httpx.Response(200, html="<html></html>"), None, None),
        (httpx.Response(200, json={"success": True, "result": []}), None, None),
        (httpx.ConnectError("refused"), None, RejectionReason.UNAVAILABLE),
        (httpx.ReadTimeout("slow"), None, None),
    ],
)
async def test_POLL_IS_NOT_FATE_a_question_that_fails_is_a_question_to_repeat(said, code, because):
    """NoWord, and `because` only where the whole instance has to wait. The result files are asked likewise."""
    word = await status(said)
    assert isinstance(word, QueryFailed)
    assert (word.code, word.rejection_reason) == (code, because)
    if code != "404":
        assert isinstance(await failures(said), QueryFailed)


@pytest.mark.parametrize(
    "media_type",
    [
        "text/csv;charset=UTF-8",
        "text/csv",
        "TEXT/CSV",
        "text/tab-separated-values",
        "text/plain",
        "application/octet-stream",
        "",
    ],
)
async def test_a_result_file_is_what_comes_as_text(media_type):
    """The bytes as they are, under every content type that such a file may have."""
    said = httpx.Response(200, content=FAILURES, headers={"content-type": media_type})
    assert await failures(said) == ResultFile(FAILURES)


async def test_failures_and_warnings_are_asked_for_at_their_own_urls():
    """Two files, two calls."""
    stage = Stage(script(httpx.Response(200, content=FAILURES, headers={"content-type": "text/csv"})))
    await stage.marketo.failures(CARS, 7)
    await stage.marketo.warnings(CARS, 7)
    assert [call.url.path.rpartition("/")[2] for call in stage.calls] == ["failures.json", "warnings.json"]


@pytest.mark.parametrize(
    "said",
    [
        httpx.Response(404),
        httpx.Response(404, html="<html>not found</html>"),
        httpx.Response(200),
        httpx.Response(204),
        httpx.Response(200, content=b"\r\n", headers={"content-type": "text/csv"}),
    ],
)
async def test_marketo_says_that_there_is_no_file_with_404_or_an_empty_body(said):
    """Documented for custom objects, guessed for the others."""
    assert await failures(said) == NoFile()


@pytest.mark.parametrize(
    "said",
    [
        refusal("610", "Requested resource not found"),
        httpx.Response(200, json={"success": True, "result": []}),
        httpx.Response(200, content=b"{cut", headers={"content-type": "application/json"}),
        httpx.Response(200, html="<html>sign in</html>"),
        httpx.Response(200, content=b"<html>sign in</html>", headers={"content-type": "text/csv"}),
        httpx.Response(200, content=b"\xef\xbb\xbf \n<!doctype html>", headers={"content-type": "text/plain"}),
        httpx.Response(200, content=b"PK", headers={"content-type": "application/zip"}),
        httpx.Response(200, content=FAILURES, headers={"content-type": "text/csv", "content-length": "900"}),
        httpx.Response(200, content=b"", headers={"content-type": "text/csv", "content-length": "900"}),
        httpx.Response(302, headers={"location": "/login"}),
    ],
)
async def test_what_is_no_result_file_is_a_query_failure(said):
    """A JSON error or a sign-in page with HTTP 200, or half a file, must not be stored as rows."""
    assert isinstance(await failures(said), QueryFailed)


async def test_a_json_error_is_found_behind_any_content_type():
    """A 606 served as text/csv is still a 606."""
    error = refusal("606", "m").content
    said = httpx.Response(200, content=error, headers={"content-type": "text/csv"})
    assert await failures(said) == QueryFailed("Marketo said 606: m", "606", RejectionReason.RATE_LIMIT)


async def test_a_result_file_of_many_megabytes_is_read_whole():
    """The bound of JSON answers is not that of files."""
    big = b"email,Import Failure Reason\n" + b"a@b.com,no\n" * 400_000
    assert await failures(httpx.Response(200, content=big, headers={"content-type": "text/csv"})) == ResultFile(big)


LEAD_FIELDS = [
    {"id": 1, "displayName": "Email", "dataType": "email", "length": 255, "rest": {"name": "email", "readOnly": False}},
    {"id": 2, "displayName": "Only SOAP", "soap": {"name": "Soap"}},
    {"id": 3, "displayName": "Score", "dataType": "integer", "rest": {"name": "leadScore", "readOnly": True}},
]


async def test_a_lead_is_described_by_the_rest_names_of_its_fields():
    """A field without one cannot be imported."""
    stage = Stage(script(envelope(*LEAD_FIELDS)))
    assert await stage.marketo.describe(Leads()) == Description(
        (Field("email", "Email", "email", 255), Field("leadScore", "Score", "integer", writable=False))
    )
    assert [call.url.path for call in stage.calls] == ["/rest/v1/leads/describe.json"]


async def test_a_lead_is_understood_in_the_newer_shape_too():
    """describe2 nests the fields in one record."""
    newer = {"name": "API Lead", "searchableFields": [["email"]], "fields": [{"name": "email"}]}
    newer["fields"] += [{"name": "title", "updateable": False}]
    described = await Stage(script(envelope(newer))).marketo.describe(Leads())
    assert described == Description((Field("email"), Field("title", writable=False)))


async def test_a_custom_object_is_described_with_its_dedupe_fields():
    """They are the columns that no file may lack."""
    record = {
        "name": "car_c",
        "idField": "marketoGUID",
        "dedupeFields": ["vin", 3],
        "fields": [{"name": "vin"}, {"name": "color"}, {}, None],
    }
    assert await Stage(script(envelope(record))).marketo.describe(CARS) == Description(
        (Field("vin"), Field("color")), ("vin",)
    )


async def test_a_program_member_is_described_by_the_leads_fields_and_its_own():
    """A row of a member carries both."""
    member = {
        "name": "API Program Membership",
        "dedupeFields": ["leadId", "programId"],
        "fields": [{"name": "email"}, {"name": "webinarUrl"}],
    }
    described = await Stage(script(envelope(*LEAD_FIELDS), envelope(member))).marketo.describe(MEMBERS)
    assert isinstance(described, Description)
    assert [field.name for field in described.fields] == ["email", "leadScore", "webinarUrl"]


async def test_a_description_that_fails_half_way_is_a_query_failure():
    """Half the fields would make good headers look wrong."""
    stage = Stage(script(envelope(*LEAD_FIELDS), refusal("603", "Access denied")))
    assert await stage.marketo.describe(MEMBERS) == QueryFailed(
        "Marketo said 603: Access denied", "603", RejectionReason.DENIED
    )
