"""Where the bars of the timeline stand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.lifecycle import PartState
from app.domain.parts import ConflictScope, Part, Rows
from app.pages.timeline import Timeline, timeline
from app.reporting.parts import PartView
from app.store.events import Event

ACCEPTED = datetime(2026, 11, 5, 9, tzinfo=UTC)


class AnImport:
    """What the timeline needs of an import."""

    def __init__(self, finished_at: datetime | None) -> None:
        self.created_at, self.finished_at = ACCEPTED, finished_at


def after(seconds: float) -> datetime:
    return ACCEPTED + timedelta(seconds=seconds)


def view(number: int, state: str, **known: Any) -> PartView:
    empty: dict[str, Any] = dict.fromkeys(Part.__dataclass_fields__)
    scope = ConflictScope(1, "lead", "email", None, has_deferred_rows=False)
    values = {"id": number, "import_id": 1, "number": number, "state": PartState(state), "rows": Rows(9, 0, 0, 0)}
    return PartView(Part(**empty | values | {"conflict_scope": scope} | known), None, None, None)


def drawn(views: list[PartView], *, finished: float | None = None, now: float = 100, **more: Any) -> Timeline:
    import_: Any = AnImport(after(finished) if finished is not None else None)
    known: dict[str, Any] = {"finish_times": {}, "estimated_finish_at": None} | more
    return timeline(import_, views, known.pop("events", ()), now=after(now), **known)


def test_a_part_waits_then_stands_in_marketos_queue_then_is_imported():
    times = {"submitted_at": after(20), "started_at": after(50), "finished_at": after(100)}
    line = drawn([view(1, "complete", **times)], finished=100)
    segments = [(each.kind, each.x, each.width) for each in line.lanes[0].segments]
    assert segments == [("waits", 0, 20), ("queued", 20, 30), ("importing", 50, 50)]
    assert line.now_x is None
    assert line.ends_at == after(100)


def test_what_is_under_way_reaches_to_the_present_and_its_forecast_beyond():
    there = view(1, "importing", job_id=7, submitted_at=after(20), started_at=after(50))
    line = drawn([there], finish_times={7: after(120)}, estimated_finish_at=after(120))
    importing, forecast = line.lanes[0].segments[-2:]
    assert importing.x + importing.width == line.now_x == forecast.x
    assert forecast.kind == "forecast"
    assert line.lanes[0].finish_at == after(120)


def test_the_end_of_the_axis_stays_for_a_while_although_time_goes_on():
    ends = {drawn([view(1, "waiting")], now=now).ends_at for now in range(1_000, 1_100)}
    assert len(ends) <= 2
    assert min(ends) >= after(1_000)


@pytest.mark.parametrize("state", ["waiting", "cancelled", "failed"])
def test_a_part_that_never_went_has_only_waited(state: str):
    ended = after(60) if state != "waiting" else None
    line = drawn([view(1, state, finished_at=ended)])
    assert [each.kind for each in line.lanes[0].segments] == ["waits"]


def test_very_short_times_can_still_be_seen_within_the_bar():
    times = {"submitted_at": after(99.99), "started_at": after(100), "finished_at": after(100)}
    line = drawn([view(1, "complete", **times)], finished=100)
    for each in line.lanes[0].segments:
        assert each.width > 0
        assert each.x + each.width <= 100


def test_an_import_that_ends_at_once_is_drawn():
    assert drawn([view(1, "cancelled", finished_at=ACCEPTED)], finished=0).lanes


def test_a_hundred_parts_are_twenty_lanes_and_none_is_lost():
    views = [view(number, "complete" if number < 50 else "waiting", submitted_at=after(9)) for number in range(1, 101)]
    line = drawn(views)
    assert len(line.lanes) == 20
    assert [each.part.number for lane in line.lanes for each in lane.views] == list(range(1, 101))
    assert line.lanes[9].states == {PartState.WAITING: 1, PartState.COMPLETE: 4}


def test_tries_that_did_not_go_through_are_marked_on_their_parts_bar():
    events = [Event(1, after(50), "turn_away", 2, {}), Event(2, after(60), "claim", 2, {})]
    first, second = drawn([view(1, "waiting"), view(2, "waiting")], now=100, events=events).lanes
    assert not first.marks
    assert len(second.marks) == 1
