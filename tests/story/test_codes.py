"""Every code of Marketo on every endpoint: what is seen of it at once, and that it ends well where it can.

`tests/marketo/test_codes.py` says what a code means; here is what comes of it.
"""

from typing import NamedTuple

import pytest

from app.marketo.codes import CODES
from app.simulator import Fault
from tests.story.files import LEADS_WITH_TROUBLE
from tests.support.clock import SteppedClock
from tests.support.outcomes import meet
from tests.support.stage import staged
from tests.support.tiers import chosen, endured


class Row(NamedTuple):
    codes: str
    on_create: str
    """The instance's state, the part's, what it waits for, attempts counted."""
    on_question: str
    on_identity: str
    """The instance's state; the part stays where it was."""


BLOCKED, BACK, RUNNING = "blocked", "backing_off", "running"

TABLE = (
    Row("600 603", "blocked waiting instance_blocked 0", BLOCKED, BLOCKED),
    Row("601 602", "blocked waiting instance_blocked 0", BLOCKED, BLOCKED),  # of a token that identity calls alive
    Row("606 615", "backing_off waiting rate_limit 0", BACK, BACK),
    Row("607", "backing_off waiting daily_quota 0", BACK, BACK),
    Row("608 614", "backing_off waiting retry 1", BACK, BACK),
    Row("713 719", "running waiting retry 1", RUNNING, BACK),
    Row("1016", "backing_off waiting slot 0", RUNNING, BACK),
    Row("1019", "running waiting retry 0", RUNNING, BACK),
    Row("500 502 604 611", "backing_off unconfirmed - 1", RUNNING, BACK),
    Row("605 609 610 612 613 616", "running failed - 1", RUNNING, BLOCKED),
    Row("701 702 703 704 709 710 711 712 714 718", "running failed - 1", RUNNING, BLOCKED),
    Row("1001 1002 1003 1004 1005 1006 1007 1008 1009 1010", "running failed - 1", RUNNING, BLOCKED),
    Row("1011 1012 1013 1014 1015 1017 1018 1020 1021 1022", "running failed - 1", RUNNING, BLOCKED),
    Row("1025 1026 1027 1028 1029 1035 1036 1037 1042 1048", "running failed - 1", RUNNING, BLOCKED),
    Row("1049 1076 1077 1078 1079", "running failed - 1", RUNNING, BLOCKED),
)
BY_CODE = {code: row for row in TABLE for code in row.codes.split()}
LIKE_OTHERS = {code: row for row in TABLE for code in row.codes.split()[:1]}  # one of each row
MANY = pytest.mark.parametrize("known", [LIKE_OTHERS, endured(BY_CODE, both=True)], ids=["some", "all"])
DENY_THE_JOB = {"404", "610", "702", "1013"}
QUESTIONS = {"status": "queued", "failures": "collecting", "warnings": "collecting"}


def test_the_table_has_every_code():
    """A code that is added says here what comes of it."""
    assert set(BY_CODE) == set(CODES)


@MANY
async def test_each_code_in_answer_to_a_submission(database_url: str, clock: SteppedClock, known: dict[str, Row]):
    """What is not refused is imported in the end, once, or twice where nobody could know."""
    async with staged(database_url, clock) as stage:
        for code, row in known.items():
            stage.simulator.order(Fault(f"json_error:{code}", on="create"))
            import_id = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
            assert await meet(stage, import_id) == {f"json_error:{code}": row.on_create}, code
            told = await stage.read(import_id)
            if "failed" in row.on_create:
                assert (told["status"], told["error"]["marketo_code"]) == ("failed", code)
                assert told["error"]["code"] == "marketo_refused"
                assert told["rows"]["pending"] == 5
            else:
                assert (told["status"], told["error"], told["attention"]) == ("complete", None, None), code
                assert told["rows"]["imported"] == 3
            assert (await stage.api.get("/v1/instances/default")).json()["state"] == RUNNING, code
        imported = sum("failed" not in row.on_create for row in known.values())
        assert len(stage.simulator.report()["jobs"]) == imported


@MANY
@pytest.mark.parametrize("step", chosen(QUESTIONS, "status"))
async def test_each_code_in_answer_to_a_question(
    database_url: str, clock: SteppedClock, step: str, known: dict[str, Row]
):
    """The part stays where it is, whatever becomes of the instance; one meets all that say nothing of the instance."""
    async with staged(database_url, clock) as stage:
        alone = [[code] for code, row in known.items() if row.on_question != RUNNING]
        together = [code for code, row in known.items() if row.on_question == RUNNING]
        for codes in [*alone, together]:
            for code in codes:
                stage.simulator.order(Fault(f"json_error:{code}", on=step))
            import_id = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
            met = await meet(stage, import_id)
            assert {name: seen.split()[:2] for name, seen in met.items()} == {
                f"json_error:{code}": [BY_CODE[code].on_question, QUESTIONS[step]] for code in codes
            }
            told = await stage.read(import_id)
            assert (told["status"], told["rows"]["imported"], told["attention"]) == ("complete", 3, None)
            events = await stage.events(import_id)
            are_denials = step == "status" and len(DENY_THE_JOB.intersection(codes)) >= 3
            assert ("unknown_at_marketo" in events) is are_denials, codes
            beside = {"start", "unanswered", "results_late", "unknown_at_marketo"}
            moves = [move for move in events if move not in beside]
            assert moves == ["accepted", "claim", "accept", "finish", "collect", "finished"], codes
            stage.clock.step(20)  # the window that a 606 closes
            assert (await stage.api.get("/v1/instances/default")).json()["state"] == RUNNING, codes
        assert len(stage.posted) == len(stage.simulator.report()["jobs"]) == len(alone) + 1


@MANY
async def test_each_code_in_answer_to_a_request_for_a_token(
    database_url: str, clock: SteppedClock, known: dict[str, Row]
):
    """One part meets them all before anything can be sent; then it goes, once."""
    async with staged(database_url, clock) as stage:
        for code in sorted(known, key=lambda code: known[code].on_identity):  # a block lasts until a token is there
            stage.simulator.order(Fault(f"json_error:{code}", on="identity"))
        import_id = await stage.created(LEADS_WITH_TROUBLE, preflight="off")
        met = await meet(stage, import_id)
        assert {name.split(":")[1]: seen.split()[0] for name, seen in met.items()} == {
            code: row.on_identity for code, row in known.items()
        }
        assert {seen.split()[1] for seen in met.values()} == {"waiting"}
        assert (await stage.read(import_id))["rows"]["imported"] == 3
        assert len(stage.posted) == 1
        assert (await stage.api.get("/v1/instances/default")).json()["state"] == RUNNING
