"""The calls that we make to Marketo. Each outcome is a value of domain/answers.py: no error of Marketo's raises."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar, cast

import httpx

from app.clock import Clock
from app.domain.answers import (
    Answer,
    Description,
    NoFile,
    OutcomeUnknown,
    QueryFailed,
    RejectionReason,
    Report,
    ResultFile,
    TurnedAway,
)
from app.domain.objects import Target
from app.marketo import parsing, paths
from app.marketo.answer_counts import Answers
from app.marketo.multipart import Body, DoesNotFit, FormFile, GivenUp
from app.marketo.rate_limit import DayUsedUp, RateLimiter, Sleep
from app.marketo.reply import JSON_BYTES, Reply, exchange, named
from app.marketo.token import Bearer, Identity, NoToken
from app.masking import masked_url
from app.settings import InstanceSettings

BODY_BYTES = 10_000_000  # of a whole request; Adobe allows "less than 10 MB" and does not say which MB
RESULT_FILE_BYTES = 64 * 1024 * 1024  # a part's rows, each with a reason behind it
NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # nothing was sent

AnyAnswer = TypeVar("AnyAnswer")
Send = Callable[[httpx.Auth], Awaitable[Reply]]


class Marketo:
    """The client for one instance, with the token and the rate limits of one worker."""

    def __init__(
        self,
        settings: InstanceSettings,
        http: httpx.AsyncClient,
        *,
        now: Clock,
        sleep: Sleep = asyncio.sleep,
        call_timeout_seconds: float,
        upload_timeout_seconds: float,
    ) -> None:
        self.rate_limiter = RateLimiter(settings, now=now, sleep=sleep)
        self.answers = Answers()
        self._base_url = settings.base_url
        self._http = http
        self._call_timeout_seconds = call_timeout_seconds
        self._upload_timeout_seconds = upload_timeout_seconds
        self._identity = Identity(
            settings, http, self.answers, now=now, sleep=sleep, timeout_seconds=call_timeout_seconds
        )

    async def submit(self, target: Target, file: FormFile, *, may_go_on: Callable[[], bool] = lambda: True) -> Answer:
        """Send one part to Marketo. `may_go_on` is asked before each chunk is sent, most of all before the last one.

        Network: one POST of at most BODY_BYTES; a second one if the token has expired, which Marketo notices before it
        reads the body. Errors: DoesNotFit; BrokenFile if the part's chunks are not of `size_bytes` in all (then
        nothing was executed).
        """
        body = Body.around(file, may_go_on)
        if body.size_bytes > BODY_BYTES:
            raise DoesNotFit(f"FITS: {file.name} makes a body of {body.size_bytes} bytes, {BODY_BYTES} may go")
        path = paths.create(target, file.format)
        reply = await self._with_token("create", lambda auth: self._post(path, body, auth))
        answer = parsing.answer(reply) if isinstance(reply, Reply) else reply
        self._heed(answer.rejection_reason if isinstance(answer, TurnedAway) else None)
        return self._without_secrets(answer)

    async def status(self, target: Target, batch_id: int) -> Report | QueryFailed:
        """Network: one GET."""
        path = paths.batch(target, batch_id).status
        return await self._ask("status", path, lambda reply: parsing.report(reply, batch_id))

    async def failures(self, target: Target, batch_id: int) -> ResultFile | NoFile | QueryFailed:
        """The rows that Marketo rejected, in the part's own format, plus a last column: the reason.

        Network: one GET. Marketo forgets a batch after 7 days.
        """
        return await self._result_file("failures", paths.batch(target, batch_id).failures)

    async def warnings(self, target: Target, batch_id: int) -> ResultFile | NoFile | QueryFailed:
        """The rows that Marketo imported with a warning, in the form of `failures`. Network: one GET."""
        return await self._result_file("warnings", paths.batch(target, batch_id).warnings)

    async def describe(self, target: Target) -> Description | QueryFailed:
        """The fields that a file for this target may have, and a custom object's dedupe fields.

        Network: one GET, two for program members.
        """
        descriptions = []
        for path in paths.describe(target):
            described = await self._ask("describe", path, parsing.description)
            if isinstance(described, QueryFailed):
                return described
            descriptions.append(described)
        fields = {field.name: field for described in descriptions for field in described.fields}
        dedupe_fields = descriptions[-1].dedupe_fields if target.dedupe_fields_are_described else ()
        return Description(tuple(fields.values()), dedupe_fields)

    async def objects(self, path: str) -> tuple[str, ...] | QueryFailed:
        """The API names of the objects that there are, from an object type's `objects_path`. Network: one GET."""
        return await self._ask("describe", path, parsing.object_names)

    async def _result_file(self, call: str, path: str) -> ResultFile | NoFile | QueryFailed:
        return await self._ask(call, path, parsing.result_file, limit_bytes=RESULT_FILE_BYTES)

    async def _ask(
        self, call: str, path: str, read: Callable[[Reply], AnyAnswer | QueryFailed], *, limit_bytes: int = JSON_BYTES
    ) -> AnyAnswer | QueryFailed:
        """Make a query. Whatever goes wrong is a QueryFailed."""
        match await self._with_token(call, lambda auth: self._get(path, limit_bytes, auth)):
            case Reply() as reply:
                answer = read(reply)
            case TurnedAway(rejection_reason=rejection_reason, code=code, message=message, call=failed):
                answer = QueryFailed(message, code, rejection_reason, call=failed)
            case OutcomeUnknown(why=why):
                answer = QueryFailed(why)
        self._heed(answer.rejection_reason if isinstance(answer, QueryFailed) else None)
        return self._without_secrets(answer)

    async def _with_token(self, call: str, send: Send) -> Reply | TurnedAway | OutcomeUnknown:
        """Send within the rate limits; and once more with a new token if Marketo says that this one has expired."""
        try:
            await self._identity.token()  # before the rate limiter: without a token no call is spent
            reply, bearer = await self._once(call, send)
            if isinstance(reply, Reply) and reply.token_died:
                await self._identity.renewed(bearer)
                reply, _ = await self._once(call, send)
        except NoToken as none:
            return TurnedAway(none.rejection_reason, none.code, none.message, call="identity")
        except DayUsedUp as over:
            return TurnedAway(RejectionReason.DAILY_QUOTA, None, str(over))
        return reply

    async def _once(self, call: str, send: Send) -> tuple[Reply | TurnedAway | OutcomeUnknown, Bearer]:
        async with self.rate_limiter.call():
            bearer = await self._identity.token()  # it may have expired while we waited
            reply = await _outcome_of(send(bearer), masked_url(self._base_url))
            self.answers.count(call, reply if isinstance(reply, Reply) else None)
            return reply, bearer

    async def _post(self, path: str, body: Body, auth: httpx.Auth) -> Reply:
        seconds = self._upload_timeout_seconds
        async with aclosing(body.chunks()) as chunks:
            request = self._http.build_request(
                "POST",
                self._base_url + path,
                content=chunks,
                headers=body.headers,
                timeout=httpx.Timeout(seconds, connect=self._call_timeout_seconds, pool=self._call_timeout_seconds),
            )
            return await exchange(self._http, request, auth=auth, limit_bytes=JSON_BYTES, seconds=seconds)

    async def _get(self, path: str, limit_bytes: int, auth: httpx.Auth) -> Reply:
        seconds = self._call_timeout_seconds
        request = self._http.build_request("GET", self._base_url + path, timeout=seconds)
        return await exchange(self._http, request, auth=auth, limit_bytes=limit_bytes, seconds=seconds)

    def _heed(self, rejection_reason: RejectionReason | None) -> None:
        """Tell the rate limiter that Marketo says the window or the day is used up: it counts others' calls too."""
        if rejection_reason is RejectionReason.RATE_LIMIT:
            self.rate_limiter.full()
        elif rejection_reason is RejectionReason.DAILY_QUOTA:
            self.rate_limiter.used_up()

    def _without_secrets(self, answer: AnyAnswer) -> AnyAnswer:
        """SECRETS_STAY_IN: the other side may repeat a credential in its message."""
        texts = {name: getattr(answer, name, None) for name in ("message", "why")}
        hidden = {name: self._identity.hide(text) for name, text in texts.items() if text}
        return cast("AnyAnswer", replace(cast("Any", answer), **hidden)) if hidden else answer


async def _outcome_of(reply: Awaitable[Reply], url: str) -> Reply | TurnedAway | OutcomeUnknown:
    try:
        return await reply
    except GivenUp:
        return TurnedAway(RejectionReason.TRANSIENT, None, "this worker may no longer send for the instance")
    except NOT_CONNECTED as error:
        return TurnedAway(RejectionReason.UNAVAILABLE, None, f"{url} cannot be reached: {named(error)}")
    except (httpx.HTTPError, OSError) as error:
        return OutcomeUnknown(f"no answer from {url}: {named(error)}")
