"""The bars of the last day."""

from datetime import UTC, datetime, timedelta

from app.pages.chart import day_chart
from app.store.activity import Hour

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def hours(*busy: tuple[int, int, float]) -> list[Hour]:
    first = NOW.replace(minute=0) - timedelta(hours=len(busy) - 1)
    return [Hour(first + timedelta(hours=index), *each) for index, each in enumerate(busy)]


def test_the_highest_bar_fills_the_chart_and_a_few_rows_are_seen_too():
    chart = day_chart(hours((9_000, 1_000, 0), (5_000, 0, 0), (1, 0, 0), (0, 0, 0)), importers=2, now=NOW)
    assert [bar.imported_height for bar in chart.bars] == [86.4, 48.0, 1.5, 0.0]
    assert [bar.failed_height for bar in chart.bars] == [9.6, 0.0, 0.0, 0.0]
    assert (chart.imported, chart.failed, chart.most) == (14_001, 1_000, 10_000)


def test_the_importers_share_of_an_hour_counts_only_what_has_passed_of_it():
    """Two importers for an hour, and for half of the one that goes on."""
    chart = day_chart(hours((1, 0, 7_200), (1, 0, 1_800)), importers=2, now=NOW)
    assert [bar.busy_share for bar in chart.bars] == [1.0, 0.5]
    assert round(chart.busy_share, 3) == round(9_000 / (2 * 5_400), 3)


def test_a_day_without_anything_is_empty():
    assert day_chart(hours((0, 0, 0), (0, 0, 0)), importers=2, now=NOW).is_empty
    assert day_chart([], importers=0, now=NOW).is_empty
    assert not day_chart(hours((0, 1, 0)), importers=2, now=NOW).is_empty


def test_an_hour_has_its_words_where_there_is_room_for_them():
    """The last hours have none: theirs would stand out over the edge."""
    day = [(1, 0, 0.0)] * 24
    chart = day_chart(hours(*day), importers=2, now=NOW)
    assert [bar.label for bar in chart.bars if bar.is_tick] == ["18:00", "00:00", "06:00", "12:00"]
    later = [Hour(hour.begins_at + timedelta(hours=4), *(1, 0, 0.0)) for hour in hours(*day)]
    assert [bar.label for bar in day_chart(later, importers=2, now=NOW).bars if bar.is_tick] == [
        "00:00",
        "06:00",
        "12:00",
    ]
