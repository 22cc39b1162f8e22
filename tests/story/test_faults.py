"""The fault table: everything that the simulator can do wrong, at every step where it can, and how an import ends.

A file of five rows (three are imported, one of them with a warning; two are rejected) meets the fault once. As soon as
it has struck, a second import comes, and must not suffer. At the end the simulator says what it saw.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pytest

from app.simulator import Fault
from app.simulator.fault_injection import FaultInjector
from app.simulator.faults import FAULTS, PLACES
from tests.story.files import LEADS_WITH_TROUBLE, leads
from tests.support.clock import SteppedClock
from tests.support.outcomes import Hang, check_the_simulators_report, follow
from tests.support.stage import Stage, staged
from tests.support.tiers import endured

STEPS = ("identity", "create", "status", "failures", "warnings")


@dataclass(frozen=True)
class End:
    """How an import ends that met a fault, and what is seen of it on the way."""

    moves: str  # of its part; without `start`, which a poll may see or not
    within_seconds: float  # from the 202 to the end, by the stepped clock
    status: str = "complete"
    rows: tuple[int, int, int, int] = (3, 2, 1, 0)  # imported, failed, warned, pending
    failures: tuple[int, ...] = (2, 4)  # source rows
    warnings: tuple[int, ...] = (3,)
    attention: str | None = None  # at the end
    shown: str | None = None  # the attention on the way, in words
    waiting_for: str | None = None
    said: tuple[str, ...] = ()  # in its history, beside the moves
    posts: int = 1
    jobs: int = 1  # that Marketo made of it
    error: str | None = None


@dataclass(frozen=True)
class Never:
    """The simulator refuses this fault at this step."""

    because: str


PLAIN = "claim accept finish collect"
OCCURRENCES = {"results_late", "unplaced", "stuck", "unknown_at_marketo", "unanswered"}
NOTHING = (0, 0, 0, 5)

UNSEEN = End(PLAIN, 10)
ASKED_AGAIN = End(PLAIN, 20)
ASKED_LATE = End(PLAIN, 60)  # 30 s for a question
FILE_AGAIN = End(PLAIN, 20, said=("results_late",))
FILE_LATE = End(PLAIN, 60, said=("results_late",))
NO_TOKEN = End(f"claim turn_away {PLAIN}", 30, waiting_for="retry")  # nothing was sent
NO_TOKEN_LATE = End(f"claim turn_away {PLAIN}", 60, waiting_for="retry")
RENEWED = End(PLAIN, 10, posts=2)  # not executed: sent again with a new token
SENT_AGAIN = End(f"claim lose resubmit {PLAIN}", 960, shown="unconfirmed", posts=2)  # 900 s to settle
SENT_TWICE = End(f"claim lose resubmit {PLAIN}", 960, shown="unconfirmed", posts=2, jobs=2)
SENT_TWICE_LATE = End(f"claim lose resubmit {PLAIN}", 1700, shown="unconfirmed", posts=2, jobs=2)  # 600 s for a POST
FORGOTTEN = End(  # denied for an hour
    f"claim accept forget resubmit {PLAIN}",
    5900,
    shown="unknown_at_marketo unconfirmed",
    said=("unknown_at_marketo",),
    posts=2,
    jobs=2,
)
QUEUED_LONG = End(PLAIN, 95)
STUCK = End("claim accept", 0, "importing", NOTHING, (), (), attention="stuck", shown="stuck", said=("stuck",))
JOB_FAILED = End("claim accept fail", 10, "failed", NOTHING, (), (), error="marketo_failed")
ALL_ROWS_FAILED = End(PLAIN, 10, rows=(0, 5, 0, 0), failures=(1, 2, 3, 4, 5), warnings=())
UNACCOUNTED = End(PLAIN, 10, rows=(2, 2, 1, 1), attention="results_missing")
NO_FAILURES = End(  # waited for an hour
    PLAIN, 4600, failures=(), attention="results_missing", shown="results_missing", said=("results_late",)
)
NO_WARNINGS = replace(NO_FAILURES, failures=(2, 4), warnings=())

NO_BEARER = Never("identity takes no token")
NOT_A_TOKEN = Never("only identity gives tokens")
NOT_A_JOB = Never("it strikes a job as it is made")
NOT_A_STATUS = Never("it spoils what a status says")
NOT_A_FILE = Never("it spoils a result file")

# json_error and executed_then say 611 here; every other code has its place in test_codes.py.
# fmt: off
TABLE: dict[str, tuple[End | Never, ...]] = {
    #                      identity       create           status       failures      warnings
    "lost_response":      (NO_TOKEN,      SENT_TWICE,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "lost_request":       (NO_TOKEN,      SENT_AGAIN,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "half_body":          (NO_TOKEN,      SENT_TWICE,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "html_502":           (NO_TOKEN,      SENT_AGAIN,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "html_200":           (NO_TOKEN,      SENT_AGAIN,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "bad_json":           (NO_TOKEN,      SENT_TWICE,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "empty_body":         (NO_TOKEN,      SENT_TWICE,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "http_500":           (NO_TOKEN,      SENT_AGAIN,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "json_error":         (NO_TOKEN,      SENT_AGAIN,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "executed_then":      (NO_TOKEN,      SENT_TWICE,      ASKED_AGAIN, FILE_AGAIN,   FILE_AGAIN),
    "hang":               (NO_TOKEN_LATE, SENT_TWICE_LATE, ASKED_LATE,  FILE_LATE,    FILE_LATE),
    "token_dies":         (NO_BEARER,     RENEWED,         UNSEEN,      UNSEEN,       UNSEEN),
    "expires_in_zero":    (UNSEEN,        NOT_A_TOKEN,     NOT_A_TOKEN, NOT_A_TOKEN,  NOT_A_TOKEN),
    "slow_queue":         (NOT_A_JOB,     QUEUED_LONG,     NOT_A_JOB,   NOT_A_JOB,    NOT_A_JOB),
    "stuck_importing":    (NOT_A_JOB,     STUCK,           NOT_A_JOB,   NOT_A_JOB,    NOT_A_JOB),
    "job_failed":         (NOT_A_JOB,     JOB_FAILED,      NOT_A_JOB,   NOT_A_JOB,    NOT_A_JOB),
    "all_failed":         (NOT_A_JOB,     ALL_ROWS_FAILED, NOT_A_JOB,   NOT_A_JOB,    NOT_A_JOB),
    "failed_in_answer":   (NOT_A_JOB,     JOB_FAILED,      NOT_A_JOB,   NOT_A_JOB,    NOT_A_JOB),
    "forget_batch":       (NOT_A_STATUS,  NOT_A_STATUS,    FORGOTTEN,   NOT_A_STATUS, NOT_A_STATUS),
    "status_backwards":   (NOT_A_STATUS,  NOT_A_STATUS,    ASKED_AGAIN, NOT_A_STATUS, NOT_A_STATUS),
    "wrong_counts":       (NOT_A_STATUS,  NOT_A_STATUS,    UNACCOUNTED, NOT_A_STATUS, NOT_A_STATUS),
    "json_error_on_file": (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  FILE_AGAIN,   FILE_AGAIN),
    "late_file":          (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  FILE_AGAIN,   FILE_AGAIN),
    "garbled_file":       (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  FILE_AGAIN,   FILE_AGAIN),
    "unquoted_file":      (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  UNSEEN,       UNSEEN),
    "changed_file":       (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  UNSEEN,       UNSEEN),
    "odd_bytes_file":     (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  UNSEEN,       UNSEEN),
    "stray_quote_file":   (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  UNSEEN,       UNSEEN),
    "cut_off_file":       (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  FILE_AGAIN,   FILE_AGAIN),
    "html_file":          (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  FILE_AGAIN,   FILE_AGAIN),
    "json_file":          (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  FILE_AGAIN,   FILE_AGAIN),
    "missing_file":       (NOT_A_FILE,    NOT_A_FILE,      NOT_A_FILE,  NO_FAILURES,  NO_WARNINGS),
}
# fmt: on
CELLS = {(kind, step): end for kind, ends in TABLE.items() for step, end in zip(STEPS, ends, strict=True)}
POSSIBLE = [cell for cell, end in CELLS.items() if isinstance(end, End)]
OWN_STEP = {kind: next(place for place in places if place != "any") for kind, (_, places) in FAULTS.items()}
OWN_STEP |= {kind: "create" for kind, (stage, _) in FAULTS.items() if stage == "call" and kind != "expires_in_zero"}
"""Where each is met first. A call's: the one that could lose rows."""
LONG = (STUCK, FORGOTTEN, NO_FAILURES)
"""Hours. In short: `test_standstill.py`, `tests/pipeline/test_poll.py`, and `test_trouble.py` for a late file."""
FIRST_OF_ITS_END = list({CELLS[cell]: cell for cell in reversed(OWN_STEP.items()) if CELLS[cell] not in LONG}.values())
"""One cell for each end, in `make test`; all the others in `make endure`."""
IMPOSSIBLE = [cell for cell, end in CELLS.items() if isinstance(end, Never)]


