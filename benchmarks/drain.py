"""Do Marketo's importers ever wait for us, and at what price? `python -m benchmarks.drain`, or `make bench b=drain`.

A simulated Marketo's two importers are to be busy from the first start to the last finish, with few calls. Beside the
service, in the same run, on the same files: one job at a time, asked about every ten seconds; and all ten places
filled, each job asked about every five seconds.

Most of it runs on a clock that counts the service's own work as long as it takes, a call as CALL_SECONDS and its
upload, and skips the waits: so an hour takes minutes. The simulator's own work counts nothing. Then once more in
real processes over HTTP; with `--speed` Marketo and all waits are faster, and what the machine does counts as often.
"""

import argparse
import asyncio
import logging
import random
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import structlog
from sqlalchemy import func, select

from app.simulator import Rules, Simulator, create_app
from app.store.tables import import_
from app.worker.runner import Worker
from app.worker.timetable import timetable
from benchmarks.plain import CARS, MEMBERS, File, Script
from benchmarks.support import busy, database, describe_machine, peak_mb, scratch, service, simulator, verdict
from tests.support.clock import SteppedClock
from tests.support.stage import MARKETO, Stage, staged
from tests.support.transport import SimulatorTransport

CALL_SECONDS = 0.2  # there and back
BYTES_PER_SECOND = 10_000_000  # of an upload
TEN_MB = 9_850_000  # with the envelope just under what Marketo takes
SEED = 37  # in this order of the mixed files no importer is left alone with a long last job: 100 % can be reached
WAYS = {"one_by_one": "one job at a time", "all_ten": "all ten at once"}
LONG_SECONDS = 22.0  # a part of a hundred thousand rows


class WorkingClock(SteppedClock):
    """Goes by itself while something is done, and is stepped over the waits."""

    _passed = 0.0  # seconds, until it was last started
    _started: float | None = None

    def __init__(self) -> None:
        super().__init__()
        self.go()

    @property
    def elapsed(self) -> float:
        return self._passed + self._working

    @elapsed.setter
    def elapsed(self, seconds: float) -> None:
        self._passed = seconds - self._working

    @property
    def _working(self) -> float:
        return 0.0 if self._started is None else time.perf_counter() - self._started

    def stop(self) -> None:
        self._passed, self._started = self.elapsed, None

    def go(self) -> None:
        self._passed, self._started = self.elapsed, time.perf_counter()


def leads(number: int, rows: int, *, bad: bool = False) -> bytes:
    """A file of people whom no other file holds; with `bad`, one in a hundred is rejected."""
    lines = [f"p{number}.{n}@example.com,First{n},{'many' if bad and n % 100 == 0 else n % 100}\n" for n in range(rows)]
    return ("email,firstName,leadScore\n" + "".join(lines)).encode()


def cars(number: int, rows: int) -> bytes:
    return ("vin,make,color\n" + "".join(f"VIN{number}X{n},make{n % 50},red\n" for n in range(rows))).encode()


def mixed(count: int) -> Iterator[File]:
    """From ten rows to a hundred thousand, as many small as large; leads and cars; some with rows that are rejected."""
    chance = random.Random(SEED)
    for number in range(count):
        rows = int(10 ** chance.uniform(1, 5))
        yield File(cars(number, rows), CARS) if number % 3 == 2 else File(leads(number, rows, bad=number % 5 == 0))


def small(count: int) -> Iterator[File]:
    chance = random.Random(5)
    for number in range(count):
        yield File(leads(number, chance.randrange(1, 300)))


def shaped(count: int) -> Iterator[File]:
    """Of three kinds: people, into twenty lists; cars; members of a program."""
    chance = random.Random(6)
    for number in range(count):
        rows, list_id = chance.randrange(1, 300), 1 + number % 20
        if number % 3 == 2:
            yield File(cars(number, rows), CARS)
        elif number % 3 == 1:
            yield File(leads(number, rows), list_id=list_id)
        else:
            lines = "".join(f"m{number}.{n}@example.com,Last{n}\n" for n in range(rows))
            yield File(f"email,lastName\n{lines}".encode(), MEMBERS)


def of_one_list(count: int) -> Iterator[File]:
    return (File(leads(number, 20), list_id=1) for number in range(count))


