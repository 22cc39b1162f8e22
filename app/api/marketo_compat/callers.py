"""Who may call on Marketo's paths: a caller exchanges the id and secret of an API key for a token, as at Marketo.

SECRETS_STAY_IN: Marketo's clients send id, secret and token in the query. No query goes into a log line or an answer.
"""

import secrets
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.dependencies import SMALL_BODY_BYTES
from app.api.marketo_compat.answers import JSON_TYPE, Refusal
from app.container import Container
from app.domain.api_keys import EVERYBODY, Caller
from app.domain.errors import TooLarge
from app.operations.api_keys import TOKEN_LIFE, AccessToken
from app.web.callers import count_request

UNSTORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
URLENCODED = "application/x-www-form-urlencoded"


async def give_token(request: Request) -> Response:
    """Answer as Marketo's identity service does. Client id and secret are those of an API key.

    Source: Adobe, "Authentication", read 2026-08.
    """
    parameters = dict(request.query_params)
    if request.headers.get("content-type", "").startswith(URLENCODED):
        parameters = dict(parse_qsl((await _small_body(request)).decode("utf-8", "replace"))) | parameters
    if parameters.get("grant_type") != "client_credentials":
        return _denied(400, "unsupported_grant_type", "Send grant_type=client_credentials")
    key_id, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
    token = await _exchange(request.app.state.container, key_id, secret)
    if token is None:
        return _denied(401, "invalid_client", "Bad client credentials")
    body = {"access_token": token.text, "token_type": "bearer", "expires_in": token.seconds, "scope": token.client}
    return JSONResponse(body, headers=UNSTORED, media_type=JSON_TYPE)


async def _exchange(container: Container, key_id: str, secret: str) -> AccessToken | None:
    if not key_id or not secret:
        return None
    if container.settings.auth == "off":
        return AccessToken(secrets.token_hex(), int(TOKEN_LIFE.total_seconds()), EVERYBODY.client)
    return await container.keys.exchange(key_id, secret)


def _denied(status: int, error: str, description: str) -> Response:
    body = {"error": error, "error_description": description}
    return JSONResponse(body, status, headers=UNSTORED, media_type=JSON_TYPE)


async def caller_of(request: Request) -> Caller:
    """The caller whose token is in the header or in the query. Errors: Refusal 600, 601, 602; TooManyRequests."""
    return await bearer(request, sent_token(request))


def sent_token(request: Request) -> str:
    """The token in the header or in the query; empty where neither has one (a form may have it in its body)."""
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    from_header = sent.strip() if kind.lower() == "bearer" else ""
    return from_header or request.query_params.get("access_token", "")


async def bearer(request: Request, sent: str) -> Caller:
    """The caller of a token, counted and noted for the log. Errors: Refusal 600, 601, 602; TooManyRequests."""
    container: Container = request.app.state.container
    caller = EVERYBODY
    if container.settings.auth == "on":
        caller = await _known_caller(container, sent)
        count_request(request, caller)
    request.state.caller = caller
    return caller


async def _known_caller(container: Container, sent: str) -> Caller:
    """Errors: Refusal 600, 601, 602."""
    if not sent:
        raise Refusal("600")
    known_token = await container.keys.bearer(sent)
    if known_token is None:
        raise Refusal("601")
    caller, is_expired = known_token
    if is_expired:
        raise Refusal("602")
    return caller


async def _small_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > SMALL_BODY_BYTES:
            raise TooLarge(f"This body may have {SMALL_BODY_BYTES} bytes.")
    return body