def test_the_table_has_every_fault_at_every_step():
    """A fault or a step that the simulator learns has to be told here, and how it ends."""
    assert set(STEPS) == set(PLACES) - {"any"}
    assert set(TABLE) == set(FAULTS)
    assert set(POSSIBLE) == {
        (kind, place) for kind, (_, places) in FAULTS.items() for place in places if place != "any"
    }
    assert len(CELLS) == 160


@pytest.mark.parametrize(("kind", "step"), IMPOSSIBLE)
def test_what_cannot_happen_is_refused_when_ordered_and_never_comes_of_an_order_for_any_step(kind: str, step: str):
    """So that an empty cell is a fact about the simulator and no gap in the table."""
    with pytest.raises(ValueError, match="cannot strike on"):
        fault(kind, step)
    if "any" in FAULTS[kind][1]:
        anywhere = FaultInjector(chance=None)  # type: ignore[arg-type]  # nothing is left to chance
        anywhere.order(fault(kind, "any"))
        looks = {"identity": ["call"], "create": ["call", "job"], "status": ["call", "status"]}
        assert [anywhere.pick(stage, step, 0.0) for stage in looks.get(step, ["call", "file"])] == [None] * len(
            looks.get(step, ["call", "file"])
        )


@pytest.mark.parametrize(
    ("kind", "step"),
    [cell if cell in FIRST_OF_ITS_END else endured(cell, both=True) for cell in POSSIBLE],
)
async def test_a_fault_ends_as_the_table_says(database_url: str, clock: SteppedClock, kind: str, step: str):
    """Once, at this step, on this database."""
    async with staged(database_url, clock, hang=Hang(clock)) as stage:
        await tell(stage, fault(kind, step), CELLS[kind, step])


