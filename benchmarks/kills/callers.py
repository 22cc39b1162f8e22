"""Those who upload, and what they write down: a journal that is on disk before anything counts."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.kills.actors import Broken
from tests.support import patience

OWN_KEYS, SHARED_KEYS = 400, 25  # records that one caller writes to; that all do
SIZES = [(3, 8), (20, 60), (120, 200)]  # rows; the last ones come slowly
WEIGHTS = [14, 5, 1]
BAD_SHARE = 0.05  # of the rows are such that Marketo rejects them
MEAN_PAUSE_SECONDS = 0.4
TIMEOUTS_SECONDS = (1.0, 10.0)  # some callers give up before the service does
HEADER = "email,firstName,leadScore"


@dataclass(frozen=True, slots=True)
class Row:
    email: str
    value: str  # no other row of any upload has it
    good: bool

    def __str__(self) -> str:
        return f"{self.email},{self.value},{7 if self.good else 'many'}"


@dataclass(frozen=True, slots=True)
class Upload:
    number: int
    rows: list[Row]

    @property
    def label(self) -> str:
        return f"upload {self.number}"

    @property
    def content(self) -> bytes:
        return "\n".join([HEADER, *map(str, self.rows), ""]).encode()


class Journal:
    """Lines of JSON, each on disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = path.open("ab", buffering=0)

    def write(self, word: str, upload: Upload, **more: Any) -> None:
        line = {"word": word, "upload": upload.number, **more}
        self._lines.write(json.dumps(line).encode() + b"\n")
        os.fsync(self._lines.fileno())

    def intend(self, upload: Upload) -> None:
        self.write("intent", upload, rows=[[row.email, row.value, row.good] for row in upload.rows])

    def close(self) -> None:
        self._lines.close()

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]


class Callers:
    """Some callers, each of whom sends one file after the other, to any of the doors."""

    def __init__(self, journal: Journal, doors: list[str], seed: str) -> None:
        self.journal = journal
        self._doors = doors
        self._seed = seed
        self._number = 0

    async def call(self, callers: int, *, until: Callable[[], bool]) -> None:
        """Errors: Broken, when one gets another answer than 202."""
        async with asyncio.TaskGroup() as group:
            for caller in range(callers):
                group.create_task(self._call(caller, until))

    async def _call(self, caller: int, until: Callable[[], bool]) -> None:
        chance = random.Random(f"{self._seed} caller {caller}")
        async with httpx.AsyncClient() as line:
            while not until():
                await self.send(line, self.upload(chance, caller), chance)
                await asyncio.sleep(chance.expovariate(1 / MEAN_PAUSE_SECONDS))

    def upload(self, chance: random.Random, caller: int) -> Upload:
        self._number += 1
        rows = chance.randint(*chance.choices(SIZES, WEIGHTS)[0])
        keys = [
            f"shared{chance.randrange(SHARED_KEYS)}"
            if chance.random() < 0.01
            else f"own{caller}.{chance.randrange(OWN_KEYS)}"
            for _ in range(rows)
        ]
        return Upload(
            self._number,
            [
                Row(f"{key}@example.com", f"u{self._number}r{place}", chance.random() >= BAD_SHARE)
                for place, key in enumerate(keys)
            ],
        )

    async def send(
        self, line: httpx.AsyncClient, upload: Upload, chance: random.Random, *, patient: bool = False
    ) -> int | None:
        """The import's id; None when there was no answer. Errors: Broken, when it is another one than 202."""
        slow = len(upload.rows) >= SIZES[-1][0]
        timeout = chance.choice(TIMEOUTS_SECONDS)
        self.journal.intend(upload)
        try:
            answer = await line.post(
                f"{chance.choice(self._doors)}/v1/imports",
                params={"label": upload.label},
                headers={"Content-Type": "text/csv"},
                content=_slowly(upload.content) if slow else upload.content,
                timeout=patience.seconds() if patient else timeout,
            )
        except httpx.TransportError as reason:
            self.journal.write("no answer", upload, why=type(reason).__name__)
            return None
        if answer.status_code == 503 and answer.json()["code"] == "stopping":  # it outlasted a calm stop
            self.journal.write("no answer", upload, why="stopping")
            return None
        if answer.status_code != 202:
            raise Broken(f"an upload was answered with {answer.status_code}: {answer.text}")
        import_id = int(answer.json()["id"])
        self.journal.write("accepted", upload, id=import_id)
        return import_id


async def _slowly(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 500):
        yield content[start : start + 500]
        await asyncio.sleep(0.03)