def large(count: int, size_bytes: int = TEN_MB) -> Iterator[File]:
    block = leads(0, 220_000)[:size_bytes]
    block = block[: block.rindex(b"\n") + 1]
    for number in range(count):
        yield File(
            block.replace(b"p0.", b"p%d." % (10 + number % 10)).replace(b"@example", b"@%d.example" % (number // 10))
        )


@dataclass(frozen=True)
class Case:
    name: str
    files: Callable[[], Iterator[File]]
    foreign_seconds: float = 0.0  # for so long others hold eight places
    rules: Rules = field(default_factory=partial(Rules, keep_records=False))


@dataclass(frozen=True)
class Outcome:
    """What the simulator saw of one way to drain one case."""

    busy: float
    seconds: float  # from the beginning to the last finish
    parts: int  # files: in these cases each is a part
    jobs: int
    job_bytes: int  # in all of them
    calls: int
    status_calls: int
    turned_away: int
    most_there: int
    latencies: list[float]  # seconds from the beginning to the end of each import; a script does not know

    @property
    def parts_per_hour(self) -> float:
        return self.parts / self.seconds * 3600

    @property
    def status_calls_a_part(self) -> float:
        return self.status_calls / self.parts

    def line(self, name: str) -> str:
        latency = ""
        if self.latencies:
            median, late = quantile(self.latencies, 0.5), quantile(self.latencies, 0.99)
            latency = f"  done after {median:.0f} s (median), {late:.0f} s (99th percentile)"
        return (
            f"  {name:20} busy {self.busy:6.1%}  {self.seconds:6.0f} s  {self.parts_per_hour:5.0f} parts/h  "
            f"{self.calls:5} calls, {self.calls / self.parts:5.2f} a part, {self.status_calls_a_part:5.2f} for status  "
            f"at most {self.most_there:2} there, {self.turned_away} turned away  {self.jobs} jobs, "
            f"{self.parts / self.jobs:.1f} parts and {self.job_bytes / self.jobs:,.0f} bytes a job{latency}"
        )


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def outcome(report: dict[str, Any], begun: float, parts: int, latencies: list[float] | None = None) -> Outcome:
    jobs = report["jobs"]
    return Outcome(
        busy=busy(jobs),
        seconds=max(job["finished_at"] for job in jobs) - begun,
        parts=parts,
        jobs=len(jobs),
        job_bytes=sum(job["file_bytes"] for job in jobs),
        calls=sum(report["calls"].values()),
        status_calls=report["calls"].get("status", 0),
        turned_away=report["errors"].get("1016", 0),
        most_there=report["most_own_outstanding"],
        latencies=latencies or [],
    )


def timed(clock: WorkingClock, http: SimulatorTransport) -> None:
    """Let each call over this transport take its time, and the simulator's own work none."""
    inner, size = http.before_request, "content-length"

    def before(request: httpx.Request) -> None:
        if inner:
            inner(request)
        clock.step(CALL_SECONDS / 2 + int(request.headers.get(size, 0)) / BYTES_PER_SECOND)
        clock.stop()

    def after(_request: httpx.Request, _response: httpx.Response) -> None:
        clock.go()
        clock.step(CALL_SECONDS / 2)

    http.before_request, http.after_request = before, after


@asynccontextmanager
async def stepped(rules: Rules, url: str, bundle_seconds: float = 20) -> AsyncIterator[tuple[Stage, WorkingClock]]:
    clock = WorkingClock()
    async with staged(url, clock, rules=rules, bundle_seconds=bundle_seconds) as stage:
        timed(clock, stage.transport)
        yield stage, clock


def asked(file: File) -> dict[str, Any]:
    if file.paths is CARS:
        return {"object_type": "custom_object", "object_name": "car_c"}
    if file.paths is MEMBERS:
        return {"object_type": "program_member", "program_id": 1001, "program_member_status": "Invited"}
    return {"list_id": file.list_id} if file.list_id else {}


async def by_sluice(case: Case, url: str, *, bundle_seconds: float = 20) -> Outcome:
    async with stepped(case.rules, url, bundle_seconds) as (stage, clock):
        for file in case.files():
            await stage.created(file.content, **asked(file))
        begun = clock.seconds()
        if case.foreign_seconds:
            stage.simulator.occupy(8, case.foreign_seconds)
        await Beats(stage, clock).go(until=partial(all_finished, stage))
        latencies = await seconds_until_done(stage, begun)
        return outcome(stage.simulator.report(), begun, len(latencies), latencies)


async def by_script(case: Case, way: str) -> Outcome:
    clock = WorkingClock()
    marketo = Simulator(case.rules, now=clock.seconds)
    transport = SimulatorTransport(create_app(marketo))
    timed(clock, transport)
    async with httpx.AsyncClient(transport=transport, base_url=MARKETO) as http:
        begun = clock.seconds()
        if case.foreign_seconds:
            marketo.occupy(8, case.foreign_seconds)
        files = list(case.files())
        await getattr(Script(http, now=clock.seconds, sleep=clock.sleep), way)(files)
        return outcome(marketo.report(), begun, len(files))


class Beats:
    """The worker's own ticks, each at its time, one after the other: nothing is done side by side."""

    def __init__(self, stage: Stage, clock: WorkingClock) -> None:
        container, settings = stage.container, stage.container.settings
        self.clock, self.wakeup = clock, container.wakeup
        self.worker = Worker(
            instance_workers={"default": stage.instance_worker},
            maintenance=stage.maintenance,
            leases=stage.leases,
            wakeup=container.wakeup,
            now=clock,
            tick_seconds=settings.tick_seconds,
            shutdown_seconds=settings.shutdown_seconds,
        )
        self.ticks = list(timetable(stage.instance_worker, settings.tick_seconds))
        self.next_at = dict.fromkeys((tick.name for tick in self.ticks), clock.seconds())

    async def go(self, *, until: Callable[[], Awaitable[bool]]) -> None:
        while not await self._told(until):
            self.clock.step(max(0.0, min(self.next_at.values()) - self.clock.seconds()))
            await self.worker.lease("default")
            for tick in self.ticks:
                if self.next_at[tick.name] <= self.clock.seconds():
                    self.next_at[tick.name] = self.clock.seconds() + tick.seconds
                    await self.worker.tick("default", tick)
                while await self.wakeup.wait(within_seconds=0):
                    await self.worker.tick("default", self.ticks[0])

    async def _told(self, until: Callable[[], Awaitable[bool]]) -> bool:
        self.clock.stop()
        told = await until()
        self.clock.go()
        return told


async def seconds_until_done(stage: Stage, begun: float) -> list[float]:
    async with stage.container.db.read() as tx:
        return [at.timestamp() - begun for at in (await tx.execute(select(import_.c.finished_at))).scalars()]


async def all_finished(stage: Stage) -> bool:
    async with stage.container.db.read() as tx:
        left = await tx.execute(select(func.count()).select_from(import_).where(import_.c.finished_at.is_(None)))
    return bool(left.scalar_one() == 0)


async def urgent(url: str, *, waiting: int = 100, arrivals: int = 6) -> float:
    """The longest that a part of high priority waited for its start behind so many others, in their durations."""
    rows = 1000
    rules = Rules(rows_per_second=rows / (LONG_SECONDS - 2), keep_records=False)
    waits = []
    async with stepped(rules, url) as (stage, clock):
        for number in range(waiting + arrivals * 8):
            await stage.created(leads(number, rows))
        beats, begun = Beats(stage, clock), clock.seconds()

        def started(rows: int) -> float | None:
            found = [job["started_at"] for job in stage.simulator.report()["jobs"] if job["rows"] == rows]
            return found[0] if found else None

        for arrival in range(1, arrivals + 1):

            async def it_is_time(at: float = begun + 67.0 * arrival) -> bool:
                return clock.seconds() >= at

            async def it_has_started(rows: int = arrival) -> bool:
                return started(rows) is not None

            await beats.go(until=it_is_time)
            arrived = clock.seconds()
            await stage.created(leads(10_000 + arrival, arrival), priority=9)
            await beats.go(until=it_has_started)
            waits.append(((started(arrival) or 0) - arrived) / LONG_SECONDS)
    return max(waits)


async def over_http(case: Case, kind: str, speed: float) -> tuple[dict[str, Outcome], float]:
    """The same in real processes, without the slowest: (what came of it, the service's peak in MB)."""
    found, peak = {}, 0.0
    for way in ("sluice", "all_ten"):
        with ExitStack() as stack:
            folder, other = stack.enter_context(scratch()), stack.enter_context(scratch())
            marketo = stack.enter_context(simulator(other, speed=speed))
            if way == "sluice":
                url = stack.enter_context(database(kind, folder))
                waits = {"TICK_SECONDS": 1, "POLL_MIN_SECONDS": 5, "POLL_MAX_SECONDS": 30}
                waits["INSTANCES__DEFAULT__WINDOW_SECONDS"] = 20
                scaled = {name: seconds / speed for name, seconds in waits.items()}
                child = stack.enter_context(service(folder, url, marketo=marketo.url, **scaled))
                begun = (await send_and_wait(case, child.url, marketo.url, speed)) or 0.0
                peak = peak_mb(child.pid)
            else:
                begun = report_of(marketo.url)["now"]
                async with httpx.AsyncClient(base_url=marketo.url, timeout=60) as http:
                    script = Script(
                        http, now=lambda: time.monotonic() * speed, sleep=lambda s: asyncio.sleep(s / speed)
                    )
                    await getattr(script, way)(case.files())
            found[way] = outcome(report_of(marketo.url), begun, len(list(case.files())))
    return found, peak


def report_of(marketo: str) -> dict[str, Any]:
    return dict(httpx.get(f"{marketo}/simulator/report", timeout=60).json())


async def send_and_wait(case: Case, sluice: str, marketo: str, speed: float) -> float:
    """When the files were all there, by Marketo's clock: until then the instance is paused."""
    async with httpx.AsyncClient(base_url=sluice, timeout=60) as client:
        (await client.post("/v1/instances/default/pause")).raise_for_status()
        for file in case.files():
            headers = {"Content-Type": "text/csv"}
            made = await client.post("/v1/imports", content=file.content, params=asked(file), headers=headers)
            made.raise_for_status()
        begun = float(report_of(marketo)["now"])
        (await client.post("/v1/instances/default/resume")).raise_for_status()
        while await unfinished(client):  # noqa: ASYNC110  # it is another process that finishes
            await asyncio.sleep(2 / speed)
        return begun


async def unfinished(client: httpx.AsyncClient) -> bool:
    pages = [await client.get("/v1/imports", params={"status": status}) for status in ("queued", "importing")]
    return any(page.json()["items"] for page in pages)


CASES = {
    "a": Case("60 mixed files", partial(mixed, 60)),
    "b": Case("500 small files", partial(small, 500)),
    "c": Case("12 files of 10 MB", partial(large, 12)),
    "e": Case("500 small files of three kinds, the people into twenty lists", partial(shaped, 500)),
    "f": Case("60 files for one list", partial(of_one_list, 60)),
    "d": Case("60 mixed files, eight places held by others for two minutes", partial(mixed, 60), foreign_seconds=120),
}


def tell(aim: str, seen: str, *, met: bool) -> None:
    print(f"    {verdict(met, aim)}; seen {seen}", flush=True)


AIMS = {"b": (1 / 10, 1 / 20), "e": (1 / 4, None), "f": (1 / 10, None)}
"""Of the time and of the calls of all ten at once, at most."""


def compare(name: str, found: dict[str, Outcome]) -> None:
    ours, scripts = found["sluice"], {told: found[way] for way, told in WAYS.items() if way in found}
    alone = {"Sluice, unbundled": found["unbundled"]} if "unbundled" in found else {}
    for told, one in ({"Sluice": ours} | alone | scripts).items():
        print(one.line(told))
    ratios = (
        f"{ours.parts_per_hour / other.parts_per_hour:.2f} times the parts an hour and "
        f"{ours.calls / other.calls:.2f} of the calls of {told}"
        for told, other in scripts.items()
    )
    print("    " + "; ".join(ratios))
    if name in AIMS:
        other, (time_share, calls_share) = found["all_ten"], AIMS[name]
        share = ours.seconds / other.seconds
        tell(f"≤ {time_share:.2f} of the time of all ten at once", f"{share:.3f}", met=share <= time_share)
        if calls_share:
            share = ours.calls / other.calls
            tell(f"≤ {calls_share:.2f} of its calls", f"{share:.3f}", met=share <= calls_share)
    if name in "ac":
        tell("importers busy ≥ 98 %", f"{ours.busy:.1%}", met=ours.busy >= 0.98)
    tell("≤ 3 status calls a part", f"{ours.status_calls_a_part:.2f}", met=ours.status_calls_a_part <= 3)
    for told, other in scripts.items():
        tell(f"fewer calls than {told}", f"{ours.calls} and {other.calls}", met=ours.calls < other.calls)
        faster = ours.parts_per_hour > other.parts_per_hour
        tell(f"faster than {told}", f"{ours.seconds:.0f} and {other.seconds:.0f} s", met=faster)


async def in_steps(case: Case, url: str, other_url: str, name: str) -> None:
    print(f"\n({name}) {case.name}", flush=True)
    found = {"sluice": await by_sluice(case, url), "unbundled": await by_sluice(case, other_url, bundle_seconds=0)}
    compare(name, found | {way: await by_script(case, way) for way in WAYS})


async def the_urgent(url: str) -> None:
    print(f"\n(urgent) behind 100 waiting parts of {LONG_SECONDS:.0f} s", flush=True)
    longest = await urgent(url)
    tell("high priority starts within 2 durations", f"{longest:.2f}, the longest of 6", met=longest <= 2)


async def measure(given: argparse.Namespace) -> None:
    for name in given.cases:
        if name == "real":
            print(f"\n(real) as (a), in real processes over HTTP; speed {given.speed:g}", flush=True)
            real, peak = await over_http(CASES["a"], given.database, given.speed)
            compare("a", real)
            print(f"    the service: {peak:.0f} MB peak")
            continue
        with ExitStack() as stack:
            url, other = (stack.enter_context(database(given.database, stack.enter_context(scratch()))) for _ in "12")
            await (the_urgent(url) if name == "urgent" else in_steps(CASES[name], url, other, name))
    print(f"\nthis process, Marketo in it: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB peak")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("cases", nargs="*", default=[*CASES, "urgent", "real"], help="a b c d e f urgent real")
    options.add_argument("--database", default="sqlite")
    options.add_argument("--speed", type=float, default=1, help="of the run in real processes")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(f"drain on {describe_machine()}; {given.database}")
    asyncio.run(measure(given))


if __name__ == "__main__":
    main()
