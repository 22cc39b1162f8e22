"""The life of a token: kept until it dies, renewed once, asked for again while identity gives out the dead one."""

import asyncio

import httpx
import pytest

from app.domain.answers import Accepted, QueryFailed, RejectionReason, TurnedAway
from tests.marketo.stage import LEADS, Stage, envelope, part, refusal, script, token

DONE = envelope({"batchId": 5, "status": "Queued"})


def done(_: httpx.Request) -> httpx.Response:
    return envelope({"batchId": 5, "status": "Queued"})


PERSISTS = "Marketo rejects the access token that its identity service gives out"


def authorizations(stage: Stage) -> list[str]:
    return [call.headers["authorization"] for call in stage.calls]


async def test_a_token_is_kept_until_it_dies():
    """One identity call an hour, whatever the number of calls; the life is what is left of it."""
    stage = Stage(identity=script(token("old", 516), token("new", 3600)))
    for _ in range(3):
        await stage.marketo.status(LEADS, 5)
    stage.clock.step(515)
    await stage.marketo.status(LEADS, 5)
    assert len(stage.identity_calls) == 1
    stage.clock.step(1)
    await stage.marketo.status(LEADS, 5)
    assert authorizations(stage) == ["Bearer old"] * 4 + ["Bearer new"]


async def test_many_calls_at_once_ask_for_one_token():
    """One renewal at a time; the others take what it brought."""
    stage = Stage(done)
    await asyncio.gather(*(stage.marketo.submit(LEADS, part()) for _ in range(8)))
    assert len(stage.identity_calls) == 1


@pytest.mark.parametrize("died", [refusal("602"), refusal("601"), refusal(602), httpx.Response(401)])
async def test_a_token_that_died_is_renewed_once_and_the_part_sent_again(died):
    """602 at the first use after its death, 601 at later ones; nothing was executed, so this is no second import."""
    stage = Stage(script(died, DONE), script(token("old"), token("new")))
    assert await stage.marketo.submit(LEADS, part()) == Accepted(5)
    assert authorizations(stage) == ["Bearer old", "Bearer new"]
    assert stage.clock.slept == []
    assert stage.marketo.rate_limiter.today == 2


async def test_a_question_renews_the_token_too():
    """Polls outnumber submissions: it is mostly they that find the token dead."""
    stage = Stage(script(refusal("602"), envelope({"batchId": 5, "status": "Importing"})))
    stage.identity = script(token("old"), token("new"))
    assert not isinstance(await stage.marketo.status(LEADS, 5), QueryFailed)
    assert authorizations(stage) == ["Bearer old", "Bearer new"]


async def test_a_token_that_is_rejected_again_after_its_renewal_blocks():
    """Once is an old token, twice is a person's business."""
    tokens = iter(["first", "second", "third"])
    stage = Stage(script(refusal("601", "Access token invalid")), lambda _: token(next(tokens)))
    assert await stage.marketo.submit(LEADS, part()) == TurnedAway(
        RejectionReason.BLOCKED, "601", "Access token invalid"
    )
    assert authorizations(stage) == ["Bearer first", "Bearer second"]


async def test_the_rejected_token_given_out_again_is_waited_out():
    """Identity answers the same token until it is dead; a moment later it is."""
    stage = Stage(script(refusal("602"), DONE))
    stage.identity = script(token("old", 3), token("old", 1), token("old", 0), token("new"))
    assert await stage.marketo.submit(LEADS, part()) == Accepted(5)
    assert authorizations(stage) == ["Bearer old", "Bearer new"]
    assert stage.clock.slept == [1, 2]


async def test_the_rejected_token_given_out_for_ever_blocks_after_a_few_seconds():
    """The wait is bounded, the part is not sent again, and the token is tried anew at the next call."""
    stage = Stage(script(refusal("601"), DONE), lambda _: token("old", 3000))
    assert await stage.marketo.submit(LEADS, part()) == TurnedAway(RejectionReason.BLOCKED, None, PERSISTS, "identity")
    assert stage.clock.slept == [1, 2, 5]
    assert len(stage.calls) == 1
    assert await stage.marketo.submit(LEADS, part()) == Accepted(5)


async def test_a_token_without_life_is_asked_for_again():
    """`expires_in: 0` happens in a token's last second."""
    stage = Stage(identity=script(token("dying", 0), token("dying", 0), token("new", 3600)))
    assert isinstance(await stage.marketo.submit(LEADS, part()), Accepted)
    assert (authorizations(stage), stage.clock.slept) == (["Bearer new"], [1, 2])


async def test_a_token_that_never_has_life_makes_marketo_unavailable():
    """Nobody's credentials are wrong: time may heal it."""
    stage = Stage(identity=lambda _: token("dying", 0))
    answer = await stage.marketo.submit(LEADS, part())
    assert isinstance(answer, TurnedAway)
    assert answer.rejection_reason is RejectionReason.UNAVAILABLE
    assert (stage.clock.slept, stage.calls) == ([1, 2, 5], [])


