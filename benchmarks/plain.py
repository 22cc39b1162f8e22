"""What people write without Sluice: a script that sends files to Marketo and waits for them. The baselines of drain.

It knows what Marketo's documentation says: one token, ten places, 1016 when they are taken, failures at the end.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

ONE_BY_ONE_SECONDS = 10.0
EACH_SECONDS = 5.0
FULL_AGAIN_SECONDS = 5.0

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class Paths(NamedTuple):
    """Of one kind of record, at Marketo."""

    create: str
    batch: str
    status: str


LEADS = Paths("/bulk/v1/leads.json", "/bulk/v1/leads/batch/", ".json")
MEMBERS = Paths("/bulk/v1/program/1001/members/import.json", "/bulk/v1/program/members/import/", "/status.json")
CARS = Paths("/bulk/v1/customobjects/car_c/import.json", "/bulk/v1/customobjects/car_c/import/", "/status.json")


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    paths: Paths = LEADS
    list_id: int | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        status = {"programMemberStatus": "Invited"} if self.paths is MEMBERS else {}
        return {"format": "csv"} | ({"listId": self.list_id} if self.list_id else {}) | status


@dataclass(slots=True)
class Script:
    """A plain client of Marketo."""

    http: httpx.AsyncClient
    now: Clock
    sleep: Sleep
    token: str = ""

    async def one_by_one(self, files: Iterable[File]) -> None:
        """One job at a time, asked about every ten seconds."""
        for file in files:
            while not (batch := await self._send(file)):
                await self.sleep(FULL_AGAIN_SECONDS)
            await self.sleep(ONE_BY_ONE_SECONDS)
            while not await self._is_done(file, batch):
                await self.sleep(ONE_BY_ONE_SECONDS)

    async def all_ten(self, files: Iterable[File]) -> None:
        """Fill the ten places, ask about each job every five seconds, and fill again."""
        waiting, there, full_until = deque(files), dict[int, tuple[File, float]](), 0.0
        while waiting or there:
            while waiting and len(there) < 10 and self.now() >= full_until:
                file = next((one for one in waiting if self._may_go(one, there)), None)
                if file is None:
                    break
                if (batch := await self._send(file)) is None:
                    full_until = self.now() + FULL_AGAIN_SECONDS
                    break
                waiting.remove(file)
                there[batch] = file, self.now() + EACH_SECONDS
            for batch, (file, ask_at) in list(there.items()):
                if self.now() < ask_at:
                    continue
                if await self._is_done(file, batch):
                    del there[batch]
                else:
                    there[batch] = file, self.now() + EACH_SECONDS
            moments = [ask_at for _, ask_at in there.values()] + (
                [full_until] if waiting and full_until > self.now() else []
            )
            if moments and (wait := min(moments) - self.now()) > 0:
                await self.sleep(wait)

    @staticmethod
    def _may_go(file: File, there: Mapping[int, tuple[File, float]]) -> bool:
        """A list takes one job at a time (1019): a script that knows it does not ask in vain."""
        return file.list_id is None or all(other.list_id != file.list_id for other, _ in there.values())

    async def _send(self, file: File) -> int | None:
        """Its batch id; None when the queue is full."""
        told = await self._call("POST", file.paths.create, file)
        if told["success"]:
            return int(told["result"][0]["batchId"])
        assert told["errors"][0]["code"] == "1016", told
        return None

    async def _is_done(self, file: File, batch: int) -> bool:
        told = (await self._call("GET", f"{file.paths.batch}{batch}{file.paths.status}"))["result"][0]
        if told["status"] not in ("Complete", "Failed"):
            return False
        for count, kind in (("numOfRowsFailed", "failures"), ("numOfRowsWithWarning", "warnings")):
            if told.get(count):
                await self._get(f"{file.paths.batch}{batch}/{kind}.json")
        return True

    async def _call(self, method: str, path: str, file: File | None = None) -> dict[str, Any]:
        """Errors of the call window are waited for."""
        while True:
            sent = {"params": file.parameters, "files": {"file": file.content}} if file else {}
            headers = {"Authorization": f"Bearer {await self._token()}"}
            told = (await self.http.request(method, path, headers=headers, **sent)).json()
            code = told["errors"][0]["code"] if not told["success"] else None
            match code:
                case "606":
                    await self.sleep(20)
                case "601" | "602":
                    self.token = ""
                case _:
                    return told

    async def _get(self, path: str) -> None:
        await self.http.get(path, headers={"Authorization": f"Bearer {await self._token()}"})

    async def _token(self) -> str:
        if not self.token:
            grant = {"grant_type": "client_credentials", "client_id": "sluice-demo"}
            secret = {"client_secret": "sluice-demo-secret"}
            told = await self.http.get("/identity/oauth/token", params=grant | secret)
            self.token = told.json()["access_token"]
        return self.token
