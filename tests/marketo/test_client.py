"""What came of a submission, whatever the other end of HTTP does."""

import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.answers import (
    Accepted,
    Description,
    MarketoStatus,
    NoFile,
    OutcomeUnknown,
    QueryFailed,
    Refused,
    RejectionReason,
    Report,
    ResultFile,
    TurnedAway,
)
from app.domain.objects import CustomObject, Leads, ProgramMembers
from tests.marketo.stage import BASE, LEADS, SECRET, TOKEN, Stage, envelope, form, part, refusal, script

ANSWERS = Accepted | TurnedAway | Refused | OutcomeUnknown


async def submitted(said: httpx.Response | Exception) -> ANSWERS:
    return await Stage(script(said)).marketo.submit(LEADS, part())


async def test_a_part_that_marketo_takes_is_accepted_with_its_batch_id():
    """The plain way: one token, one POST, one batch id."""
    stage = Stage()
    assert await stage.marketo.submit(LEADS, part()) == Accepted(3404, MarketoStatus.QUEUED)
    (call,) = stage.calls
    assert str(call.url) == f"{BASE}/bulk/v1/leads.json?format=csv&lookupField=email"
    assert (call.method, call.headers["authorization"]) == ("POST", f"Bearer {TOKEN}")
    (identity,) = stage.identity_calls
    assert form(identity)["client_secret"] == [SECRET]


@pytest.mark.parametrize(
    ("target", "query"),
    [
        (Leads("id", 7, "Ärzte & Co"), {"lookupField": "id", "listId": "7", "partitionName": "Ärzte & Co"}),
        (CustomObject("car_c"), {}),
        (ProgramMembers(9, "On List+"), {"programMemberStatus": "On List+"}),
    ],
)
async def test_what_is_quoted_in_the_query_arrives_as_it_was_meant(target, query):
    """Quoted once, not twice, on its way through httpx."""
    stage = Stage()
    await stage.marketo.submit(target, part())
    assert dict(stage.calls[0].url.params) == {"format": "csv"} | query


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        ({"batchId": 1}, Accepted(1)),
        ({"batchId": 1, "status": "Importing"}, Accepted(1, MarketoStatus.IMPORTING)),
        ({"batchId": 1, "status": "Complete", "message": "done"}, Accepted(1, MarketoStatus.COMPLETE, "done")),
        ({"batchId": 1, "status": "Failed", "message": "no"}, Accepted(1, MarketoStatus.FAILED, "no")),
        ({"batchId": 1, "status": "Pondering", "message": 7}, Accepted(1, MarketoStatus.QUEUED)),
        ({"batchId": 1, "status": ["Failed"]}, Accepted(1, MarketoStatus.QUEUED)),
    ],
)
async def test_a_batch_id_is_an_acceptance_whatever_stands_beside_it(record, answer):
    """A job that failed at once was accepted: its answer carries the status and Marketo's message."""
    assert await submitted(envelope(record)) == answer


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), httpx.ConnectTimeout("no route"), httpx.PoolTimeout("all taken")],
)
async def test_what_never_connected_was_not_executed(error):
    """Not a byte was sent, so the part may go again."""
    answer = await submitted(error)
    assert isinstance(answer, TurnedAway)
    assert (answer.rejection_reason, answer.code) == (RejectionReason.UNAVAILABLE, None)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.CloseError("reset"),
        httpx.RemoteProtocolError("cut"),
        httpx.LocalProtocolError("odd"),
        httpx.ProxyError("odd"),
        httpx.UnsupportedProtocol("odd"),
        httpx.DecodingError("odd"),
        httpx.TooManyRedirects("odd"),
        httpx.TimeoutException("odd"),
        ConnectionResetError("reset"),
        TimeoutError(),
    ],
)
async def test_what_broke_after_connecting_is_lost(error):
    """The whole request may have arrived: nobody knows."""
    answer = await submitted(error)
    assert isinstance(answer, OutcomeUnknown)
    assert type(error).__name__ in answer.why
    word = await Stage(script(error)).marketo.status(LEADS, 5)
    assert isinstance(word, QueryFailed)
    assert word.rejection_reason is None


