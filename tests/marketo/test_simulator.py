"""The client against the simulator: two readings of Adobe's pages that must agree."""

import asyncio

import httpx
import pytest

from app.domain.answers import (
    Accepted,
    Description,
    MarketoStatus,
    NoFile,
    OutcomeUnknown,
    QueryFailed,
    Refused,
    RejectionReason,
    Report,
    ResultFile,
    TurnedAway,
)
from app.domain.objects import CustomObject, Leads, ProgramMembers, Target
from app.marketo.client import Marketo
from app.simulator import Rules, Simulator, create_app, parse_fault
from tests.marketo.stage import SteppedClock, instance, part
from tests.support.transport import SimulatorTransport

TARGETS = {
    "leads": (Leads(), b"email,leadScore\na@b.com,1\nb@b.com,2\n"),
    "leads into a list": (Leads("email", list_id=1, partition_name="Europe"), b"email\na@b.com\nb@b.com\n"),
    "custom object": (CustomObject("car_c"), b"vin,color\nV1,red\nV2,blue\n"),
    "program members": (ProgramMembers(1001, "On List"), b"email,registrationCode\na@b.com,x\nb@b.com,y\n"),
}


class Play:
    """A simulator and a client of it that live in the same stepped time."""

    def __init__(self, rules: Rules | None = None, **knobs: object) -> None:
        self.clock = SteppedClock()
        self.simulator = Simulator(rules, now=lambda: self.clock().timestamp())
        self.marketo = self.another(**knobs)

    def another(self, **knobs: object) -> Marketo:
        rules = self.simulator.rules
        credentials = {"client_id": rules.client_id, "client_secret": rules.client_secret}
        return Marketo(
            instance(**credentials | knobs),
            httpx.AsyncClient(transport=SimulatorTransport(create_app(self.simulator))),
            now=self.clock,
            sleep=self.clock.sleep,
            call_timeout_seconds=30,
            upload_timeout_seconds=600,
        )

    def order(self, fault: str) -> None:
        self.simulator.order(parse_fault(fault))

    async def submit(self, target: Target = TARGETS["leads"][0], content: bytes = TARGETS["leads"][1]):
        return await self.marketo.submit(target, part(content))


@pytest.mark.parametrize("name", TARGETS)
async def test_a_part_of_each_family_goes_from_submission_to_its_empty_result_files(name):
    """Every path, parameter and shape that the two sides have in common."""
    target, content = TARGETS[name]
    play = Play()
    accepted = await play.submit(target, content)
    assert isinstance(accepted, Accepted)
    assert isinstance(await play.marketo.status(target, accepted.batch_id), Report)
    play.clock.step(60)
    report = await play.marketo.status(target, accepted.batch_id)
    assert isinstance(report, Report)
    assert (report.status, report.imported, report.failed, report.warned) == (MarketoStatus.COMPLETE, 2, 0, 0)
    assert await play.marketo.failures(target, accepted.batch_id) == NoFile()
    assert await play.marketo.warnings(target, accepted.batch_id) == NoFile()


async def test_failures_and_warnings_come_back_as_files():
    """In the part's own format, with the reason in a last column."""
    play = Play()
    accepted = await play.submit(content=b"email,leadScore\na@b.com,many\nno-email,2\n")
    assert isinstance(accepted, Accepted)
    play.clock.step(60)
    failures = await play.marketo.failures(Leads(), accepted.batch_id)
    warnings = await play.marketo.warnings(Leads(), accepted.batch_id)
    assert isinstance(failures, ResultFile)
    assert isinstance(warnings, ResultFile)
    assert failures.content.splitlines()[0] == b"email,leadScore,Import Failure Reason"
    assert warnings.content.splitlines()[0] == b"email,leadScore,Import Warning Reason"
    assert failures.content.splitlines()[1].startswith(b"a@b.com,many,")


@pytest.mark.parametrize("name", TARGETS)
async def test_a_description_names_every_column_that_may_be_sent(name):
    """A header that describe allows is one that Marketo takes."""
    target, content = TARGETS[name]
    described = await Play().marketo.describe(target)
    assert isinstance(described, Description)
    assert set(content.splitlines()[0].decode().split(",")) <= {field.name for field in described.fields}
    assert described.dedupe_fields == (("vin",) if name == "custom object" else ())


