"""When an import will be done, foretold from what is written down."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.estimates import BacklogSlice, CompletionEstimate, Work
from app.domain.imports import Import, ImportStatus, Remaining, Request, SourceFile
from app.domain.incidents import Incident
from app.domain.instances import Instance
from app.domain.jobs import Job
from app.domain.lifecycle import JobState, PartState
from app.domain.objects import Leads
from app.domain.parts import Rows
from app.domain.throughput import ThroughputModel
from tests.domain.test_jobs import a_job

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
TEN_SECONDS = ThroughputModel().observe(1000, 10).observe(1000, 10)  # for parts of a thousand rows
RUNNING = Instance("default", throughput=TEN_SECONDS)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def an_import(*, turn: int = 100, collecting_since: float | None = None, id_: int = 1, **told: Any) -> Import:
    """With so many parts of a thousand rows in each state: `waiting=2`. What else is told goes into the request."""
    parts = Counter({PartState(word): told.pop(word) for word in list(told) if word in set(PartState)})
    since = None if collecting_since is None else at(collecting_since)
    return Import(
        id=id_,
        request=Request(Leads(), **told),
        status=ImportStatus.IMPORTING,
        file=SourceFile(None, 1, "00", 1000),
        rows=Rows(1000, 0, 0, 0),
        parts=parts,
        remaining=Remaining(turn, 1000 * parts[PartState.WAITING], since),
        attention=None,
        error=None,
        cancel_requested_at=None,
        created_at=NOON,
        started_at=None,
        finished_at=None,
        retry_of=None,
    )


def at_marketo(id_: int, state: str, *, started: float | None = None, imported: int = 0) -> Job:
    """A job of a thousand rows that Marketo has."""
    return replace(
        a_job(JobState(state), id_=id_, rows=Rows(1000, imported, 0, 0)),
        counted=imported > 0,
        submitted_at=at(-100 + id_),
        started_at=None if started is None else at(started),
    )


def in_line(
    parts: int,
    *,
    priority: int = 5,
    client: str = "local",
    turn: int = 1,
    last: int | None = None,
    since: datetime = NOON,
) -> BacklogSlice:
    return BacklogSlice(priority, client, turn, turn if last is None else last, Work(parts, 1000 * parts), since)


def finish(
    wanted: Import, *, there: Any = (), own: Any = (), line: Any = (), driven: bool = True, **instance: Any
) -> float | None:
    """In seconds from noon, with two importers. `own`: the ids of the jobs there that have rows of the import."""
    jobs_of = {-1: frozenset(job.id for job in there), wanted.id: frozenset(own)}
    estimate = CompletionEstimate(NOON, replace(RUNNING, **instance), driven, 2, there, line, jobs_of)
    found = estimate.finish_of(wanted)
    return found and round((found - NOON).total_seconds(), 1)


def test_one_part_alone_takes_its_time_and_two_go_side_by_side():
    """Three take as long as one and a half."""
    assert finish(an_import(waiting=1)) == 10
    assert finish(an_import(waiting=3)) == 20


def test_what_marketo_has_comes_first():
    """Two that are half-way, and two behind them."""
    there = [at_marketo(1, "importing", started=-5), at_marketo(2, "importing", started=-5), at_marketo(3, "queued")]
    assert finish(an_import(waiting=1), there=there) == 20  # (5 + 5 + 10) / 2, then its own
    assert finish(an_import(waiting=1), there=[]) == 10


def test_an_import_whose_parts_are_all_there_ends_with_the_last_of_them():
    """Also one whose submission is under way; what waits behind it does not matter."""
    there = [at_marketo(1, "importing", started=-4), at_marketo(2, "queued"), at_marketo(3, "submitting")]
    mine = an_import(submitting=1)
    assert finish(mine, there=there, own=[3], line=[in_line(50)]) == 16  # one is free after 6 seconds, it is behind 2
    assert finish(an_import(complete=2, id_=2, importing=1), there=there[:1], own=[1]) == 6


def test_a_report_of_progress_counts_for_more_than_what_was_thought():
    """A quarter in five seconds: fifteen more."""
    there = [at_marketo(1, "importing", started=-5, imported=250)]
    assert finish(an_import(importing=1), there=there, own=[1]) == 15


def test_higher_priority_and_earlier_acceptance_go_first():
    """Lower priority and later acceptance do not."""
    mine = an_import(waiting=1, turn=100)
    assert finish(mine, line=[in_line(4, priority=6, turn=500)]) == 30
    assert finish(mine, line=[in_line(4, turn=99)]) == 30
    assert finish(mine, line=[in_line(4, turn=101)]) == 10
    assert finish(mine, line=[in_line(4, priority=4, turn=1)]) == 10


def test_what_has_risen_gets_one_job_of_four():
    """Of lower priority but four hours older; or itself, behind a thousand more urgent ones."""
    urgent, old = an_import(waiting=6, priority=9), at(-4 * 3600)
    assert finish(urgent, line=[in_line(1000, priority=5, since=old)]) == finish(urgent) + 10  # two more, side by side
    assert finish(urgent, line=[in_line(1000, priority=5, since=at(-4 * 3600 + 1))]) == finish(urgent)
    waiting = replace(an_import(waiting=2), created_at=old)
    assert finish(waiting, line=[in_line(1000, priority=9)]) == finish(waiting) + 30  # six go meanwhile
    assert finish(an_import(waiting=2), line=[in_line(1000, priority=9)]) == finish(waiting) + 5000
    scheduled = replace(waiting, request=replace(waiting.request, not_before=NOON))
    assert finish(scheduled, line=[in_line(1000, priority=9)]) == finish(waiting) + 5000


def test_of_a_stretch_that_it_lies_in_counts_what_was_accepted_before():
    """As far as the sums tell: here a half."""
    assert finish(an_import(waiting=1, turn=100), line=[in_line(8, turn=90, last=109)]) == 30


def test_clients_take_turns():
    """Another's thousand parts do not go before one; of its own, all do that were accepted before."""
    mine = an_import(waiting=2, client="small")
    assert finish(mine, line=[in_line(1000, client="large")]) == finish(mine, line=[in_line(2, client="large")]) == 25
    assert finish(mine, line=[in_line(1000, client="small")]) == 5015


