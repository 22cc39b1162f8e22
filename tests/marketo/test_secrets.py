"""SECRETS_STAY_IN: tokens and keys only in the Authorization header and the form that asks for a token."""

import logging

import httpx
import pytest

from tests.marketo.stage import CLIENT_ID, LEADS, SECRET, TOKEN, Stage, envelope, part, refusal, script, token

SECRETS = (CLIENT_ID, SECRET, TOKEN)
ECHO = f"token {TOKEN} of client {CLIENT_ID} with {SECRET}"


FIRST = f"client {CLIENT_ID} with {SECRET}"  # a token that was never given out cannot be echoed


def identities():
    """Called for each test: a script is used up. Those that give a token first fail at its renewal."""
    return {
        "well": [token(TOKEN)],
        "refused": [httpx.Response(401, json={"error": "invalid_client", "error_description": FIRST})],
        "refused later": [token(TOKEN), httpx.Response(401, json={"error": "x", "error_description": ECHO})],
        "code": [refusal("1234", FIRST)],
        "code later": [token(TOKEN), refusal("1234", ECHO)],
        "unreachable": [httpx.ConnectError(FIRST)],
        "dying": [token(TOKEN, 0)],
        "dying, then refused": [token(TOKEN, 0), refusal("1234", ECHO)],
        "no JSON": [httpx.Response(200, text=ECHO)],
    }


def apis():
    yield script(envelope({"batchId": 7, "status": "Failed", "message": ECHO}))
    for code in ("601", "603", "611", "1016", "1006", "777"):
        yield script(refusal(code, ECHO))
    yield script(httpx.Response(502, text=ECHO))
    yield script(httpx.Response(200, text=ECHO))
    yield script(httpx.ReadError(ECHO))
    yield script(httpx.ConnectError(ECHO))


async def everything_said(stage: Stage) -> str:
    marketo = stage.marketo
    said = [await marketo.submit(LEADS, part()), await marketo.status(LEADS, 7)]
    said += [await marketo.failures(LEADS, 7), await marketo.describe(LEADS)]
    return repr([each for each in said if not hasattr(each, "content")])


@pytest.mark.parametrize("identity", identities())
@pytest.mark.parametrize("api", list(apis()))
async def test_SECRETS_STAY_IN_the_header_and_the_form(api, identity, caplog):
    """Even when the other end echoes them: not in a URL, a log record, an answer or the client's own face."""
    caplog.set_level(logging.DEBUG)
    stage = Stage(api, script(*identities()[identity]))
    answer = await everything_said(stage)
    requests = stage.calls + stage.identity_calls
    urls = " ".join(str(request.url) for request in requests)
    logs = " ".join(record.getMessage() + repr(record.__dict__) for record in caplog.records)
    face = repr(vars(stage.marketo)) + repr(vars(stage.marketo._identity))
    for secret in SECRETS[1:]:
        assert secret not in urls + logs + answer
        assert secret not in face
    assert CLIENT_ID not in urls + logs + answer
    for request in requests:
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        assert not any(secret in repr(headers) for secret in SECRETS)
    assert not any(secret.encode() in call.content for call in stage.calls for secret in SECRETS)


async def test_SECRETS_STAY_IN_short_words_are_not_cut_out_of_what_marketo_says():
    """A client id of one letter would make every message unreadable."""
    stage = Stage(script(refusal("1006", "Header field 'email' not found")), knobs={"client_id": "e"})
    assert "Header field 'email' not found" in repr(await stage.marketo.submit(LEADS, part()))
