"""Follow imports to their end, and hold what became of them against what the simulator saw."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.domain.lifecycle import AT_MARKETO, PartState
from app.store.tables import job
from tests.support.clock import SteppedClock
from tests.support.stage import Stage
from tests.support.transport import patience_seconds

FINISHED = ("complete", "failed", "cancelled")
A_LITTLE_LATER_SECONDS = 0.5  # than something is due: no beat comes to the microsecond
STEP_SHARE = 0.25  # of the time in which nothing moved: so a week is told in some fifty beats


@dataclass
class Seen:
    """What a caller saw of an import on the way, and the seconds until it ended (None: it did not)."""

    seconds: float | None = None
    parts: dict[str, int] = field(default_factory=dict)  # by state, as last seen
    attention: set[str] = field(default_factory=set)
    waiting_for: set[str] = field(default_factory=set)


class Hang:
    """A call that hangs, by the stepped clock: it is late, or too late for its caller."""

    def __init__(self, clock: SteppedClock) -> None:
        self._clock = clock

    async def __call__(self, seconds: float) -> None:
        patience = patience_seconds.get()
        self._clock.step(min(seconds, patience))
        if seconds >= patience:
            raise TimeoutError


async def meet(stage: Stage, import_id: int) -> dict[str, str]:
    """Beat until the import has ended; after each fault that strikes, by its name: what is seen of it at once.

    (the instance's state, the part's, what it waits for, attempts counted)
    """
    met: dict[str, str] = {}
    struck = len(stage.simulator.report()["mischief"])
    while True:
        await stage.beat()
        mischief = stage.simulator.report()["mischief"]
        if len(mischief) > struck:
            assert len(mischief) == struck + 1, "one by one"
            struck += 1
            state = (await stage.api.get("/v1/instances/default")).json()["state"]
            (part,) = await stage.parts(import_id)
            seen = (state, part["state"], part["waiting_for"] or "-", part["attempts"])
            met[mischief[-1]["fault"]] = " ".join(map(str, seen))
        if (await stage.read(import_id))["status"] in FINISHED:
            return met
        stage.clock.step(await stage.seconds_until_due() + A_LITTLE_LATER_SECONDS)


async def follow(stage: Stage, *ids: int, for_seconds: float) -> list[Seen]:
    """Beat until these imports have ended, or the time is up. Their rows must add up at every moment."""
    began = still_since = stage.clock()
    seen = {import_id: Seen() for import_id in ids}
    while True:
        await stage.beat()
        now = stage.clock()
        listed = (await stage.api.get("/v1/imports", params={"page_size": 100})).json()["items"]
        for told in listed:
            so_far = seen.get(told["id"])
            if so_far and so_far.seconds is None and await _look(stage, told, so_far, (now - began).total_seconds()):
                still_since = now
        if (now - began).total_seconds() >= for_seconds or all(each.seconds is not None for each in seen.values()):
            return list(seen.values())
        due = await stage.seconds_until_due() + A_LITTLE_LATER_SECONDS
        stage.clock.step(max(due, STEP_SHARE * (now - still_since).total_seconds()))


async def _look(stage: Stage, told: dict[str, Any], seen: Seen, gone: float) -> bool:
    """True when a part of the import moved. `told`: what the API tells of it."""
    rows = told["rows"]
    assert rows["imported"] + rows["failed"] + rows["pending"] == rows["total"]
    if told["status"] in FINISHED:
        seen.seconds = gone
    elif told["attention"]:
        seen.attention.add(told["attention"]["code"])
    if told["parts"]["waiting"]:
        waits = {one["waiting_for"] for one in await stage.parts(told["id"])}
        seen.waiting_for |= waits - {None, "slot"}
    moved, seen.parts = told["parts"] != seen.parts, told["parts"]
    return moved


async def check_the_simulators_report(stage: Stage, contents: Mapping[int, bytes]) -> None:
    """Marketo's limits were kept, nothing went twice but where that is written down, and no record is there twice.

    `contents`: the file of each import of the stage, of one part each.
    """
    report = stage.simulator.report()
    assert report["most_outstanding"] <= 10
    assert report["most_importing"] <= 2
    assert report["most_calls_in_window"] <= 50
    sent = Counter(job["sha256"] for job in report["jobs"])
    for import_id, content in contents.items():
        events = await stage.events(import_id)
        assert sent.pop(hashlib.sha256(content).hexdigest(), 0) <= 1 + events.count("lose") + events.count("forget")
    assert not sent, "Marketo has a job that nobody asked for"
    emails = [record["email"] for record in stage.simulator.records("lead")]
    assert len(emails) == len(set(emails))
    async with stage.container.db.read() as tx:
        held = await tx.execute(select(job.c.state, job.c.slot).where(job.c.slot.is_not(None)))
        assert all(PartState(state) in AT_MARKETO for state, _ in held), "a slot is held for nothing"
