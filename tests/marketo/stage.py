"""A clock to step, and the other end of HTTP to script: what the tests of this room stand on."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx

from app.domain.formats import Format
from app.domain.objects import Leads
from app.marketo.client import Marketo
from app.marketo.multipart import FormFile
from app.settings import InstanceSettings
from tests.support import clock

BASE = "https://284-rpr-133.mktorest.com"
CLIENT_ID = "b417d98f-our-client-id"
SECRET = "q8Vx-our-client-secret"
TOKEN = "cdf01657-110d-4155-99a7-f986b2ff13a0:int"
LEADS = Leads()

Handler = Callable[[httpx.Request], httpx.Response]


class SteppedClock(clock.SteppedClock):
    """Time stands still until somebody sleeps, and how long is noted."""

    def __init__(self, at: datetime = datetime(2026, 11, 4, 12, tzinfo=UTC)) -> None:
        super().__init__(at)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds)


def instance(**knobs: object) -> InstanceSettings:
    return InstanceSettings.model_validate({"base_url": BASE, "client_id": CLIENT_ID, "client_secret": SECRET} | knobs)


def envelope(*result: object, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"requestId": "e42b#14272d07d78", "success": True, "result": list(result), **more})


def refusal(code: object, message: str = "so it goes", status: int = 200) -> httpx.Response:
    errors = [{"code": code, "message": message}]
    return httpx.Response(status, json={"requestId": "e42b#14272d07d78", "success": False, "errors": errors})


def token(value: str = TOKEN, expires_in: object = 3599) -> httpx.Response:
    return httpx.Response(
        200,
        json={"access_token": value, "token_type": "bearer", "expires_in": expires_in, "scope": "a@b.com"},
    )


class Stage:
    """A Marketo that answers by the script: `api` for every call, `identity` for every token."""

    def __init__(
        self,
        api: Handler | None = None,
        identity: Handler | None = None,
        *,
        clock: SteppedClock | None = None,
        knobs: dict[str, object] | None = None,
        **more: object,
    ) -> None:
        self.api = api or (lambda _: envelope({"batchId": 3404, "importId": "3404", "status": "Queued"}))
        self.identity = identity or (lambda _: token())
        self.calls: list[httpx.Request] = []
        self.identity_calls: list[httpx.Request] = []
        self.clock = clock or SteppedClock()
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        self.marketo = Marketo(
            instance(**knobs or {}),
            self.http,
            now=self.clock,
            sleep=self.clock.sleep,
            **{"call_timeout_seconds": 30, "upload_timeout_seconds": 600, **more},  # type: ignore[arg-type]
        )

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/identity"):
            self.identity_calls.append(request)
            return self.identity(request)
        self.calls.append(request)
        said = self.api(request)
        return await said if asyncio.iscoroutine(said) else said


def script(*answers: httpx.Response | Exception) -> Handler:
    """Answers in their order, the last one for ever."""
    left = list(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        said = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(said, Exception):
            raise said
        return httpx.Response(said.status_code, headers=said.headers, content=said.content)

    return answer


def part(content: bytes = b"email\na@b.com\n", *, name: str = "part-1.csv", chunk: int = 7) -> FormFile:
    def chunks() -> Iterator[bytes]:
        for start in range(0, len(content), chunk):
            yield content[start : start + chunk]

    return FormFile(name, Format.CSV, len(content), chunks)


def form(request: httpx.Request) -> dict[str, list[str]]:
    return parse_qs(request.content.decode())


def body_of(value: object) -> bytes:
    return json.dumps(value).encode()