async def test_two_calls_that_meet_a_dead_token_renew_it_once():
    """The second finds the work done."""
    both_sent = asyncio.Event()

    async def api(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer new":
            return done(request)
        if len(stage.calls) == 2:
            both_sent.set()
        await both_sent.wait()
        return refusal("602")

    stage = Stage(api, script(token("old"), token("new"), token("newest")))
    answers = await asyncio.gather(*(stage.marketo.submit(LEADS, part()) for _ in range(2)))
    assert answers == [Accepted(5), Accepted(5)]
    assert len(stage.identity_calls) == 2


BAD_CREDENTIALS = {"error": "invalid_client", "error_description": "Bad client credentials"}


@pytest.mark.parametrize(
    ("said", "because", "reason"),
    [
        (httpx.Response(401, json=BAD_CREDENTIALS), "blocked", "Bad client credentials"),
        (httpx.Response(401, json={"error": "unauthorized"}), "blocked", "unauthorized"),
        (httpx.Response(401), "blocked", "HTTP 401"),
        (httpx.Response(400, json={"error": "invalid_request"}), "blocked", "invalid_request"),
        (refusal("1234", "No such client"), "blocked", "No such client"),
        (httpx.Response(200, json={"success": False}), "blocked", "without a reason"),
        (refusal("608", "API Temporarily Unavailable"), "unavailable", "Temporarily"),
        (refusal("611", "System error"), "unavailable", "System error"),
        (refusal("611", "System error", 500), "unavailable", "System error"),
        (refusal("1016", "Too many imports"), "unavailable", "Too many"),
        (httpx.Response(500), "unavailable", "HTTP 500"),
        (httpx.Response(429), "unavailable", "HTTP 429"),
        (httpx.Response(302, headers={"location": "https://login"}), "unavailable", "HTTP 302"),
        (httpx.Response(200, html="<html>maintenance</html>"), "unavailable", "without a token"),
        (httpx.Response(200, content=b'{"access_token":'), "unavailable", "without a token"),
        (httpx.Response(200, json=[]), "unavailable", "without a token"),
        (httpx.Response(200, json={"access_token": None, "expires_in": 3}), "unavailable", "without a token"),
        (httpx.Response(200, json={"access_token": "t"}), "unavailable", "without a token"),
        (token("t", True), "unavailable", "without a token"),
        (token("t", "3600"), "unavailable", "without a token"),
        (token("t\r\nX-Evil: 1"), "unavailable", "without a token"),
        (token("žeton"), "unavailable", "without a token"),
        (httpx.Response(200, content=b'{"access_token":"t","expires_in":NaN}'), "unavailable", "no life left"),
        (httpx.ConnectError("refused"), "unavailable", "ConnectError"),
        (httpx.ReadTimeout("slow"), "unavailable", "ReadTimeout"),
        (httpx.RemoteProtocolError("cut"), "unavailable", "RemoteProtocolError"),
        (ConnectionResetError(), "unavailable", "ConnectionResetError"),
    ],
)
async def test_without_a_token_nothing_is_sent_and_the_reason_is_told(said, because, reason):
    """Wrong credentials block, trouble at identity passes; neither can have executed anything."""
    stage = Stage(identity=script(said))
    answer = await stage.marketo.submit(LEADS, part())
    assert isinstance(answer, TurnedAway)
    assert answer.rejection_reason == because
    assert reason in answer.message
    word = await stage.marketo.status(LEADS, 5)
    assert isinstance(word, QueryFailed)
    assert word.rejection_reason == because
    assert stage.calls == []
    assert stage.marketo.rate_limiter.today == 0


async def test_identity_that_never_answers_makes_marketo_unavailable():
    """A silent identity is given up after the call timeout, and nothing is lost."""
    stage = Stage(call_timeout_seconds=0.01)

    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    stage.http = httpx.AsyncClient(transport=httpx.MockTransport(silent))
    stage.marketo._identity._http = stage.http
    answer = await stage.marketo.submit(LEADS, part())
    assert isinstance(answer, TurnedAway)
    assert answer.rejection_reason is RejectionReason.UNAVAILABLE


async def test_an_absurd_life_is_not_believed():
    """A token is asked for anew after a day at the latest, whatever `expires_in` claims."""
    stage = Stage(identity=script(token("old", 10**30), token("new")))
    await stage.marketo.status(LEADS, 5)
    stage.clock.step(86_400)
    await stage.marketo.status(LEADS, 5)
    assert authorizations(stage) == ["Bearer old", "Bearer new"]


async def test_the_token_comes_from_the_identity_url_when_one_is_set():
    """Marketo shows it as a URL of its own."""
    stage = Stage(knobs={"identity_url": "https://sso.example.com/identity/"})
    await stage.marketo.submit(LEADS, part())
    assert str(stage.identity_calls[0].url) == "https://sso.example.com/identity/oauth/token"
    assert stage.identity_calls[0].method == "POST"
