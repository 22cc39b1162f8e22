"""How many parts to keep at Marketo, and when to look how they are doing."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.throughput import (
    Forecast,
    PollWaits,
    QueuedJob,
    Span,
    ThroughputModel,
    forecast,
    has_enough_work,
    next_poll,
)

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
FREE = [LONG_AGO, LONG_AGO]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def taught(*parts: tuple[int, float]) -> ThroughputModel:
    throughput = ThroughputModel()
    for rows, seconds in parts:
        throughput = throughput.observe(rows, seconds)
    return throughput


TEN_SECONDS = taught((1000, 10), (1000, 10))  # for parts of a thousand rows


def seconds(moments) -> list[float]:
    return [round((moment - NOON).total_seconds(), 1) for moment in moments]


def look(
    *jobs: QueuedJob, throughput: ThroughputModel = TEN_SECONDS, now: float = 0, free=FREE, onward: bool = False
) -> tuple[float, int | None]:
    there = forecast(jobs, free_at=free, throughput=throughput, now=at(now))
    found = next_poll(jobs, there, importers=2, now=at(now), waits=PollWaits(5, 30), onward=onward)
    return round((found.at - NOON).total_seconds(), 1), found.job


def test_parts_of_all_sizes_teach_what_each_part_and_each_row_takes():
    """Two seconds for each, and five thousand rows a second."""
    throughput = taught(*[(rows, 2 + rows / 5000) for rows in (100, 100_000, 5_000, 40_000, 90_000, 10)])
    assert throughput.seconds_for(0) == pytest.approx(2, abs=0.01)
    assert throughput.seconds_for(50_000) == pytest.approx(12, abs=0.01)


def test_parts_that_are_all_alike_are_foretold_as_they_were():
    """What of it is for each row cannot be told, and need not be."""
    assert TEN_SECONDS.seconds_for(1000) == pytest.approx(10)
    assert TEN_SECONDS.rows_per_second == pytest.approx(100)


def test_as_many_rows_are_told_as_fit_into_a_time():
    """A thousandth for each row; the two seconds that any job takes do not count, however many they are."""
    throughput = taught((1000, 3), (9000, 11))
    assert throughput.rows_within(20) == pytest.approx(20_000)
    assert throughput.seconds_for(throughput.rows_within(7)) == pytest.approx(2 + 7)
    assert throughput.rows_within(1.9) == pytest.approx(1900)
    assert throughput.rows_within(0) == ThroughputModel().rows_within(0) == 0
    assert ThroughputModel().rows_within(20) == pytest.approx(100_000), "until jobs have been observed"
    assert taught((1000, 2), (9000, 2)).rows_within(0) == 0
    assert taught((1000, 2), (9000, 2)).rows_within(3) == math.inf, "rows take no time"


def test_what_parts_took_lately_outweighs_what_they_took_long_ago():
    """Marketo is faster at night."""
    throughput = taught(*[(1000, 20)] * 20, *[(1000, 5)] * 20)
    assert throughput.seconds_for(1000) < 7


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(0, 1e5)), max_size=30), st.integers(0, 10**8))
def test_whatever_was_seen_a_part_is_foretold_to_take_some_time(parts: list[tuple[int, float]], rows: int):
    """Never none, never less than none, and more rows never take less."""
    throughput = taught(*parts)
    assert 0 < throughput.seconds_for(rows) <= throughput.seconds_for(rows + 1000)
    assert throughput.rows_per_second > 0


def test_two_importers_take_the_queue_in_its_order():
    """The third begins when the first of them is free."""
    there = forecast([QueuedJob(1000, NOON)] * 5, free_at=FREE, throughput=TEN_SECONDS, now=NOON)
    assert seconds(span.start for span in there.spans) == [0, 0, 10, 10, 20]
    assert seconds([there.idle_at]) == [20]


def test_a_job_that_says_how_far_it_is_is_foretold_by_that():
    """A quarter done after ten seconds: thirty more."""
    (span,) = forecast([QueuedJob(1000, NOON, at(10), 750)], free_at=FREE, throughput=TEN_SECONDS, now=at(10)).spans
    assert seconds(span) == [0, 40]


def test_a_job_that_is_there_longer_than_foretold_is_not_done():
    """It was seen there, whatever was foretold."""
    (span,) = forecast([QueuedJob(1000, NOON, at(17))], free_at=FREE, throughput=TEN_SECONDS, now=at(17)).spans
    assert span.end > at(17)


@pytest.mark.parametrize(
    ("jobs", "idle", "is_enough"),
    [(3, 10**6, False), (4, 8, True), (4, 7, False), (9, 7, False), (10, 8, True)],
)
def test_there_is_enough_with_a_full_house_as_many_behind_it_and_work_until_the_next_look(
    jobs: int, idle: float, is_enough: bool
):
    """Large parts wait here, where they can be cancelled and overtaken; small ones fill the queue."""
    there = Forecast([Span(NOON, NOON)] * jobs, at(idle))
    assert has_enough_work(there, jobs=jobs, importers=2, until=at(7.5)) is is_enough


def test_a_short_job_is_asked_about_when_it_should_be_done():
    """Half a second later, when it surely is; and not more often than every five seconds."""
    assert look(QueuedJob(1000, NOON)) == (10.5, None)
    assert look(QueuedJob(1000, NOON), now=10.5) == (10.5, 0)
    assert look(QueuedJob(1000, NOON, at(10)), now=10) == (15, None)


def test_a_long_job_is_looked_at_once_on_the_way():
    """It may go faster than was thought; then at its end, and every thirty seconds at least."""
    long_ = taught((1000, 60), (1000, 60))
    assert look(QueuedJob(1000, NOON), throughput=long_) == (30, None)
    assert look(QueuedJob(1000, NOON, at(30)), throughput=long_, now=30) == (60, None)
    assert look(QueuedJob(1000, NOON, at(36), 400), throughput=long_, now=36) == (60.5, None)
    assert look(QueuedJob(1000, NOON, at(36), 900), throughput=long_, now=36) == (66, None)
    middle = taught((1000, 40), (1000, 40))
    assert look(QueuedJob(1000, NOON), throughput=middle) == (24, None)


def test_only_the_oldest_can_have_news():
    """The third is behind two that are not done; once one of them should be, it may be done itself."""
    jobs = [QueuedJob(1000, NOON, at(8)), QueuedJob(1000, NOON, at(8)), QueuedJob(1, NOON)]
    assert look(*jobs, now=10) == (12.5, None)
    assert look(*jobs, now=12.6) == (12.6, 2)


def test_a_job_that_waits_for_an_importer_takes_its_time_from_then_on():
    """Marketo says `Queued`: others' jobs stand before it."""
    (span,) = forecast(
        [QueuedJob(1000, NOON, at(60), begun=False)], free_at=FREE, throughput=TEN_SECONDS, now=at(60)
    ).spans
    assert seconds(span) == [60, 70]


