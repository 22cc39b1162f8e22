"""The processes of the service, and what is done to them.

A process is born in one of two ways. `start` runs the command as anyone would, which costs more than a second of a
core for Python and its imports. `fork` takes a process that has done its imports (multiprocessing's fork server) and
calls the same command in it: so a storm can deal many more blows in its time, and more of them to processes at work.
"""

import asyncio
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from app.cli.main import main as sluice
from benchmarks.support import bare_environment, die_with_parent, peak_mb
from tests.support.patience import Deadline

READY = {"all": '"event": "serving"', "api": '"event": "serving"', "worker": '"event": "working"'}  # in the log

FORKED_SHARE = 0.9  # of the births in a storm
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["app.cli.main", "app.cli.serve", "app.cli.http_api", "benchmarks.kills.actors"])

KILL, TERM, STOP, CONT = signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGCONT


class Broken(Exception):
    """A promise that was not kept, in a sentence."""


def now() -> datetime:
    return datetime.now(UTC)


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait for what must happen: no promise is about how fast it does, and the machine may be busy."""
    deadline = Deadline()
    while not true():
        if deadline.is_over():
            raise Broken(f"waited {deadline.seconds:.0f} s for {what}")
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class Life:
    """One process, from its start to its end."""

    pid: int
    code: Callable[[], int | None]  # its exit code; None while it lives
    log: Path
    born_at: datetime
    struck: list[str] = field(default_factory=list)
    may_end_with: set[int] = field(default_factory=set)  # exit codes
    ended_at: datetime | None = None

    def strike(self, how: signal.Signals, *, was_ready: bool) -> None:
        self.struck.append(how.name)
        self.may_end_with |= {0} if how == TERM else {-how}
        if how == TERM and not was_ready:  # before it can listen to signals, one ends it at once
            self.may_end_with |= {-TERM}
        self.send(how)

    def send(self, how: signal.Signals) -> None:
        if self.code() is None:
            os.kill(self.pid, how)

    def check_end(self, name: str) -> None:
        """Whether it ended as it was told to. Errors: Broken."""
        if (code := self.code()) not in self.may_end_with:
            told = ", ".join(self.struck) or "no signal"
            raise Broken(f"{name} ended with {code} after {told}: {self.log.read_text()[-2000:]}")


@dataclass(slots=True)
class Actor:
    """One process of the service, again and again."""

    name: str
    role: str
    folder: Path
    settings: Mapping[str, object]
    lives: list[Life] = field(default_factory=list)
    peak_mb: float = 0.0

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def alive(self) -> bool:
        return self.life.code() is None

    @property
    def ready(self) -> bool:
        return READY[self.role] in self.life.log.read_text()

    def start(self) -> None:
        """As from the command line."""
        log, born_at = self._log(), now()
        with log.open("wb") as lines:
            child = subprocess.Popen(
                [sys.executable, "-m", "app", *self._words],
                cwd=self.folder,
                env=bare_environment() | self._environment,
                stdout=lines,
                stderr=lines,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # it takes no lock
            )
        self.lives.append(Life(child.pid, child.poll, log, born_at))

    def fork(self) -> None:
        """The same command in a process whose imports are done."""
        log, born_at = self._log(), now()
        child = _forks.Process(target=_serve, args=(self._words, self._environment, self.folder, log))
        child.start()
        assert child.pid is not None
        self.lives.append(Life(child.pid, lambda: child.exitcode, log, born_at))

    @property
    def _words(self) -> list[str]:
        return ["serve", "--role", self.role]

    @property
    def _environment(self) -> dict[str, str]:
        return {f"SLUICE_{name}": str(value) for name, value in self.settings.items()}

    def _log(self) -> Path:
        log = self.folder / f"{self.name}.{len(self.lives) + 1}.log"
        log.touch()
        return log

    async def get_ready(self) -> None:
        """Wait until it works, or is dead."""
        await until(lambda: self.ready or not self.alive, f"{self.name} to be ready")

    def strike(self, how: signal.Signals) -> None:
        self.weigh()
        self.life.strike(how, was_ready=self.ready)

    async def gone(self) -> None:
        """Wait until the process is dead, and look at how it went. Errors: Broken."""
        await until(lambda: not self.alive, f"{self.name} to end")
        self.life.ended_at = self.life.ended_at or now()
        self.life.check_end(self.name)

    def weigh(self) -> None:
        with suppress(OSError, StopIteration):  # it may just have ended
            self.peak_mb = max(self.peak_mb, peak_mb(self.life.pid))

    def put_down(self) -> None:
        """Whatever state it is in."""
        if self.lives:
            self.life.send(KILL)
            while self.alive:
                time.sleep(0.01)


def _serve(words: list[str], environment: Mapping[str, str], folder: Path, log: Path) -> None:
    die_with_parent()
    os.chdir(folder)
    with log.open("wb") as lines:
        for stream in (1, 2):
            os.dup2(lines.fileno(), stream)
    for name in [name for name in os.environ if name.startswith("SLUICE_")]:
        del os.environ[name]
    os.environ.update(environment)
    sys.argv = ["sluice", *words]
    sluice()


@contextmanager
def cast(actors: list[Actor]) -> Iterator[list[Actor]]:
    """All of them started; none is left at the end."""
    try:
        for actor in actors:
            actor.start()
        yield actors
    finally:
        for actor in actors:
            actor.put_down()


@dataclass(slots=True)
class Storm:
    """So many blows, dealt to all actors at moments that a seed decides."""

    actors: list[Actor]
    blows: int
    lease_seconds: float
    seed: str
    dealt: Counter[tuple[str, str]] = field(default_factory=Counter)  # (signal, role) → how often

    @property
    def over(self) -> bool:
        return self.dealt.total() >= self.blows

    async def rage(self) -> None:
        """Until all blows are dealt; afterwards every actor is up again. Errors: Broken."""
        async with asyncio.TaskGroup() as group:
            for actor in self.actors:
                group.create_task(self._torment(actor, random.Random(f"{self.seed} {actor.name}")))

    async def _torment(self, actor: Actor, chance: random.Random) -> None:
        while not self.over:
            await self._live(actor, chance)
            if actor.alive and not self.over:
                how = chance.choices([KILL, TERM, STOP], [5, 3, 2])[0]
                if chance.random() < 0.04:
                    self._cut_power()
                elif how == STOP:
                    await self._hold_up(actor, chance)
                else:
                    self._deal(actor, how)
                    await actor.gone()
            if actor.life.struck or not actor.alive:  # it may still be dying
                await actor.gone()
                await asyncio.sleep(chance.choice([0, 0, chance.uniform(0, 1)]))
                if chance.random() < FORKED_SHARE:
                    actor.fork()
                else:
                    actor.start()
        await actor.get_ready()

    async def _live(self, actor: Actor, chance: random.Random) -> None:
        """A while in service; one time in eight, a blow falls while it is still starting."""
        if chance.random() < 1 / 8:
            await asyncio.sleep(chance.uniform(0, 0.5))
        else:
            await actor.get_ready()
            await asyncio.sleep(chance.choice([chance.uniform(0, 0.5), chance.uniform(0.5, 3)]))

    async def _hold_up(self, actor: Actor, chance: random.Random) -> None:
        """Out of action until its lease is another's, and then back as if nothing had happened."""
        self._count(actor, STOP)
        actor.life.send(STOP)
        await asyncio.sleep(self.lease_seconds * chance.uniform(1.1, 2))
        if actor.alive:
            actor.life.send(CONT)
            await asyncio.sleep(chance.uniform(0.2, 1))

    def _cut_power(self) -> None:
        """All that live, at one moment."""
        for actor in self.actors:
            if actor.alive:
                self._deal(actor, KILL)

    def _deal(self, actor: Actor, how: signal.Signals) -> None:
        self._count(actor, how)
        actor.strike(how)

    def _count(self, actor: Actor, how: signal.Signals) -> None:
        self.dealt[how.name, actor.role] += 1
