"""A bulkhead: only a few requests of one client are worked on at once, so that no other client waits for all of them.

Only work counts. A request that waits for something, such as more of its body or news, has to leave the bulkhead
(app/web/at_work.py).
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.middleware.request_bounds import PROBES
from app.domain import api_keys
from app.domain.timeouts import BULKHEAD_WAIT_SECONDS
from app.uploads.fair_limit import FairLimit
from app.web.session_cookies import PLAIN_NAME, sent_token

AT_WORK = 2  # requests of one client at once; another client waits for no more of them before its own next step
UNKNOWN_CLIENT = ""  # all callers together whose key has not been checked yet
TOKEN_LETTERS = 64  # of a token that are remembered: it is random, so they identify it
REMEMBERED = 1_000  # keys by which callers were let in


class Bulkhead:
    """Lets each client's requests through, a few at a time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._limit = FairLimit(client_most=AT_WORK)
        self._clients: OrderedDict[str, str] = OrderedDict()  # by the ids of their keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        key_id = _key_id(scope)
        work = _Work(self._limit, self._clients.get(key_id, UNKNOWN_CLIENT))
        scope.setdefault("state", {})["work"] = work

        async def pass_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                work.end()
            await send(message)

        await work.begin()
        try:
            await self._app(scope, receive, pass_on)
        finally:
            work.end()
            self._remember(key_id, scope)

    def _remember(self, key_id: str, scope: Scope) -> None:
        if key_id and (caller := scope["state"].get("caller")):
            self._clients[key_id] = caller.client
            self._clients.move_to_end(key_id)
            if len(self._clients) > REMEMBERED:
                self._clients.popitem(last=False)


class _Work:
    """The work on one request. It begins within some seconds, however much else is under way."""

    def __init__(self, limit: FairLimit, client: str) -> None:
        self._limit = limit
        self._client = client
        self._is_under_way = False

    async def begin(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(BULKHEAD_WAIT_SECONDS):
                await self._limit.take(self._client)
                self._is_under_way = True

    def end(self) -> None:
        if self._is_under_way:
            self._is_under_way = False
            self._limit.give_back(self._client)


def _key_id(scope: Scope) -> str:
    """The id of the key that a request claims to have, or its token or session; empty where it has none."""
    kind, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    token = token.strip() if kind.lower() == "bearer" else ""
    if not token and (cookie := Headers(scope=scope).get("cookie")):
        token = sent_token(Request(scope)) if PLAIN_NAME in cookie else ""
    if not token and b"_token=" in scope["query_string"]:
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=None)
        token = (query.get("access_token") or query.get("stream_token") or [""])[0]
    parsed = api_keys.read(token)
    return parsed[0] if parsed else token[:TOKEN_LETTERS]