def fault(kind: str, step: str, **more: Any) -> Fault:
    if kind in {"json_error", "executed_then"}:
        kind += ":611"
    return Fault(kind, on=step, seconds={"hang": 1000.0, "slow_queue": 60.0}.get(kind), **more)


async def tell(
    stage: Stage, ordered: Fault, end: End | Never, before: Mapping[int, bytes] = MappingProxyType({})
) -> Mapping[int, bytes]:
    """The whole story of one cell, on a stage that may have seen others `before`; the files of both, by import."""
    assert isinstance(end, End)
    trouble = LEADS_WITH_TROUBLE.replace(b"@", b"%d@" % len(before))
    posts, struck = len(stage.posted), len(stage.simulator.report()["mischief"])
    stage.simulator.order(ordered)
    ours = await stage.created(trouble, preflight="off")
    for _ in range(5):
        await stage.beat()
        if len(stage.simulator.report()["mischief"]) > struck:
            break
        stage.clock.step(5)
    assert len(stage.simulator.report()["mischief"]) > struck, "or nothing would have been shown"
    after = leads(3, start=100 * ours)
    theirs = await stage.created(after, preflight="off")

    seen, untouched = await follow(stage, ours, theirs, for_seconds=6.5 * 3600 if end is STUCK else 8 * 86_400)

    told = await stage.read(ours)
    assert told["status"] == end.status
    assert tuple(told["rows"][name] for name in ("imported", "failed", "warned", "pending")) == end.rows
    assert (told["attention"] or {}).get("code") == end.attention
    assert (told["error"] or {}).get("code") == end.error
    events = [event for event in await stage.events(ours) if event not in {"accepted", "start", "finished"}]
    assert [event for event in events if event not in OCCURRENCES] == end.moves.split()
    assert tuple(event for event in events if event in OCCURRENCES) == end.said
    assert seen.attention == set((end.shown or "").split())
    assert seen.waiting_for == ({end.waiting_for} if end.waiting_for else set())
    assert await source_rows(stage, ours, "failures") == end.failures
    assert await source_rows(stage, ours, "warnings") == end.warnings
    assert len(stage.posted) - posts - 1 == end.posts
    if seen.seconds is not None:
        assert seconds_of(told) <= end.within_seconds

    assert (await stage.read(theirs))["rows"]["imported"] == 3
    assert untouched.seconds is not None
    instance = (await stage.api.get("/v1/instances/default")).json()
    assert (instance["state"], instance["slots"]["used"]) == ("running", 1 if end is STUCK else 0)
    assert jobs_of(stage, trouble) == end.jobs
    files = {**before, ours: trouble, theirs: after}
    await check_the_simulators_report(stage, files)
    return files


async def source_rows(stage: Stage, import_id: int, kind: str) -> tuple[int, ...]:
    path = f"/v1/imports/{import_id}/{kind}"
    found = (await stage.api.get(path, headers={"Accept": "application/json"})).json()
    return tuple(item["source_row"] for item in found["items"])


def seconds_of(told: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(told[name]) for name in ("created_at", "finished_at"))
    return (ended - began).total_seconds()


def jobs_of(stage: Stage, content: bytes) -> int:
    wanted = hashlib.sha256(content).hexdigest()
    return sum(job["sha256"] == wanted for job in stage.simulator.report()["jobs"])
