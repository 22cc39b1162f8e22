"""Every code of Marketo: what it says of a submission, and of a question. The table is written here again."""

import logging

import httpx
import pytest

from app.domain.answers import OutcomeUnknown, QueryFailed, Refused, RejectionReason, TurnedAway
from app.marketo.codes import answer_to_submission, query_failure
from tests.marketo.stage import LEADS, Stage, part, refusal, script

AWAY = {
    "600": ("blocked", True),
    "601": ("blocked", True),
    "602": ("blocked", True),
    "603": ("denied", True),
    "606": ("rate_limit", True),
    "607": ("daily_quota", True),
    "608": ("unavailable", True),
    "614": ("unavailable", True),
    "615": ("concurrency", True),
    "713": ("transient", False),
    "719": ("transient", False),
    "1016": ("queue_full", False),
    "1019": ("list_busy", False),
}
LOST = ["500", "502", "503", "504", "599", "604", "611"]
OF_THE_IMPORT = [
    *("605", "609", "610", "612", "613", "616", "701", "702", "703", "704", "710", "711", "714"),
    *("1001", "1002", "1006", "1008", "1009", "1010", "1011", "1013", "1018", "1025", "1026", "1027", "1028"),
    *("1035", "1042", "1048"),
]
OF_THE_PART = [
    *("709", "712", "718", "1003", "1004", "1005", "1007", "1012", "1014", "1015", "1017", "1020", "1021"),
    *("1022", "1029", "1036", "1037", "1049", "1076", "1077", "1078", "1079"),
]
EVERY = [*AWAY, *LOST, *OF_THE_IMPORT, *OF_THE_PART]


def test_the_table_of_these_tests_has_every_code_that_adobe_lists():
    """So that a code left out of the tests below is noticed."""
    adobe = {500, 502, *range(600, 617), *range(701, 705), *range(709, 715), 718, 719}
    adobe |= {*range(1001, 1023), *range(1025, 1030), 1035, 1036, 1037, 1042, 1048, 1049, *range(1076, 1080)}
    assert {int(code) for code in EVERY} - {503, 504, 599} == adobe
    assert len(EVERY) == len(set(EVERY))


@pytest.mark.parametrize("code", AWAY)
def test_back_pressure_and_trouble_that_passes_turn_a_submission_away(code):
    """Certainly not executed; what has to change first is in `because`."""
    assert answer_to_submission(code, "m") == TurnedAway(RejectionReason(AWAY[code][0]), code, "m")


@pytest.mark.parametrize("code", LOST)
def test_a_code_behind_which_the_import_may_have_begun_loses_the_answer(code):
    """604, 611 and the 5xx: Marketo itself does not know how far it came."""
    assert answer_to_submission(code, "m") == OutcomeUnknown(f"Marketo answered {code}")


@pytest.mark.parametrize("code", OF_THE_IMPORT)
def test_what_every_part_would_meet_refuses_the_whole_import(code):
    """Header, list, partition, status, field, parameters, subscription."""
    assert answer_to_submission(code, "m") == Refused(code, "m", whole_import=True)


@pytest.mark.parametrize("code", OF_THE_PART)
def test_what_lies_in_the_rows_refuses_this_part_alone(code):
    """1003 above all: the data of this part."""
    assert answer_to_submission(code, "m") == Refused(code, "m", whole_import=False)


@pytest.mark.parametrize("code", EVERY)
def test_POLL_IS_NOT_FATE_no_code_says_more_of_a_question_than_ask_again(code):
    """And only what concerns the whole instance makes the whole instance wait."""
    because, everybody = AWAY.get(code, (None, False))
    expected = RejectionReason(because) if everybody else None
    assert query_failure(code, "m") == QueryFailed(f"Marketo said {code}: m", code, expected)


@pytest.mark.parametrize("code", ["617", "9999", "1030", "5000", "5xx", "six hundred", "٥٠٠"])
def test_an_unknown_code_is_refused_and_logged_as_an_error(code, caplog):
    """Stopping is cheaper than a loop; and somebody should know."""
    with caplog.at_level(logging.ERROR):
        assert answer_to_submission(code, "m") == Refused(code, "m", whole_import=False)
    assert code in caplog.text


@pytest.mark.parametrize("code", EVERY)
async def test_a_code_means_the_same_when_it_comes_over_the_wire(code):
    """As a string or a number, and whatever the message says of other codes."""
    for sent in (code, int(code)):
        stage = Stage(script(refusal(sent, "1016 Too many imports")))
        assert await stage.marketo.submit(LEADS, part()) == (
            TurnedAway(
                RejectionReason.BLOCKED,
                None,
                "Marketo rejects the access token that its identity service gives out",
                "identity",
            )
            if code in {"601", "602"}
            else answer_to_submission(code, "1016 Too many imports")
        )


async def test_the_first_of_several_errors_decides():
    """1016 before 1006 is back-pressure, 1006 before 1016 a refusal."""

    def both(*codes):
        return {"success": False, "errors": [{"code": code, "message": "m"} for code in codes]}

    stage = Stage(lambda _: httpx.Response(200, json=both("1016", "1006")))
    assert await stage.marketo.submit(LEADS, part()) == TurnedAway(RejectionReason.QUEUE_FULL, "1016", "m")
    stage = Stage(lambda _: httpx.Response(200, json=both("1006", "1016")))
    assert await stage.marketo.submit(LEADS, part()) == Refused("1006", "m", whole_import=True)