def test_not_before_is_kept():
    """It begins then, or when its turn comes after that."""
    later = an_import(waiting=1, not_before=at(100))
    assert finish(later) == 110
    assert finish(later, line=[in_line(100, turn=1)]) == 510


def test_a_back_off_is_waited_for():
    """The whole line begins later."""
    assert finish(an_import(waiting=1), hold_until=at(60)) == 70
    assert finish(an_import(waiting=1), hold_until=at(-60)) == 10


def test_a_part_that_is_collected_is_as_good_as_done():
    """Unless its files are late: then nobody knows."""
    assert finish(an_import(collecting=1, collecting_since=-5)) == 0
    assert finish(an_import(collecting=1, collecting_since=-61)) is None


@pytest.mark.parametrize(
    "trouble",
    [
        {"throughput": ThroughputModel()},
        {"paused_at": NOON},
        {"blocked_at": NOON},
        {"driven": False},
    ],
)
def test_what_cannot_be_known_is_not_told(trouble: dict[str, Any]):
    """Nothing was learnt yet, or nobody knows when it goes on."""
    assert finish(an_import(waiting=1), **trouble) is None


def test_a_pause_does_not_matter_to_what_marketo_has():
    """It is followed to its end."""
    there = [at_marketo(1, "importing", started=-4)]
    assert finish(an_import(importing=1), there=there, own=[1], paused_at=NOON) == 6


def test_an_unconfirmed_part_has_no_end_that_is_known():
    """Another import's does not matter."""
    there = [at_marketo(1, "unconfirmed")]
    assert finish(an_import(unconfirmed=1), there=there, own=[1]) is None
    assert finish(an_import(waiting=1, id_=2), there=there) == 10


def test_a_part_that_takes_far_longer_than_thought_may_take_for_ever():
    """Its own import cannot be foretold; the others have one importer less, and none where both are so."""
    stuck = at_marketo(1, "importing", started=-31)
    assert finish(an_import(importing=1), there=[stuck], own=[1]) is None
    assert finish(an_import(waiting=2, id_=2), there=[stuck]) == 20
    both = [stuck, at_marketo(2, "importing", started=-31)]
    assert finish(an_import(waiting=2, id_=2), there=both) is None
    assert finish(an_import(queued=1, id_=2), there=[*both, at_marketo(3, "queued")], own=[3]) is None


def test_what_waits_behind_a_job_without_an_end_in_sight_has_none_either():
    """Of the same records as one that hangs; other imports go past it."""
    stuck = at_marketo(1, "importing", started=-31)
    behind = CompletionEstimate(NOON, RUNNING, True, 2, [stuck], (), held_up=frozenset({2}))
    assert behind.endless == [1]
    assert behind.finish_of(an_import(waiting=1, id_=2)) is None
    assert behind.finish_of(an_import(waiting=1, id_=3)) is not None
    assert CompletionEstimate(NOON, RUNNING, True, 2, [at_marketo(1, "importing", started=-5)], ()).endless == []


@pytest.mark.parametrize("told", [{"denials": 3}, {"failing_since": at(-61)}])
def test_a_job_that_marketo_denies_or_says_nothing_of_has_no_end_in_sight(told: dict[str, Any]):
    """Its importer is not thereby taken: who knows whether it is there at all."""
    unheard = replace(at_marketo(1, "queued"), **told)
    assert finish(an_import(queued=1), there=[unheard], own=[1]) is None
    assert finish(an_import(waiting=2, id_=2), there=[unheard]) == finish(an_import(waiting=2, id_=2)) == 15
    heard = replace(unheard, denials=0, failing_since=None, submitted_at=at(-5))
    assert finish(an_import(queued=1), there=[heard], own=[1]) == 10