async def test_a_submission_that_takes_too_long_as_a_whole_is_lost():
    """A server that keeps a byte trickling defeats every single timeout, but not the overall one."""

    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    stage = Stage(silent, upload_timeout_seconds=0.01, call_timeout_seconds=0.01)
    assert isinstance(await stage.marketo.submit(LEADS, part()), OutcomeUnknown)
    assert isinstance(await stage.marketo.status(LEADS, 1), QueryFailed)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, OutcomeUnknown),
        (204, OutcomeUnknown),
        (301, RejectionReason.BLOCKED),
        (302, OutcomeUnknown),
        (303, OutcomeUnknown),
        (308, RejectionReason.BLOCKED),
        (400, Refused),
        (401, RejectionReason.BLOCKED),
        (403, RejectionReason.DENIED),
        (404, Refused),
        (408, RejectionReason.TRANSIENT),
        (413, Refused),
        (414, Refused),
        (418, Refused),
        (429, RejectionReason.RATE_LIMIT),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
        (504, OutcomeUnknown),
        (599, OutcomeUnknown),
    ],
)
async def test_an_http_status_without_an_envelope_is_judged_by_itself(status, answer):
    """A gateway answers with HTML; only its status says whether the request came through."""
    tokens = iter("abcdef")
    stage = Stage(script(httpx.Response(status, html="<html>gateway</html>")))
    stage.identity = lambda _: httpx.Response(200, json={"access_token": next(tokens), "expires_in": 60})
    said = await stage.marketo.submit(LEADS, part())
    if isinstance(answer, RejectionReason):
        assert isinstance(said, TurnedAway)
        assert said.rejection_reason is answer
    else:
        assert isinstance(said, answer)


async def test_a_413_is_the_business_of_this_part_alone():
    """The other parts may be smaller."""
    assert await submitted(httpx.Response(413)) == Refused("413", "HTTP 413", whole_import=False)
    assert await submitted(httpx.Response(404)) == Refused("404", "HTTP 404", whole_import=True)


async def test_a_5xx_is_lost_even_when_its_body_claims_otherwise():
    """A gateway's 502 around anything proves nothing: not an acceptance, not back-pressure, not a dead token."""
    assert isinstance(await submitted(refusal("1016", status=502)), OutcomeUnknown)
    assert isinstance(
        await submitted(httpx.Response(500, json={"success": True, "result": [{"batchId": 5}]})), OutcomeUnknown
    )
    stage = Stage(script(refusal("602", status=500)))
    assert isinstance(await stage.marketo.submit(LEADS, part()), OutcomeUnknown)
    assert len(stage.calls) == 1


async def test_a_code_inside_a_4xx_decides():
    """Should Marketo begin to use HTTP as others do."""
    assert await submitted(refusal("1006", "m", 400)) == Refused("1006", "m", whole_import=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>OK</body></html>",
        b"null",
        b"[]",
        b'"success"',
        b"{}",
        b'{"success":true}',
        b'{"success":true,"result":[]}',
        b'{"success":true,"result":{}}',
        b'{"success":true,"result":[null]}',
        b'{"success":true,"result":[{}]}',
        b'{"success":true,"result":[{"batchId":null}]}',
        b'{"success":true,"result":[{"batchId":true}]}',
        b'{"success":true,"result":[{"batchId":"3404"}]}',
        b'{"success":true,"result":[{"batchId":3404.0}]}',
        b'{"success":true,"result":[{"batchId":0}]}',
        b'{"success":true,"result":[{"batchId":-4}]}',
        b'{"success":true,"result":[{"batchId":9223372036854775808}]}',
        b'{"success":"true","result":[{"batchId":3404}]}',
        b'{"result":[{"batchId":3404}]}',
        b'{"success":true,"result":[{"batchId":3404}]',
        b'{"success":false}',
        b'{"success":false,"errors":[]}',
        b'{"success":false,"errors":[null]}',
        b'{"success":false,"errors":[{"message":"m"}]}',
        b'{"success":false,"errors":[{"code":null}]}',
        b'{"success":false,"errors":[{"code":true}]}',
        b'{"success":false,"errors":[{"code":" "}]}',
        b'{"success":false,"errors":{"code":"1006"}}',
        b'{"success":true,"result":[{"batchId":3404\xff}]}',
        b"\xef\xbb\xbf",
        b"{" * 5000,
        b'{"a":' * 5000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
async def test_a_body_that_is_not_what_it_should_be_is_lost(body):
    """2xx and neither yes nor no: the part may be at Marketo."""
    assert isinstance(await submitted(httpx.Response(200, content=body)), OutcomeUnknown)


async def test_an_answer_that_breaks_off_is_lost():
    """Even when what did come would parse."""
    whole = b'{"success":true,"result":[{"batchId":3404}]}'
    cut = httpx.Response(200, content=whole, headers={"content-length": str(len(whole) + 1)})
    assert isinstance(await submitted(cut), OutcomeUnknown)
    gzip = httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"content-encoding": "gzip"})
    stage = Stage(lambda _: gzip)
    assert isinstance(await stage.marketo.submit(LEADS, part()), OutcomeUnknown)


