"""A simulated Marketo on a clock that tests step, and a client that speaks to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.simulator import Rules, Simulator, create_app
from app.simulator.app import Sleep
from tests.support.transport import SimulatorTransport

NOON = 1_794_852_000.0  # a Monday, noon in Chicago


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now

    def step(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Bench:
    """A simulator, its clock, and the calls tests make most."""

    sim: Simulator
    clock: Clock
    http: httpx.AsyncClient
    token: str = ""

    async def login(self, **params: str) -> httpx.Response:
        given = {"grant_type": "client_credentials", "client_id": "sluice-demo", "client_secret": "sluice-demo-secret"}
        response = await self.http.get("/identity/oauth/token", params={**given, **params})
        if response.status_code == 200:
            self.token = response.json()["access_token"]
        return response

    async def get(self, path: str, **params: str) -> httpx.Response:
        return await self.http.get(path, params=params, headers={"Authorization": f"Bearer {self.token}"})

    async def post(self, path: str, content: bytes, **params: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        file = {"file": ("rows.csv", content, "text/csv")}
        return await self.http.post(path, params={"format": "csv", **params}, files=file, headers=headers)

    async def leads(self, content: bytes, **params: str) -> int:
        response = await self.post("/bulk/v1/leads.json", content, **params)
        assert response.json()["success"], response.text
        return int(response.json()["result"][0]["batchId"])

    async def status(self, batch_id: int) -> dict[str, Any]:
        return dict((await self.get(f"/bulk/v1/leads/batch/{batch_id}.json")).json()["result"][0])

    async def failures(self, batch_id: int) -> httpx.Response:
        return await self.get(f"/bulk/v1/leads/batch/{batch_id}/failures.json")

    async def warnings(self, batch_id: int) -> httpx.Response:
        return await self.get(f"/bulk/v1/leads/batch/{batch_id}/warnings.json")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., Any]:
    """Builds a logged-in bench with the given rules."""

    async def build(*, sleep: Sleep = asyncio.sleep, **rules: Any) -> Bench:
        sim = Simulator(Rules(**rules), now=clock)
        transport = SimulatorTransport(create_app(sim, sleep=sleep))
        http = httpx.AsyncClient(transport=transport, base_url="http://marketo.example.com")
        bench = Bench(sim, clock, http)
        await bench.login()
        return bench

    return build


@pytest.fixture
async def bench(make: Callable[..., Any]) -> Bench:
    return await make()


def error(response: httpx.Response) -> tuple[str, str]:
    """The code and message of an error in Marketo's envelope."""
    body = response.json()
    assert response.status_code == 200
    assert body["success"] is False
    return body["errors"][0]["code"], body["errors"][0]["message"]
