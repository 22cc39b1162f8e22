"""Seeds in, outcomes out."""

import asyncio
import gc
import hashlib
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from tests.simulation.harness import postgres_ground, sqlite_ground
from tests.simulation.loop import SteppedLoop
from tests.simulation.scenario import Life, Plan

DATABASES = {"sqlite": sqlite_ground, "postgresql": postgres_ground}
LAST_LINES = 40  # of a story that are told with a failure


@dataclass(frozen=True)
class Outcome:
    seed: int
    story: list[str]
    error: BaseException | None
    parts_of_jobs: Sequence[int]  # of each job that Marketo took, how many parts it had

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.story).encode()).hexdigest()

    def report(self, database: str) -> str:
        """What went wrong, and the command that shows it again."""
        assert self.error is not None
        lines = [*self.story[-LAST_LINES:], *traceback.format_exception(self.error, limit=-4)]
        told = "\n".join(lines)
        return f"{told}\nAgain: python -m tests.simulation --seed {self.seed} --database {database}"


Live = Callable[[int], Outcome]


@contextmanager
def living(database: str) -> Iterator[Live]:
    """A ground that lives can be lived on, one after the other."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    gc.disable()  # between two lives is soon enough
    gc.freeze()  # and whatever else a long test run holds need not be looked through each time
    loop = SteppedLoop()
    standing = DATABASES[database](loop)
    try:
        ground = loop.run_until_complete(standing.__aenter__())

        def live(seed: int) -> Outcome:
            gc.collect()
            life = Life(Plan.of(seed), ground)
            error = None
            try:
                loop.run_until_complete(life.live())
            except (Exception, asyncio.CancelledError) as trouble:
                error = trouble
            return Outcome(seed, life.story, error, life.parts_of_jobs)

        try:
            yield live
        finally:
            loop.run_until_complete(standing.__aexit__(None, None, None))
    finally:
        loop.close()
        structlog.reset_defaults()
        gc.unfreeze()
        gc.enable()