async def test_an_answer_without_end_is_not_read_to_its_end():
    """JSON is read up to 1 MB."""
    read = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):
            nonlocal read
            while True:
                read += 100_000
                yield b" " * 100_000

    stage = Stage(lambda _: httpx.Response(200, stream=Endless()))
    assert isinstance(await stage.marketo.submit(LEADS, part()), OutcomeUnknown)
    assert read == 1_100_000


async def test_redirects_are_not_followed():
    """A token goes to the host of the settings and to no other."""
    stage = Stage(script(httpx.Response(307, headers={"location": "https://evil.example.com/"})))
    stage.http.follow_redirects = True
    assert isinstance(await stage.marketo.submit(LEADS, part()), TurnedAway)
    assert [call.url.host for call in stage.calls] == ["284-rpr-133.mktorest.com"]


async def test_a_used_up_day_turns_a_part_away_without_a_call():
    """Our own share of the quota, counted here; the answer says when it is back."""
    stage = Stage(knobs={"daily_calls": 1}, clock=None)
    stage.clock.at = datetime(2026, 11, 4, 12, tzinfo=UTC)
    assert isinstance(await stage.marketo.submit(LEADS, part()), Accepted)
    message = "all 1 calls of the day are used; the quota resets at 2026-11-05T06:00Z"
    assert await stage.marketo.submit(LEADS, part()) == TurnedAway(RejectionReason.DAILY_QUOTA, None, message)
    assert await stage.marketo.status(LEADS, 1) == QueryFailed(message, None, RejectionReason.DAILY_QUOTA)
    assert len(stage.calls) == 1


@pytest.mark.parametrize("said", [refusal("606"), httpx.Response(429)])
async def test_a_606_fills_our_window_too(said):
    """Others call the same instance: when Marketo says that the window is full, it is."""
    stage = Stage(script(said, envelope({"batchId": 5, "status": "Queued"})))
    assert isinstance(await stage.marketo.submit(LEADS, part()), TurnedAway)
    assert stage.marketo.rate_limiter.last_window == 50
    await stage.marketo.status(LEADS, 5)
    assert stage.clock.slept == [20]


async def test_a_cancelled_submission_gives_its_place_back():
    """A worker that is stopped mid-way leaves nothing held."""
    sent = asyncio.Event()

    async def silent(_: httpx.Request) -> httpx.Response:
        sent.set()
        await asyncio.Event().wait()
        raise AssertionError

    stage = Stage(silent, knobs={"concurrent_calls": 1})
    task = asyncio.create_task(stage.marketo.submit(LEADS, part()))
    await sent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stage.api = script(envelope({"batchId": 5}))
    assert await asyncio.wait_for(stage.marketo.submit(LEADS, part()), 1) == Accepted(5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["success", "result", "errors", "batchId", "code", "status", "message", "fields", "rest"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())
TYPES = st.sampled_from(["application/json", "text/csv", "text/html", "", "image/png", "text/csv;charset=x"])
STATUSES = st.sampled_from([200, 201, 204, 302, 400, 401, 404, 413, 429, 500, 502, 299, 999])


@given(body=BODIES, media_type=TYPES, status=STATUSES)
async def test_no_answer_whatever_its_bytes_makes_the_client_raise(body, media_type, status):
    """Every call answers one of its values, for anything that the other end may send."""

    def anything(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"content-type": media_type})

    stage = Stage(anything)
    assert isinstance(await stage.marketo.submit(LEADS, part()), ANSWERS)
    assert isinstance(await stage.marketo.status(LEADS, 1), Report | QueryFailed)
    assert isinstance(await stage.marketo.failures(LEADS, 1), ResultFile | NoFile | QueryFailed)
    assert isinstance(await stage.marketo.warnings(LEADS, 1), ResultFile | NoFile | QueryFailed)
    assert isinstance(await stage.marketo.describe(LEADS), Description | QueryFailed)
    nobody = Stage(identity=anything)
    assert isinstance(await nobody.marketo.submit(LEADS, part()), ANSWERS)


@given(body=BODIES, status=st.sampled_from([200, 201, 204, 299]))
async def test_NEVER_TWICE_BY_ACCIDENT_only_an_envelope_that_says_no_turns_a_part_away(body, status):
    """What Marketo did not clearly decline is never reported as not executed."""
    answer = await submitted(httpx.Response(status, content=body))
    if isinstance(answer, TurnedAway | Refused):
        assert httpx.Response(200, content=body).json()["success"] is False
