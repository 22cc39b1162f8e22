"""How values are written for people."""

from datetime import UTC, datetime, timedelta

import pytest

from app.pages import formats

NOW = datetime(2026, 11, 23, 14, 20, tzinfo=UTC)


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (999, "999"), (1_400_000, "1 400 000"), (1234.56, "1 234.6")])
def test_numbers_are_grouped_by_a_narrow_space(value: float, text: str):
    assert formats.number(value) == text.replace(" ", "\u202f")


@pytest.mark.parametrize(("count", "text"), [(0, "0 rows"), (1, "1 row"), (2_300, "2\u202f300 rows")])
def test_what_is_counted_has_its_number(count: int, text: str):
    assert formats.plural(count, "row") == text
    assert formats.plural(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(("value", "text"), [(940, "940"), (2_310, "2.31 k"), (1_400_000, "1.4 M"), (10**9, "1 G")])
def test_short_numbers(value: int, text: str):
    assert formats.short_number(value) == text.replace(" ", "\u202f")


@pytest.mark.parametrize(("value", "text"), [(0, "0 B"), (31_457_280, "31.5 MB"), (1_000, "1 kB"), (10**10, "10 GB")])
def test_sizes(value: int, text: str):
    assert formats.size(value) == text.replace(" ", "\u202f")


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.001, "under 1 %"), (0.719, "71 %"), (0.9999, "99 %"), (1, "100 %")]
)
def test_all_of_it_alone_is_100_percent_and_nothing_of_it_alone_is_0(share: float, text: str):
    assert formats.percent(share).replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (7_500, "2 h 5 min"),
        (7_200, "2 h"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_have_the_two_units_that_matter(seconds: float, text: str):
    assert formats.duration(seconds).replace("\u202f", " ") == text


@pytest.mark.parametrize(("seconds", "text"), [(-120, "2 min ago"), (3, "just now"), (10_800, "in 3 h")])
def test_times_are_relative_with_the_exact_one_on_hover(seconds: float, text: str):
    at = NOW + timedelta(seconds=seconds)
    written = formats.ago(at, NOW)
    assert text in written.replace("\u202f", " ")
    assert f'title="{at:%Y-%m-%d %H:%M:%S} UTC"' in written
    assert f'datetime="{at:%Y-%m-%dT%H:%M:%S}Z"' in written


def test_a_time_of_another_day_has_its_date():
    assert ">14:20 UTC<" in formats.clock(NOW, NOW)
    assert ">22 Nov 14:20 UTC<" in formats.clock(NOW - timedelta(days=1), NOW)


def test_a_span_that_goes_on_is_a_time_that_the_browser_renews():
    assert 'data-as="duration"' in formats.since(NOW - timedelta(minutes=14), NOW)
    assert "14\u202fmin" in formats.since(NOW - timedelta(minutes=14), NOW)


def test_code_in_a_sentence_is_marked_and_all_of_it_escaped():
    assert formats.code_marks("Run `a <b>` & wait") == "Run <code>a &lt;b&gt;</code> &amp; wait"


def test_every_state_that_people_see_has_a_shape():
    """Those of imports, parts, jobs and instances; a new one must be given one."""
    words = {
        "waiting",
        "submitting",
        "unconfirmed",
        "queued",
        "importing",
        "collecting",
        "complete",
        "failed",
        "cancelled",
    }
    words |= {"running", "paused", "blocked", "backing_off"}
    assert words <= formats.STATES.keys()
    shapes = {"waiting", "at-marketo", "done", "needs-you", "failed", "stopped"}
    assert set(formats.STATES.values()) == shapes


def test_a_direction_that_a_text_begins_ends_with_it():
    """An isolate that is not closed would take the end of the `<bdi>` for its own."""
    assert formats.closed("plain") == "plain"
    assert formats.closed("\u202egnp.exe \u2066bidi") == "\u202egnp.exe \u2066bidi\u2069"
    assert formats.closed("\u2067\u2068x") == "\u2067\u2068x\u2069\u2069"
