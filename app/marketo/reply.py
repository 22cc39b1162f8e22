"""One HTTP exchange, with bounded size and time, and Marketo's JSON envelope in its answer."""

import asyncio
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import httpx

from app.marketo.codes import TOKEN_DIED

JSON_BYTES = 1_000_000  # at most; JSON answers to bulk calls are far smaller
TEXT_CHARACTERS = 1_000  # of a message that are kept
CODE_CHARACTERS = 10  # of a code that are kept: Marketo's have 3 or 4


class Error(NamedTuple):
    code: str
    message: str


@dataclass(frozen=True)
class Reply:
    status: int
    media_type: str  # lower case, without parameters; empty when none was sent
    body: bytes
    whole: bool
    """False when the body was cut off, by the other side or by our limit."""

    @cached_property
    def envelope(self) -> dict[str, Any] | None:
        """The JSON object of the body; None for everything else that a gateway may send."""
        if not self.whole or len(self.body) > JSON_BYTES or not self.body[:64].lstrip().startswith(b"{"):
            return None
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    @property
    def error(self) -> Error | None:
        """The first error of the envelope, which decides. None if no envelope reports an error."""
        envelope = self.envelope
        if envelope is None or envelope.get("success") is not False:
            return None
        errors = envelope.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else None
        if not isinstance(first, dict):
            return None
        code = first.get("code")
        if isinstance(code, bool) or not isinstance(code, str | int):
            return None
        named = text(str(code))
        return Error(named[:CODE_CHARACTERS], text(first.get("message")) or "") if named else None

    @property
    def token_died(self) -> bool:
        """Whether the request was not executed because the token has expired. A 5xx never means that."""
        if self.status >= 500:
            return False
        return self.status == 401 if self.error is None else self.error.code in TOKEN_DIED

    @property
    def result(self) -> list[dict[str, Any]] | None:
        """The records of an envelope that reports success."""
        envelope = self.envelope
        if not self.ok or envelope is None or envelope.get("success") is not True:
            return None
        records = envelope.get("result")
        return [record for record in records if isinstance(record, dict)] if isinstance(records, list) else None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


async def exchange(
    http: httpx.AsyncClient,
    request: httpx.Request,
    *,
    auth: httpx.Auth | None,
    limit_bytes: int,
    seconds: float,
) -> Reply:
    """Send, and read the answer. Errors: httpx.HTTPError, OSError, TimeoutError. Redirects are not followed."""
    async with asyncio.timeout(seconds):
        response = await http.send(request, auth=auth, stream=True, follow_redirects=False)
        try:
            body, whole = await _read(response, limit_bytes)
        finally:
            await response.aclose()
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Reply(response.status_code, media_type, body, whole)


async def _read(response: httpx.Response, limit_bytes: int) -> tuple[bytes, bool]:
    """(the body, whether it is complete). A body that breaks off raises nothing: the status may be enough."""
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > limit_bytes:
                return bytes(body[:limit_bytes]), False
    except httpx.HTTPError:
        return bytes(body), False
    return bytes(body), "content-encoding" in response.headers or len(body) >= _announced(response)


def _announced(response: httpx.Response) -> int:
    length = response.headers.get("content-length", "")
    return int(length[:18]) if length.isascii() and length.isdecimal() else 0


def named(error: BaseException) -> str:
    """The error and its root cause as a text, such as `ConnectError: …`. It contains no header and no body."""
    root = error
    while cause := root.__cause__ or root.__context__:
        root = cause
    messages = dict.fromkeys(filter(None, (text(str(error)), text(str(root)))))  # often they say the same
    return ": ".join([type(error).__name__, *messages])


def text(value: object) -> str | None:
    """A message that can be stored and shown: shortened, without characters that a database or terminal refuses."""
    if not isinstance(value, str):
        return None
    cut = value[:TEXT_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in cut).strip() or None
