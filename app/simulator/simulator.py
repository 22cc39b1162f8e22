"""A Marketo to practise on, as a value: calls in, answers out. No network, no framework; `app.py` puts it on HTTP."""

from __future__ import annotations

import random
import threading
from typing import Any

from app.simulator.answers import Answer, Envelopes
from app.simulator.bulk import Bulk
from app.simulator.calls import Call
from app.simulator.clock import Now, SimulatedClock, machine_clock
from app.simulator.corruption import UNTOUCHED, Corruption
from app.simulator.fault_injection import FaultInjector
from app.simulator.faults import Fault
from app.simulator.history import History, job_entry
from app.simulator.limits import Limits
from app.simulator.lookups import Lookups
from app.simulator.marketo import Marketo
from app.simulator.records import Records
from app.simulator.routes import find_route
from app.simulator.rules import Rules
from app.simulator.schema import Schema, build_schema
from app.simulator.tokens import Tokens

_FIRST_BATCH = 1001
_BATCHES = 1_000  # between the first batch ids of two starts without a seed, at least
_STARTS = 900_000  # so many first batch ids there are: those of a start stay below 10 ** 9, as many digits as are read


class Simulator:
    """One simulated Marketo instance. `now` gives seconds since the epoch; without it the machine's clock counts."""

    def __init__(self, rules: Rules | None = None, now: Now | None = None, schema: Schema | None = None) -> None:
        self.rules = rules or Rules()
        self.clock = SimulatedClock(now or machine_clock(self.rules.speed))
        self.schema = schema or build_schema(self.rules)
        self._lock = threading.RLock()
        self._mend()

    def reset(self) -> None:
        """Makes it as new: no jobs, no records, no token, no orders, nothing to report. The clock keeps its time."""
        with self._lock:
            self._mend()

    def order(self, fault: Fault) -> None:
        with self._lock:
            self._injector.order(fault)

    def call_off(self) -> None:
        """Forgets the faults that are still on order."""
        with self._lock:
            self._injector.clear()

    def pending(self) -> list[dict[str, Any]]:
        with self._lock:
            return self._injector.pending()

    def occupy(self, slots: int, seconds: float) -> int:
        """Lets jobs of other integrations take so many places for so long. Returns how many places there were."""
        with self._lock:
            now = self._settled()
            return self._bulk.occupy(slots, seconds, now)

    def advance(self, seconds: float) -> None:
        """Puts the simulator's clock forward."""
        with self._lock:
            self.clock.advance(seconds)
            self._settled()

    def records(self, name: str) -> list[dict[str, Any]]:
        """What the instance holds: `lead`, `program_member`, or a custom object by its API name."""
        with self._lock:
            self._settled()
            return self._records.all(name)

    def list_members(self, list_id: int) -> list[dict[str, Any]]:
        """The leads of a static list."""
        with self._lock:
            self._settled()
            leads = self._records.table("lead").records
            return [dict(leads[number]) for number in self._records.list_members.get(list_id, {})]

    def carried(self, batch_id: int) -> dict[str, Any]:
        """What a job carried, where the rules keep that: header and rows as written; failures and warnings once it
        has ended, each as [index of the row, reason]. Errors: ValueError.
        """
        with self._lock:
            self._settled()
            return self._history.carried(batch_id)

    def report(self) -> dict[str, Any]:
        """What happened so far, ready for JSON. Times are the simulator's, in seconds since the epoch."""
        with self._lock:
            now = self._settled()
            queue, limits, history = self._bulk.queue, self._limits, self._history
            return {
                "now": now,
                "most_outstanding": queue.most_outstanding,
                "most_own_outstanding": queue.most_own_outstanding,
                "most_importing": queue.most_importing,
                "most_calls_in_window": limits.most_in_window,
                "most_calls_at_once": limits.most_at_once,
                "calls": dict(history.calls),
                "errors": dict(history.errors),
                "jobs": [job_entry(job, now) for job in history.jobs],
                "mischief": [dict(note) for note in self._injector.struck],
            }

    def arrive(self, path: str) -> None:
        """A call has begun to come in. Every arrival ends with `leave`."""
        if not path.startswith("/identity/"):
            with self._lock:
                self._limits.arrive(self.clock())

    def handle(self, call: Call) -> tuple[Answer, float | None]:
        """The answer to a call, and when it was counted (for `leave`)."""
        with self._lock:
            now = self._settled()
            route, names = find_route(call.method, call.path)
            fault = self._injector.pick("call", route.endpoint, now)
            if fault is not None and fault.kind == "token_dies":
                self._marketo.tokens.expire(now)
            admitted_at: float | None = None
            if fault is not None and fault.kind in UNTOUCHED:
                answer = Answer(b"")
            else:
                answer, admitted_at = self._marketo.answer(route, names, call, now)
            if fault is not None:
                answer = self._corruption.corrupt(fault, answer, now)
            self._history.note(route.endpoint, answer.code)
            return answer, admitted_at

    def leave(self, path: str, answer: Answer | None, admitted_at: float | None) -> None:
        """The answer is out, or lost; None: the caller hung up before its call was in."""
        if not path.startswith("/identity/"):
            with self._lock:
                self._limits.leave(admitted_at, self.clock(), answer.code if answer else None)

    def _mend(self) -> None:
        self._limits = Limits(self.rules)
        seed = self.rules.seed
        tokens = Tokens(self.rules, random.Random(seed))
        self._injector = FaultInjector(random.Random(seed))
        self._records = Records()
        self._history = History()
        envelopes, lookups = Envelopes(), Lookups(self.schema, self._records)
        first = _FIRST_BATCH if seed is not None else _FIRST_BATCH + _BATCHES * random.SystemRandom().randrange(_STARTS)
        self._bulk = Bulk(
            self.rules, self.schema, self._records, self._injector, envelopes, self._history, next_batch=first
        )
        self._marketo = Marketo(self.rules, tokens, self._limits, envelopes, lookups, self._bulk)
        self._corruption = Corruption(tokens, envelopes)

    def _settled(self) -> float:
        now = self.clock()
        self._bulk.queue.settle(now)
        return now
