"""The sentence that the overview begins with."""

from datetime import timedelta

import pytest

from app.reporting.checks import Check, Level
from app.reporting.headline import Headline, Mood, headline, of_work
from app.reporting.needs import Need, NeedKind, of_instances
from app.reporting.verdict import Verdict
from tests.reporting.views import NOW, view

SOON = NOW + timedelta(minutes=9)


def told(*views, checks=(), needs=(), queued=3, importing=1) -> Headline:
    verdict = Verdict(Level.OK, checks, {}, views)
    all_needs = [*needs, *of_instances(views)]
    return headline(verdict, all_needs, queued=queued, importing=importing, finish_at=SOON)


@pytest.mark.parametrize(
    ("queued", "importing", "sentence"),
    [
        (0, 0, "Nothing waits, and nothing is being imported."),
        (0, 1, "Work is flowing: 1 import is being imported, none waits."),
        (1, 2, "Work is flowing. 1 import waits."),
        (2_300, 2, "Work is flowing. 2\u202f300 imports wait."),
    ],
)
def test_work_is_said_in_numbers(queued: int, importing: int, sentence: str):
    assert of_work(queued, importing) == sentence


def test_where_work_flows_it_says_when_the_last_should_be_done():
    assert told(view()) == Headline(Mood.FLOWS, "Work is flowing. 3 imports wait.", SOON)
    assert told(view(), queued=0).finish_at is None


def test_one_thing_that_needs_a_person_does_not_stop_the_work():
    need = Need(NeedKind.FAILED, "It failed.")
    found = told(view(), needs=[need])
    assert (found.mood, found.trouble) == (Mood.NEEDS_YOU, "One thing needs you.")
    assert told(view(), needs=[need, need]).trouble == "2 things need you."


def test_a_paused_instance_is_said_first():
    found = told(view(paused_at=NOW, paused_by="ann", paused_reason="cleaning"))
    assert (found.mood, found.work) == (Mood.NEEDS_YOU, "Nothing is sent to Marketo: default stands still.")
    assert found.trouble == "One thing needs you."


def test_what_time_heals_needs_nobody():
    found = told(view(hold_until=SOON))
    assert (found.mood, found.trouble) == (Mood.STANDS, None)


def test_where_work_does_not_flow_it_says_why():
    """Never that work flows beside a check that is down: NO_SILENCE."""
    down = Check("worker:default", Level.DOWN, "no worker drives this instance")
    assert told(view(), checks=[down]) == Headline(
        Mood.STANDS, "Work does not flow.", trouble="No worker drives this instance."
    )
