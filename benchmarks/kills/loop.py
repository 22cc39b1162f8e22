"""One run on one database: a storm while files come in, the calm after it, and what must be true at the end."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx

from benchmarks.kills.actors import KILL, TERM, Actor, Broken, Storm, cast, now
from benchmarks.kills.callers import Callers, Journal
from benchmarks.kills.promises import Aftermath, Found
from benchmarks.support import quiet_port, simulator
from tests.support import patience
from tests.support.lifecycle import MOVES

LEASE_SECONDS = 2.0
TICK_SECONDS = 0.1
CALLERS = 3
SPEED = 20  # simulated seconds in one of ours: Marketo's window of 100 calls is one second long
MARKETO = {
    "speed": SPEED,
    "job_seconds": 0.2 * SPEED,
    "token_seconds": 1800 * SPEED,
    "daily_calls": 10**8,
    "keep_jobs": True,  # several parts go as one job, so a part is known by its rows
    "mischief": "hang:create:probability=0.5:seconds=0.3:once=false",  # so that blows fall into submissions
}
QUICK = {
    "AUTH": "off",
    "LOG_FORMAT": "json",
    "DISK_FLOOR_BYTES": 0,
    "PART_BYTES": 1200,
    "TICK_SECONDS": TICK_SECONDS,
    "POLL_MIN_SECONDS": 0.15,
    "POLL_MAX_SECONDS": 0.5,
    "RETRY_BASE_SECONDS": 0.2,
    "RETRY_MAX_SECONDS": 1,
    "UNCONFIRMED_SETTLE_SECONDS": 3,
    "LEASE_SECONDS": LEASE_SECONDS,
    "SHUTDOWN_SECONDS": 10,
    "INSTANCES__DEFAULT__CLIENT_ID": "sluice-demo",
    "INSTANCES__DEFAULT__CLIENT_SECRET": "sluice-demo-secret",
    "INSTANCES__DEFAULT__WINDOW_SECONDS": 1,
}
ROLES = {"sqlite": ["all"], "postgresql": ["api", "api", "worker", "worker"]}


@dataclass(slots=True)
class Told:
    """What came of a run. Durations in seconds."""

    database: str
    dealt: Counter[tuple[str, str]] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)  # of the journal
    imports: int = 0
    jobs: int = 0
    bundled: int = 0  # jobs of several parts
    separated: int = 0  # parts that went again alone
    lost: int = 0
    take_overs: int = 0  # in the storm, as the workers' logs have them
    timed: dict[str, list[float]] = field(default_factory=dict)  # in the calm
    peaks: dict[str, float] = field(default_factory=dict)  # MB by actor
    most_outstanding: int = 0
    most_importing: int = 0
    storm_seconds: float = 0.0
    finish_seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        blows = ", ".join(f"{how} {role} {count}" for (how, role), count in sorted(self.dealt.items()))
        memory = ", ".join(f"{name} {mb:.0f}" for name, mb in self.peaks.items())
        intended, accepted, silent = (self.words[word] for word in ("intent", "accepted", "no answer"))
        found = self.imports - accepted
        return [
            f"{self.dealt.total()} blows in {self.storm_seconds:.0f} s: {blows}",
            f"all done {self.finish_seconds:.0f} s after the last",
            f"uploads {intended}, accepted {accepted}, without an answer {silent}, of which {found} were there",
            f"jobs at Marketo {self.jobs}, of several parts {self.bundled}, parts sent again alone {self.separated}",
            f"parts unconfirmed {self.lost}, take-overs {self.take_overs}",
            f"at most {self.most_outstanding} outstanding at Marketo, {self.most_importing} importing",
            *[f"{what}: {_spread(some)}" for what, some in self.timed.items()],
            f"peak memory in MB: {memory}",
        ]


def _spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} s in the middle, {max(seconds):.2f} s at most, of {len(seconds)}"


async def run(kind: str, url: str, folder: Path, *, blows: int, seed: int, samples: int = 3) -> Told:
    """Nothing is left running. What was not kept is in `broken`. `samples`: of each thing that is timed in the calm."""
    told = Told(kind)
    with ExitStack() as stack:
        try:
            async with asyncio.timeout(patience.seconds(900 + 10 * blows)):
                await _Run(told, url, folder, f"{seed} {kind}", stack).play(blows, samples)
        except* Broken as broken:
            told.broken += [str(one) for one in _leaves(broken)]
        except* TimeoutError:
            told.broken.append("the whole did not end in time")
    return told


def _leaves(group: BaseException) -> list[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        return [leaf for one in group.exceptions for leaf in _leaves(one)]
    return [group]


class _Run:
    def __init__(self, told: Told, url: str, folder: Path, chance: str, stack: ExitStack) -> None:
        self.told, self.url, self.chance = told, url, chance
        folder = folder / told.database
        folder.mkdir()
        self.marketo = stack.enter_context(simulator(folder, **MARKETO)).url
        settings = QUICK | {"DATABASE_URL": url, "INSTANCES__DEFAULT__BASE_URL": self.marketo}
        self.actors = [
            Actor(f"{role}-{number}", role, folder, settings | {"PORT": quiet_port()})
            for number, role in enumerate(ROLES[told.database], start=1)
        ]
        stack.enter_context(cast(self.actors))
        self.doors = [f"http://127.0.0.1:{one.settings['PORT']}" for one in self.actors if one.role != "worker"]
        self.journal = Journal(folder / "journal")
        stack.callback(self.journal.close)
        self.callers = Callers(self.journal, self.doors, self.chance)
        self.workers = [one for one in self.actors if one.role != "api"]

    async def play(self, blows: int, samples: int) -> None:
        for actor in self.actors:
            await actor.get_ready()
        self._say(f"{len(self.actors)} processes serve")
        fresh = httpx.Limits(max_keepalive_connections=0)  # a door may be another process by now
        async with httpx.AsyncClient(base_url=self.doors[0], timeout=patience.seconds(), limits=fresh) as self.line:
            await self._storm(blows)
            self._say(f"{self.told.dealt.total()} blows dealt")
            begun = time.monotonic()
            await self._finished()
            self.told.finish_seconds = time.monotonic() - begun
            self._say("all finished")
            await self._time_it(samples)
            await asyncio.sleep(2 * TICK_SECONDS)
            await self._finished()
            imports = await self._imports()
        for actor in self.actors:
            actor.strike(TERM)
        for actor in self.actors:
            await actor.gone()
        self._judge(imports)

    def _say(self, what: str) -> None:
        print(f"{now():%H:%M:%S} {self.told.database}: {what}", flush=True)

    async def _storm(self, blows: int) -> None:
        storm = Storm(self.actors, blows, LEASE_SECONDS, self.chance, self.told.dealt)
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            raging = group.create_task(storm.rage())
            group.create_task(self.callers.call(CALLERS, until=raging.done))
        self.told.storm_seconds = time.monotonic() - begun

    async def _finished(self) -> None:
        """Wait until nothing is under way any more. Errors: Broken, when no import ends for a while."""
        before, deadline = await self._under_way(), patience.Deadline()
        while before:
            await asyncio.sleep(0.2)
            if (left := await self._under_way()) != before:
                before, deadline = left, patience.Deadline()
            if deadline.is_over():
                raise Broken(f"{left} imports are not finished, and for {deadline.seconds:.0f} s nothing got on")

    async def _under_way(self) -> int:
        known = (await self.line.get("/v1/status")).json()["imports"]
        return int(known["queued"] + known["importing"])

    async def _imports(self) -> list[dict[str, Any]]:
        listed, token = [], None
        while True:
            params = {"page_size": 200} | ({"page_token": token} if token else {})
            page = (await self.line.get("/v1/imports", params=params)).raise_for_status().json()
            listed += page["items"]
            if not (token := page["next_page_token"]):
                return listed

    async def _time_it(self, samples: int) -> None:
        """What the storm cannot show, since there everything happens at once."""
        for _ in range(samples):
            if self.told.database == "sqlite":
                await self._timed("restart to first move", self._restarted)
            else:
                await self._timed("restart of all workers to first move", self._restarted)
                await self._timed(f"take-over after SIGKILL (lease {LEASE_SECONDS:g} s)", lambda: self._relieved(KILL))
                await self._timed("hand-over at SIGTERM", lambda: self._relieved(TERM))

    async def _timed(self, what: str, happens: Callable[[], Any]) -> None:
        """From the moment that is given back to the first move of what was uploaded just before."""
        begun_at, ids = await happens()
        for actor in self.actors:
            await actor.get_ready()
        await self._finished()
        moves = [at for one in ids for at, type_ in await self._events(one) if type_ in MOVES and at > begun_at]
        if not moves:
            raise Broken(f"{what}: nothing was left to do")
        self.told.timed.setdefault(what, []).append((min(moves) - begun_at).total_seconds())
        for actor in self.actors:
            if not actor.alive:
                await actor.gone()
                actor.start()
            await actor.get_ready()

    async def _restarted(self) -> tuple[datetime, list[int]]:
        """One process where none was; what was uploaded before waits for it."""
        ids = await self._upload(4)
        for actor in self.workers:
            actor.strike(KILL if actor.role == "all" else TERM)  # a dead worker's lease is not what is to be timed
        for actor in self.workers:
            await actor.gone()
        if self.told.database != "sqlite":
            ids += await self._upload(4)
        self.workers[0].start()
        return self.workers[0].life.born_at, ids

    async def _relieved(self, how: Any) -> tuple[datetime, list[int]]:
        """The worker that drives is taken away from under its work; another one is there."""
        ids = await self._upload(8)
        instance = (await self.line.get("/v1/instances")).raise_for_status().json()["items"][0]
        pid = int(instance["worker"]["id"].split(":")[1])
        context = next(actor for actor in self.workers if actor.life.pid == pid)
        context.strike(how)
        struck_at = now()
        await context.gone()
        return (struck_at if how == KILL else context.life.ended_at or now()), ids

    async def _upload(self, files: int) -> list[int]:
        chance = Random(f"{self.chance} calm")
        ids = []
        for _ in range(files):
            upload = self.callers.upload(chance, caller=CALLERS)
            import_id = await self.callers.send(self.line, upload, chance, patient=True)
            if import_id is None:
                raise Broken("an upload in the calm had no answer")
            ids.append(import_id)
        return ids

    async def _events(self, import_id: int) -> list[tuple[datetime, str]]:
        found = await self.line.get(f"/v1/imports/{import_id}/events", params={"page_size": 200})
        items = found.raise_for_status().json()["items"]
        return [(datetime.fromisoformat(one["at"]), one["type"]) for one in items]

    def _judge(self, imports: list[dict[str, Any]]) -> None:
        report = httpx.get(f"{self.marketo}/simulator/report", timeout=patience.seconds()).json()
        records = httpx.get(f"{self.marketo}/simulator/records/lead", timeout=patience.seconds()).json()["records"]
        carried = [_carried(f"{self.marketo}/simulator/jobs/{job['batch_id']}") for job in report["jobs"]]
        found = Found.read(self.url)
        journal = self.journal.read()
        told = self.told
        told.words = Counter(line["word"] for line in journal)
        told.imports, told.jobs, told.lost = len(imports), len(report["jobs"]), found.counted("lose").total()
        told.most_outstanding, told.most_importing = report["most_outstanding"], report["most_importing"]
        told.peaks = {actor.name: actor.peak_mb for actor in self.actors}
        told.take_overs = sum(
            life.log.read_text().count('"instance taken over"') for actor in self.workers for life in actor.lives
        )
        told.bundled = sum(len(job) > 1 for job in found.jobs.values())
        told.separated = found.counted("separate").total()
        told.broken += Aftermath(journal, imports, report, records, carried, found).broken()


def _carried(url: str) -> list[str]:
    """The rows of a job as Marketo got them."""
    told = httpx.get(url, timeout=patience.seconds()).raise_for_status().json()
    return [",".join(row) for row in told["rows"]]