@pytest.mark.parametrize(
    ("target", "content", "code", "whole_import"),
    [
        (Leads(), b"nonsense\n1\n", "1006", True),
        (Leads(), b"", "1003", False),
        (Leads(list_id=99), b"email\na@b.com\n", "1013", True),
        (Leads("nonsense"), b"email\na@b.com\n", "1011", True),
        (CustomObject("nonsense_c"), b"vin\n1\n", None, True),
        (ProgramMembers(1001, "Nonsense"), b"email\na@b.com\n", "1025", True),
    ],
)
async def test_what_marketo_will_never_take_is_refused(target, content, code, whole_import):
    """And whether the other parts of the import would fare better."""
    answer = await Play().submit(target, content)
    assert isinstance(answer, Refused)
    assert answer.code == code or code is None
    assert answer.whole_import is whole_import


async def test_a_full_queue_is_back_pressure():
    """The eleventh part is turned away, whoever has the ten."""
    play = Play()
    play.simulator.occupy(10, seconds=60)
    answer = await play.submit()
    assert isinstance(answer, TurnedAway)
    assert (answer.rejection_reason, answer.code) == (RejectionReason.QUEUE_FULL, "1016")


async def test_a_token_that_dies_of_old_age_is_followed_by_another():
    """Hours of calls, a token an hour, and never a call that fails."""
    play = Play()
    for _ in range(5):
        assert isinstance(await play.submit(), Accepted)
        play.clock.step(1800)
    play.order("token_dies:create")
    assert isinstance(await play.submit(), Accepted)


async def test_a_token_without_life_is_waited_out():
    """The simulator's identity, too, answers `expires_in: 0` on order."""
    play = Play()
    play.order("expires_in_zero")
    assert isinstance(await play.submit(), Accepted)
    assert play.clock.slept


async def test_wrong_credentials_block():
    """Nothing is executed, and the reason is Marketo's."""
    play = Play()
    answer = await play.another(client_secret="wrong").submit(Leads(), part())
    assert isinstance(answer, TurnedAway)
    assert answer.rejection_reason is RejectionReason.BLOCKED
    assert play.simulator.report()["jobs"] == []


@pytest.mark.parametrize(
    "fault", ["lost_response", "half_body:create", "html_502:create", "executed_then:611", "http_500:create"]
)
async def test_NEVER_TWICE_BY_ACCIDENT_an_answer_that_is_lost_is_lost(fault):
    """The job may exist, and sometimes does: the client neither claims nor denies it, nor sends it again."""
    play = Play()
    play.order(fault)
    assert isinstance(await play.submit(), OutcomeUnknown)
    assert len(play.simulator.report()["jobs"]) <= 1
    assert play.marketo.rate_limiter.today == 1


@pytest.mark.parametrize("fault", ["html_502", "half_body", "bad_json", "empty_body", "http_500", "json_error:611"])
async def test_a_status_that_fails_is_only_asked_again(fault):
    """NoWord once, and the report after that."""
    play = Play()
    accepted = await play.submit()
    assert isinstance(accepted, Accepted)
    play.order(f"{fault}:status")
    assert isinstance(await play.marketo.status(Leads(), accepted.batch_id), QueryFailed)
    assert isinstance(await play.marketo.status(Leads(), accepted.batch_id), Report)


async def test_a_batch_that_is_forgotten_after_seven_days_is_a_query_failure():
    """With the code by which Marketo says so."""
    play = Play()
    accepted = await play.submit()
    assert isinstance(accepted, Accepted)
    play.clock.step(8 * 86_400)
    word = await play.marketo.status(Leads(), accepted.batch_id)
    assert isinstance(word, QueryFailed)
    assert (word.code, word.rejection_reason) == ("1013", None)


async def test_the_allowance_keeps_below_marketos_own_limits():
    """300 calls at once, and Marketo sees neither too many in a window nor too many together."""
    play = Play()
    await asyncio.gather(*(play.marketo.status(Leads(), 1) for _ in range(300)))
    report = play.simulator.report()
    assert report["most_calls_in_window"] <= 50
    assert report["most_calls_at_once"] <= 5
    assert not {"606", "607", "615"} & set(report["errors"])


async def test_two_workers_that_take_over_from_each_other_stay_within_marketos_window():
    """The second counts its window as full, so the first one's calls are over by then."""
    play = Play(calls_per_window=100)
    for _ in range(100):
        await play.marketo.status(Leads(), 1)
    heir = play.another(calls_per_window=100)
    heir.rate_limiter.full()
    for _ in range(100):
        await heir.status(Leads(), 1)
    assert play.simulator.report()["most_calls_in_window"] == 100
    assert "606" not in play.simulator.report()["errors"]
