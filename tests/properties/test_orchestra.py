"""The whole orchestra against a model: submit, poll, collect, sweep, crashes, cancels, lost answers and time.

The simulator is the judge of what Marketo got; the model knows which file was accepted and whether it was cancelled.
"""

import asyncio
import hashlib
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete

from app.simulator import Fault
from app.store.database import Database
from app.store.tables import metadata
from tests.support.clock import SteppedClock
from tests.support.stage import Killed, Stage, staged

PLACES = 10
IMPORTERS = 2


async def emptied(url: str) -> None:
    """Every example begins with an empty database."""
    database = Database(url)
    async with database.write() as tx:
        for table in reversed(metadata.sorted_tables):
            await tx.execute(delete(table))
    await database.close()


class Orchestra(RuleBasedStateMachine):
    database_url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.accepted: dict[int, bytes] = {}
        self.people = 0

    def run(self, deed: Any) -> Any:
        return self.runner.run(deed)

    @initialize()
    def set_the_stage(self) -> None:
        self.run(emptied(self.database_url))
        self.clock = SteppedClock()
        self.stage: Stage = self.run(self.stack.enter_async_context(staged(self.database_url, self.clock)))

    @rule(rows=st.integers(1, 4), priority=st.sampled_from([0, 5, 9]))
    def create(self, rows: int, priority: int) -> None:
        self._create(rows, priority)

    @rule()
    def create_more_than_fits(self) -> None:
        """Aimed: more work than slots."""
        for _ in range(12):
            self._create(1, 5)

    @rule()
    def submit(self) -> None:
        self.run(self.stage.crew.submit.run_once(self.stage.lease))

    @rule()
    def submit_all(self) -> None:
        self.run(self._until_idle(self.stage.crew.submit))

    @rule()
    def poll(self) -> None:
        self.run(self.stage.crew.poll.run_once(self.stage.lease))

    @rule()
    def collect(self) -> None:
        self.run(self.stage.crew.collect.run_once(self.stage.lease))

    @rule()
    def sweep(self) -> None:
        self.run(self.stage.crew.sweep.run_once(self.stage.lease))

    @rule()
    def beat(self) -> None:
        self.run(self.stage.beat())

    @rule(seconds=st.sampled_from([1, 5, 20, 120, 1000]))
    def time_goes_by(self, seconds: int) -> None:
        self.clock.step(seconds)

    @rule()
    def a_quiet_hour(self) -> None:
        """Aimed: everything that can run out runs out; leases, tokens and claims with it."""
        self.clock.step(3700)
        self.run(self.stage.take_lease())

    @rule()
    def the_worker_dies(self) -> None:
        self.run(self._crash())

    @rule(delivered=st.booleans())
    def the_worker_dies_in_mid_submission(self, delivered: bool) -> None:
        """Before or after Marketo got the request: the database cannot tell."""

        def die(request: httpx.Request, *_: object) -> None:
            if request.method == "POST" and "/bulk/" in request.url.path:
                raise Killed

        transport, watch = self.stage.transport, self.stage.transport.before_request
        transport.after_request = die if delivered else None
        if not delivered:
            transport.before_request = die
        try:
            self.run(self.stage.crew.submit.run_once(self.stage.lease))
        except Killed:
            pass
        finally:
            transport.before_request, transport.after_request = watch, None
        self.run(self._crash())

    @rule(
        fault=st.sampled_from(
            ["lost_response", "lost_request", "json_error:1016", "json_error:606", "json_error:713", "html_502"]
        )
    )
    def mischief(self, fault: str) -> None:
        self.stage.simulator.order(Fault(fault, on="create", once=True))

    @rule(fault=st.sampled_from(["lost_response", "html_200", "json_error:604", "token_dies"]))
    def mischief_in_questions(self, fault: str) -> None:
        self.stage.simulator.order(Fault(fault, on="status", once=True))

    @precondition(lambda self: self.accepted)
    @rule(choice=st.integers(0, 10**6))
    def cancel(self, choice: int) -> None:
        import_id = sorted(self.accepted)[choice % len(self.accepted)]
        answer = self.run(self.stage.api.post(f"/v1/imports/{import_id}/cancel"))
        assert answer.status_code in {202, 409}

    @invariant()
    def slots_are_not_oversold(self) -> None:
        report = self.stage.simulator.report()
        assert report["most_outstanding"] <= PLACES
        assert report["most_importing"] <= IMPORTERS
        used = self.run(self.stage.api.get("/v1/instances/default")).json()["slots"]["used"]
        assert used <= PLACES

    @invariant()
    def rows_add_up(self) -> None:
        for told in self.run(self.stage.api.get("/v1/imports", params={"page_size": 200})).json()["items"]:
            rows = told["rows"]
            assert rows["imported"] + rows["failed"] + rows["pending"] == rows["total"]
            assert told["id"] in self.accepted

    @invariant()
    def nothing_goes_twice_but_where_nobody_could_know(self) -> None:
        """A file's jobs at Marketo are one more, at most, than the times its answer was recorded as lost."""
        jobs = Counter(job["sha256"] for job in self.stage.simulator.report()["jobs"])
        for import_id, content in self.accepted.items():
            if (sent := jobs[hashlib.sha256(content).hexdigest()]) > 1:
                assert sent <= 1 + self.run(self.stage.events(import_id)).count("lose")

    def teardown(self) -> None:
        try:
            if hasattr(self, "stage"):
                self.run(self._to_the_end())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    async def _to_the_end(self) -> None:
        """When the mischief is over, every import ends with its rows at Marketo, or was cancelled."""
        self.stage.simulator.call_off()
        await self.stage.run(seconds=120, beats=600)
        for import_id, content in self.accepted.items():
            told = await self.stage.read(import_id)
            rows = told["rows"]
            if told["status"] == "cancelled":
                assert rows["imported"] == 0
                continue
            assert told["status"] == "complete", told
            assert (rows["imported"], rows["failed"]) == (rows["total"], 0)
            known = {record["email"] for record in self.stage.simulator.records("lead")}
            assert all(line.split(b",")[0].decode() in known for line in content.splitlines()[1:])

    def _create(self, rows: int, priority: int) -> None:
        lines = [b"p%d@example.com,P" % (self.people + n) for n in range(rows)]
        self.people += rows
        content = b"\n".join([b"email,firstName", *lines, b""])
        self.accepted[self.run(self.stage.created(content, priority=priority))] = content

    async def _until_idle(self, step: Any) -> None:
        while await step.run_once(self.stage.lease):
            pass

    async def _crash(self) -> None:
        await self.stage.crash()
        await self.stage.take_lease()


@pytest.mark.parametrize("steps", [25])
def test_the_orchestra_keeps_every_rule(database_url: str, steps: int):
    """NEVER_TWICE_BY_ACCIDENT, SLOTS_NOT_OVERSOLD and the counts, under any order of events."""
    machine = type("Orchestra", (Orchestra,), {"database_url": database_url})
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=steps, deadline=None))