def test_a_job_that_should_be_done_and_is_not_will_take_some_more_time():
    """A fifth of what it has taken."""
    (span,) = forecast(
        [QueuedJob(1000, NOON, at(20), begun=True)], free_at=FREE, throughput=TEN_SECONDS, now=at(20)
    ).spans
    assert seconds(span) == [0, 24]


def test_a_job_that_is_done_had_its_importer_though_one_before_it_may_be_there():
    """The third began when the second was done, whatever is known of the first."""
    jobs = [QueuedJob(3000, NOON), QueuedJob(1000, NOON, done=Span(NOON, at(8))), QueuedJob(1000, NOON)]
    there = forecast(jobs, free_at=FREE, throughput=taught((1000, 10), (3000, 30)), now=at(9))
    assert [seconds(span) for span in there.spans] == [[0, 30], [8, 18]]


def test_behind_one_that_is_done_the_next_may_be_done_as_well():
    """If a good part of its time has gone by: so it is noticed when jobs are faster than was thought."""
    jobs = [QueuedJob(1000, NOON), QueuedJob(1000, NOON)]
    free = [at(0), at(0)]
    assert look(*jobs, free=free, now=2, onward=True) == (10.5, None)
    assert look(*jobs, free=free, now=3, onward=True) == (3, 0)
    assert look(*jobs, free=free, now=3) == (10.5, None)


@given(
    jobs=st.lists(
        st.builds(
            QueuedJob,
            st.integers(0, 10**6),
            st.integers(-1000, 0).map(at),
            st.none() | st.integers(-1000, 0).map(at),
            st.none() | st.integers(0, 10**6),
        ),
        max_size=10,
    ),
    free=st.lists(st.integers(-1000, 0).map(at) | st.just(LONG_AGO), min_size=2, max_size=2),
    onward=st.booleans(),
)
def test_a_look_is_never_too_soon_after_the_last_nor_too_late(
    jobs: list[QueuedJob], free: list[datetime], onward: bool
):
    """Five seconds at least between two questions about a job; thirty until the next look at most."""
    when, index = look(*jobs, free=free, onward=onward)
    assert 0 <= when <= 30
    if index is not None:
        assert jobs[index].asked_at is None or jobs[index].asked_at <= at(-5)
