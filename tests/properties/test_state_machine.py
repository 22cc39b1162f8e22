"""The whole orchestra: submit, poll, collect, recovery, people, crashes, late workers, lost answers and time.

The simulator is the judge of what Marketo got; the audit holds it against the books after every step.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
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
from sqlalchemy import delete, select

from app.clock import rfc3339
from app.domain.failpoints import Failpoint
from app.simulator import Fault, Rules
from app.store.database import Database
from app.store.parts import Stale
from app.store.tables import event, metadata, part
from tests.support.audit import Audit, nothing_went_before_its_time
from tests.support.clock import SteppedClock
from tests.support.stage import Killed, Stage, staged

MISCHIEF = (
    "lost_response",
    "lost_request",
    "executed_then:611",
    "html_502",
    "json_error:603",
    "json_error:606",
    "json_error:713",
    "json_error:1016",
    "job_failed",
    "all_failed",
    "json_error:1003",
    "slow_queue",
)


async def emptied(url: str) -> None:
    """Every example begins with an empty database."""
    database = Database(url)
    async with database.write() as tx:
        for table in reversed(metadata.sorted_tables):
            await tx.execute(delete(table))
    await database.close()


class Orchestra(RuleBasedStateMachine):
    database_url: str
    bundle_seconds: float

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.accepted: dict[int, bytes] = {}
        self.people = 0
        self.fatal: Failpoint | None = None

    def run(self, deed: Any) -> Any:
        return self.runner.run(deed)

    @initialize()
    def set_the_stage(self) -> None:
        self.run(emptied(self.database_url))
        self.clock = SteppedClock()
        rules = Rules(keep_jobs=True)
        knobs = {"part_bytes": 1000, "bundle_seconds": self.bundle_seconds}
        on_stage = staged(self.database_url, self.clock, rules=rules, hit=self._reached, **knobs)
        self.stage: Stage = self.run(self.stack.enter_async_context(on_stage))
        self.audit = Audit(self.stage.container.db, {"default": self.stage.simulator})

    @rule(rows=st.integers(1, 4), priority=st.sampled_from([0, 5, 9]))
    def create(self, rows: int, priority: int) -> None:
        self._create(rows, priority)

    @rule()
    def create_more_than_fits(self) -> None:
        """Aimed: more work than slots."""
        for _ in range(12):
            self._create(1, 5)

    @rule(files=st.integers(2, 6), failing=st.booleans())
    def create_files_that_are_alike(self, files: int, failing: bool) -> None:
        """Aimed: one job's worth, some rows of which Marketo fails or warns of."""
        for n in range(files):
            self._create(3, 5, scores=["1", "many" if failing and n % 2 else "2", "3"])

    @rule(rows=st.sampled_from([1, 45]), list_id=st.sampled_from([None, 1]), hold=st.booleans())
    def create_for_people_who_are_known(self, rows: int, list_id: int | None, hold: bool) -> None:
        """Aimed: parts that may not be at Marketo at once, of one import and of several."""
        known = {"list_id": list_id} if list_id else {}
        self._create(rows, 5, first=0, on_unconfirmed="hold" if hold else "resubmit", **known)

    @rule(seconds=st.sampled_from([1, 60]))
    def create_for_later(self, seconds: int) -> None:
        at = self.clock() + timedelta(seconds=seconds)
        self._create(2, 5, not_before=at.isoformat().replace("+00:00", "Z"))

    @rule(is_known=st.booleans(), list_id=st.sampled_from([None, 1]))
    def create_for_review(self, is_known: bool, list_id: int | None) -> None:
        """Perhaps with the same people, or into the same list, as others: it is in nobody's way."""
        known = {"list_id": list_id} if list_id else {}
        self._create(3, 5, first=0 if is_known else None, review="true", **known)

    @rule(way=st.sampled_from(["pause", "resume"]))
    def pause_or_resume(self, way: str) -> None:
        assert self.run(self.stage.api.post(f"/v1/instances/default/{way}")).status_code == 200

    @rule(slots=st.integers(1, 10), seconds=st.sampled_from([10, 100]))
    def others_take_slots(self, slots: int, seconds: int) -> None:
        self.stage.simulator.occupy(slots, seconds)

    @rule()
    def resolve(self) -> None:
        """Somebody looks into Marketo and decides: it has the part, or it has not."""
        self.run(self._resolve())

    @precondition(lambda self: self.accepted)
    @rule(choice=st.integers(0, 10**6))
    def retry(self, choice: int) -> None:
        import_id = sorted(self.accepted)[choice % len(self.accepted)]
        answer = self.run(self.stage.api.post(f"/v1/imports/{import_id}/retry"))
        assert answer.status_code in {202, 409}
        if answer.status_code == 202:
            self.accepted[answer.json()["id"]] = b""

    @rule(point=st.sampled_from(Failpoint), step=st.sampled_from(["submit", "poll", "collect", "recovery"]))
    def the_worker_dies_at(self, point: Failpoint, step: str) -> None:
        """If the step comes by there."""
        self.fatal = point
        try:
            self.run(getattr(self.stage.instance_worker, step).run_once(self.stage.lease))
        except Killed:
            self.run(self._crash())
        finally:
            self.fatal = None

    @rule(step=st.sampled_from(["submit", "poll", "collect", "recovery"]))
    def a_late_worker_goes_on(self, step: str) -> None:
        """FENCED: it was stopped, another one took over, and it begins a step as if nothing had been."""
        late, lease = self.stage.instance_worker, self.stage.lease
        self.run(self._crash())
        before = self._written()
        with suppress(Stale):
            self.run(getattr(late, step).run_once(lease))
        assert self._written() == before

    @rule()
    def a_worker_is_late_in_mid_submission(self) -> None:
        """FENCED: another one takes over while Marketo's answer is on its way."""
        late, lease = self.stage.instance_worker, self.stage.lease
        written: list[object] = []

        async def slow(request: httpx.Request, _response: httpx.Response) -> None:
            if request.method == "POST" and "/bulk/" in request.url.path:
                self.stage.transport.after_request = None
                await self._crash()
                written.append(await self._read_written())

        self.stage.transport.after_request = slow
        with suppress(Stale):
            self.run(late.submit.run_once(lease))
        self.stage.transport.after_request = None
        if written:
            assert self._written() == written[0]

    @rule()
    def submit(self) -> None:
        self.run(self.stage.instance_worker.submit.run_once(self.stage.lease))

    @rule()
    def submit_all(self) -> None:
        self.run(self._until_idle(self.stage.instance_worker.submit))

    @rule()
    def poll(self) -> None:
        self.run(self.stage.instance_worker.poll.run_once(self.stage.lease))

    @rule()
    def collect(self) -> None:
        self.run(self.stage.instance_worker.collect.run_once(self.stage.lease))

    @rule()
    def recover(self) -> None:
        self.run(self.stage.instance_worker.recovery.run_once(self.stage.lease))

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
            self.run(self.stage.instance_worker.submit.run_once(self.stage.lease))
        except Killed:
            pass
        finally:
            transport.before_request, transport.after_request = watch, None
        self.run(self._crash())

    @rule(fault=st.sampled_from(MISCHIEF))
    def mischief(self, fault: str) -> None:
        self.stage.simulator.order(Fault(fault, on="create", seconds=30 if fault == "slow_queue" else None))

    @rule(fault=st.sampled_from(["lost_response", "html_200", "json_error:604", "token_dies"]))
    def mischief_in_questions(self, fault: str) -> None:
        self.stage.simulator.order(Fault(fault, on="status", once=True))

    @precondition(lambda self: self.accepted)
    @rule(choice=st.integers(0, 10**6))
    def cancel(self, choice: int) -> None:
        import_id = sorted(self.accepted)[choice % len(self.accepted)]
        answer = self.run(self.stage.api.post(f"/v1/imports/{import_id}/cancel"))
        assert answer.status_code in {202, 409}

    @precondition(lambda self: self.accepted)
    @rule(choice=st.integers(0, 10**6))
    def release(self, choice: int) -> None:
        """Somebody has looked at it; most often it is not under review."""
        import_id = sorted(self.accepted)[choice % len(self.accepted)]
        answer = self.run(self.stage.api.post(f"/v1/imports/{import_id}/release"))
        assert answer.status_code in {202, 409}

    @precondition(lambda self: self.accepted)
    @rule(choice=st.integers(0, 10**6), seconds=st.sampled_from([None, -60, 60, 1000]), priority=st.integers(0, 9))
    def change(self, choice: int, seconds: int | None, priority: int) -> None:
        """Somebody thinks again: it is more urgent, or is not to go yet, or may go at once."""
        import_id = sorted(self.accepted)[choice % len(self.accepted)]
        until = None if seconds is None else rfc3339(self.clock() + timedelta(seconds=seconds))
        wanted = {"priority": priority, "not_before": until}
        answer = self.run(self.stage.api.patch(f"/v1/imports/{import_id}", json=wanted))
        assert answer.status_code in {200, 409}

    @invariant()
    def every_rule_holds(self) -> None:
        """Limits, ONE_KEY_AT_A_TIME, slots, sums, results, a history that only grows; and nothing goes twice."""
        if hasattr(self, "audit"):
            nothing_went_before_its_time(self.run(self.audit.look()))

    @invariant()
    def nothing_under_review_is_sent(self) -> None:
        if hasattr(self, "audit"):
            books = self.run(self.audit.look())
            hidden = {part.state for part in books.parts if part.turn is None}
            assert hidden <= {"waiting", "cancelled"}

    @invariant()
    def rows_add_up(self) -> None:
        for told in self.run(self.stage.api.get("/v1/imports", params={"page_size": 200})).json()["items"]:
            rows = told["rows"]
            assert rows["imported"] + rows["failed"] + rows["pending"] == rows["total"]
            assert told["id"] in self.accepted

    def teardown(self) -> None:
        try:
            if hasattr(self, "stage"):
                self.run(self._to_the_end())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    async def _to_the_end(self) -> None:
        """When the mischief is over, every import ends with its rows at Marketo, or was cancelled, or says why not."""
        mischief = {note["fault"] for note in self.stage.simulator.report()["mischief"]}
        failed = mischief & {"job_failed", "json_error:1003"}
        self.stage.simulator.call_off()
        await self.stage.api.post("/v1/instances/default/resume")
        for import_id in self.accepted:
            await self.stage.api.post(f"/v1/imports/{import_id}/release")
        for _ in range(600):
            await self.stage.beat()
            if await self.stage.quiet():
                break
            await self._resolve()
            self.clock.step(120)
        books = await self.audit.close_the_books(self.accepted)
        assert failed or not any(owner.status == "failed" for owner in books.imports.values())

    async def _resolve(self) -> None:
        books = await self.audit.look()
        sent = self.audit.sent("default", books)
        one_of_each = {found.job_id: found for found in books.parts if found.state == "unconfirmed"}
        for job_id, found in one_of_each.items():
            cargoes = self.audit.cargoes_of(job_id, books)
            there = [job.batch_id for job in sent if job.cargoes == cargoes]
            decision = {"outcome": "accepted", "batch_id": there[-1]} if there else {"outcome": "resubmit"}
            path = f"/v1/imports/{found.import_id}/parts/{found.number}/resolve"
            assert (await self.stage.api.post(path, json=decision)).status_code == 200

    def _create(
        self,
        rows: int,
        priority: int,
        *,
        first: int | None = None,
        scores: Sequence[str] = (),
        **known: object,
    ) -> None:
        start = self.people if first is None else first
        self.people += 0 if first is not None else rows
        header = b"email,firstName,leadScore" if scores else b"email,firstName"
        lines = [b"p%d@example.com,F%dR%d" % (start + n, len(self.accepted), n) for n in range(rows)]
        if scores:
            lines = [b"%s,%s" % (line, score.encode()) for line, score in zip(lines, scores, strict=True)]
        content = b"\n".join([header, *lines, b""])
        self.accepted[self.run(self.stage.created(content, priority=priority, **known))] = content

    def _reached(self, point: Failpoint) -> None:
        if point is self.fatal:
            self.fatal = None
            raise Killed

    def _written(self) -> object:
        return self.run(self._read_written())

    async def _read_written(self) -> object:
        """What stands in the tables that a worker writes to, and how often Marketo was sent something."""
        async with self.stage.container.db.read() as tx:
            kept = [(await tx.execute(select(table).order_by(table.c.id))).all() for table in (part, event)]
        return kept, len(self.stage.simulator.report()["jobs"])

    async def _until_idle(self, step: Any) -> None:
        while await step.run_once(self.stage.lease):
            pass

    async def _crash(self) -> None:
        await self.stage.crash()
        await self.stage.take_lease()


@pytest.mark.parametrize("bundle_seconds", [0.0, 20.0])
@pytest.mark.parametrize(
    ("database", "examples", "steps"),
    [
        ("sqlite", 2, 8),
        pytest.param("sqlite", 20, 25, marks=pytest.mark.endure(minutes=2)),
        pytest.param("postgresql", 20, 25, marks=pytest.mark.endure(minutes=2)),
    ],
)
def test_the_orchestra_keeps_every_rule(
    request: pytest.FixtureRequest, database: str, examples: int, steps: int, bundle_seconds: float
):
    """NEVER_TWICE_BY_ACCIDENT, SLOTS_NOT_OVERSOLD, EACH_ITS_OWN and the counts, under any order of events."""
    database_url = request.getfixturevalue("sqlite_url" if database == "sqlite" else "postgres_url")
    known = {"database_url": database_url, "bundle_seconds": bundle_seconds}
    machine = type("Orchestra", (Orchestra,), known)
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=steps))