def test_a_part_whose_tries_fail_has_no_end_in_sight_once_that_has_lasted_a_minute():
    """Turned away again and again, by a list that others import into for example."""
    wanted = an_import(waiting=1)
    for seconds, expected in ((-60, 10), (-61, None)):
        failing = replace(wanted, remaining=replace(wanted.remaining, failing_since=at(seconds)))
        assert finish(failing) == expected


def test_nothing_is_foretold_while_marketo_cannot_be_reached():
    """For longer than a hiccup."""
    there = [at_marketo(1, "importing", started=-5)]
    for seconds, expected in ((-60, 5), (-61, None)):
        away = {"incidents": {"unreachable": Incident(since=at(seconds), told_at=at(seconds))}}
        assert finish(an_import(importing=1), there=there, own=[1], **away) == expected


def test_what_others_keep_from_being_begun_has_no_end_in_sight():
    """They hold the importers, or the whole queue: ours should have been begun with a minute ago."""
    queued = replace(at_marketo(1, "queued"), submitted_at=at(-61))
    assert finish(an_import(queued=1), there=[queued], own=[1]) is None
    assert finish(an_import(waiting=1, id_=2), there=[queued]) is None
    assert finish(an_import(queued=1), there=[queued], own=[1], moved_at=at(-59)) == 10, "one of ours has just ended"
    full = {"external_alone": True, "incidents": {"queue_full": Incident(since=at(-1), told_at=at(-1))}}
    assert finish(an_import(waiting=1), **full) is None


def job_end(job: Job, *beside: Job, driven: bool = True, **instance: Any) -> float | None:
    """When a job is done, in seconds from noon, with two importers. `beside`: the others that Marketo has."""
    there = sorted([job, *beside], key=lambda one: one.submitted_at or NOON)
    found = CompletionEstimate(NOON, replace(RUNNING, **instance), driven, 2, there, ()).finish_of_job(job)
    return found and round((found - NOON).total_seconds(), 1)


def test_a_job_is_done_after_those_that_marketo_got_before_it():
    """Two at once; what is being imported has been worked on already, and one that is late may be done any moment."""
    working = at_marketo(1, "importing", started=-4), at_marketo(2, "importing", started=-2)
    assert job_end(working[0], working[1]) == 6
    assert job_end(at_marketo(3, "queued"), *working) == 16
    assert job_end(at_marketo(4, "queued"), at_marketo(3, "queued"), *working) == 18
    assert job_end(at_marketo(1, "importing", started=-12)) == 2.4


def test_a_job_whose_results_are_fetched_is_as_good_as_done_unless_that_lasts():
    """Half a minute is more than a result file takes."""
    collecting = a_job(JobState.COLLECTING, rows=Rows(1000, 990, 10, 0))
    assert job_end(replace(collecting, state_since=at(-5))) == 0
    assert job_end(replace(collecting, state_since=at(-3600))) is None
    assert job_end(replace(collecting, state_since=at(-5), failing_since=at(-3600))) is None


def test_the_end_of_a_job_is_null_where_nobody_can_know_it():
    """It may not be there, it is over, Marketo works on it without end; nothing was learnt, or nobody asks Marketo."""
    for state in (JobState.UNCONFIRMED, JobState.COMPLETE, JobState.FAILED, JobState.OVER):
        assert job_end(replace(a_job(state, rows=Rows(1000, 0, 0, 0)), submitted_at=NOON)) is None
    assert job_end(at_marketo(1, "importing", started=-31)) is None
    queued = replace(at_marketo(1, "queued"), submitted_at=NOON)
    assert job_end(queued) == 10
    assert job_end(queued, paused_at=NOON) == 10, "what Marketo has goes on while nothing new is sent"
    assert job_end(queued, driven=False) is None
    assert job_end(queued, blocked_at=NOON) is None
    assert job_end(queued, throughput=ThroughputModel()) is None


def all_done(*, there: Any = (), line: Any = (), driven: bool = True, **instance: Any) -> float | None:
    """In so many seconds all that waits is done; two importers, ten seconds a part."""
    model = CompletionEstimate(
        now=NOON,
        instance=replace(RUNNING, **instance),
        driven=driven,
        importers=2,
        there=there,
        line=line,
    )
    done = model.finish_of_waiting()
    return (done - NOON).total_seconds() if done else None


def test_all_that_waits_is_done_after_what_marketo_has_by_two_importers():
    there = [at_marketo(1, "importing", started=-5), at_marketo(2, "queued")]
    assert all_done(there=there, line=[in_line(6), in_line(2, priority=9)]) == pytest.approx((5 + 10 + 80) / 2)
    assert all_done(line=[in_line(2)], hold_until=at(60)) == pytest.approx(70)


def test_when_all_is_done_is_null_where_nothing_waits_or_nobody_can_know_it():
    assert all_done(there=[at_marketo(1, "queued")]) is None
    assert all_done(line=[in_line(2)], paused_at=NOON) is None
    assert all_done(line=[in_line(2)], blocked_at=NOON) is None
    assert all_done(line=[in_line(2)], driven=False) is None
    assert all_done(line=[in_line(2)], throughput=ThroughputModel()) is None
