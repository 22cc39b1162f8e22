"""The access token for an instance: one at a time, used until it expires.

SECRETS_STAY_IN: the client secret goes to the identity service in a form body, the token to the API in the
Authorization header, and neither goes anywhere else.
A token cannot be renewed early: the identity service returns the same one, with less time left, until it has expired.
Source: Adobe, "Authentication", read 2026-08.
"""

import asyncio
import math
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

import httpx

from app.clock import Clock
from app.domain.answers import OutcomeUnknown, RejectionReason, TurnedAway
from app.domain.timeouts import TOKEN_WAITS_SECONDS
from app.marketo.answer_counts import Answers
from app.marketo.codes import answer_to_submission
from app.marketo.rate_limit import Sleep
from app.marketo.reply import JSON_BYTES, Reply, exchange, named, text
from app.masking import masked_url
from app.settings import InstanceSettings

LONGEST_LIFE_SECONDS = 86_400  # Marketo says 3600


class NoToken(Exception):
    """No token could be obtained, so nothing was sent."""

    def __init__(self, rejection_reason: RejectionReason, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.rejection_reason = rejection_reason
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Bearer(httpx.Auth):
    """Puts the token into the Authorization header."""

    value: str = field(repr=False)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self.value}"
        yield request


class Identity:
    """Obtains tokens from the identity service. These calls do not count against the rate limits."""

    def __init__(
        self,
        settings: InstanceSettings,
        http: httpx.AsyncClient,
        answers: Answers,
        *,
        now: Clock,
        sleep: Sleep,
        timeout_seconds: float,
    ) -> None:
        self._settings = settings
        self._http = http
        self._answers = answers
        self._now = now
        self._sleep = sleep
        self._timeout_seconds = timeout_seconds
        self._one_at_a_time = asyncio.Lock()
        self._bearer: Bearer | None = None
        self._expires_at: float | None = None  # by the monotonic clock
        self._seen: deque[Bearer] = deque(maxlen=3)  # an expired token may still be repeated in a message

    async def token(self) -> Bearer:
        """The valid token. Network: at most a few POSTs, if there is none. Errors: NoToken."""
        async with self._one_at_a_time:
            return self._valid() or await self._another_than(None)

    async def renewed(self, rejected: Bearer) -> Bearer:
        """A token other than the one that Marketo just rejected. Errors: NoToken."""
        async with self._one_at_a_time:
            valid = self._valid()
            if valid is not None and valid != rejected:
                return valid  # another call has renewed it
            self._bearer = None
            return await self._another_than(rejected)

    def hide(self, message: str) -> str:
        """A text without our credentials, which the other side may have repeated in it."""
        ours = [self._settings.client_secret.get_secret_value(), self._settings.client_id]
        for secret in ours + [bearer.value for bearer in self._seen]:
            message = message.replace(secret, "***") if len(secret) > 3 else message
        return message

    def _remember(self, bearer: Bearer) -> None:
        if bearer not in self._seen:
            self._seen.append(bearer)

    def _valid(self) -> Bearer | None:
        return self._bearer if self._expires_at and self._now.monotonic() < self._expires_at else None

    async def _another_than(self, rejected: Bearer | None) -> Bearer:
        for wait in (*TOKEN_WAITS_SECONDS, None):
            asked_at = self._now.monotonic()
            bearer, life_seconds = _read(await self._ask())
            self._remember(bearer)
            if bearer != rejected and life_seconds > 0:
                self._bearer, self._expires_at = bearer, asked_at + life_seconds
                return bearer
            if wait is not None:
                await self._sleep(wait)
        if life_seconds > 0:
            raise NoToken(
                RejectionReason.BLOCKED, "Marketo rejects the access token that its identity service gives out"
            )
        raise NoToken(RejectionReason.UNAVAILABLE, "identity gives out only a token that has no life left")

    async def _ask(self) -> Reply:
        """Ask for a token. The secret is in the body, never in the URL, which proxies and libraries log."""
        request = self._http.build_request(
            "POST",
            f"{self._settings.identity}/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self._settings.client_id,
                "client_secret": self._settings.client_secret.get_secret_value(),
            },
            headers={"Accept": "application/json"},
            timeout=self._timeout_seconds,
        )
        seconds = self._timeout_seconds
        try:
            reply = await exchange(self._http, request, auth=None, limit_bytes=JSON_BYTES, seconds=seconds)
        except (httpx.HTTPError, OSError) as error:
            self._answers.count("identity", None)
            trouble = named(error)
        else:
            self._answers.count("identity", reply)
            return reply
        raise NoToken(
            RejectionReason.UNAVAILABLE, f"{masked_url(self._settings.identity)} cannot be reached: {trouble}"
        )


def _read(reply: Reply) -> tuple[Bearer, float]:
    """(the token, the seconds until it expires). Errors: NoToken, with the reason that the identity service gives."""
    if (error := reply.error) is not None:
        raise NoToken(_because(*error), f"identity said {error.code}: {error.message}", error.code)
    envelope = reply.envelope or {}
    if reply.status in {401, 403} or (400 <= reply.status < 429 and "error" in envelope):
        reason = text(envelope.get("error_description")) or text(envelope.get("error")) or "no reason given"
        raise NoToken(RejectionReason.BLOCKED, f"identity said HTTP {reply.status}: {reason}", str(reply.status))
    if envelope.get("success") is False:
        raise NoToken(RejectionReason.BLOCKED, "identity refused, without a reason")
    value, life = envelope.get("access_token"), envelope.get("expires_in")
    if not reply.ok or not _fits_a_header(value) or isinstance(life, bool) or not isinstance(life, int | float):
        raise NoToken(RejectionReason.UNAVAILABLE, f"identity answered HTTP {reply.status} without a token")
    return Bearer(str(value)), _seconds(life)


def _seconds(life: float) -> float:
    """The time within bounds; infinite or not a number: 0. A whole number may be too large for a float."""
    finite = isinstance(life, int) or math.isfinite(life)
    return float(min(max(life, 0), LONGEST_LIFE_SECONDS)) if finite else 0.0


def _because(code: str, message: str) -> RejectionReason:
    """What a code means for a token request: unclear ones will pass, refusals need a person."""
    match answer_to_submission(code, message):
        case (
            OutcomeUnknown()
            | TurnedAway(
                rejection_reason=RejectionReason.TRANSIENT | RejectionReason.QUEUE_FULL | RejectionReason.LIST_BUSY
            )
        ):
            return RejectionReason.UNAVAILABLE
        case TurnedAway(rejection_reason=rejection_reason):
            return rejection_reason
        case _:
            return RejectionReason.BLOCKED


def _fits_a_header(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value) and " " not in value
