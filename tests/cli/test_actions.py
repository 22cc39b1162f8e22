"""`sluice cancel`, `release`, `resolve`, `give-up`, `pause` and `resume` against a running service."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.cli import actions
from app.simulator import Fault, Simulator
from tests.cli.conftest import Run
from tests.support import patience
from tests.support.processes import ROOT, Service, wait_until

LEADS = ROOT / "docs" / "samples" / "leads.csv"
ONE_ROW = "email\na@example.com\n"


def submitted(sluice: Run, served: Service, *words: object, stdin: str = ONE_ROW) -> int:
    result = sluice("submit", *(words or ("-",)), "--json", stdin=stdin, URL=served.url)
    return int(json.loads(result.stdout)["id"])


def read(served: Service, import_id: int) -> dict[str, Any]:
    return dict(patience.get(f"{served.url}/v1/imports/{import_id}").json())


def who(served: Service, import_id: int, type_: str) -> list[str | None]:
    """Who is named by the import's events of this type."""
    events = patience.get(f"{served.url}/v1/imports/{import_id}/events").json()["items"]
    return [event["data"].get("by") for event in events if event["type"] == type_]


def test_cancel_stops_what_still_waits(sluice: Run, served: Service):
    """A second time there is nothing left to cancel: exit code 1."""
    made = json.loads(
        sluice(
            *("submit", "-", "--json", "--not-before", "2999-01-01T00:00:00Z"),
            stdin="email\na@example.com\n",
            URL=served.url,
        ).stdout
    )
    result = sluice("cancel", made["id"], URL=served.url)
    assert (result.returncode, result.stdout) == (0, f"Import {made['id']} is cancelled.\n")
    again = sluice("cancel", made["id"], URL=served.url)
    assert again.returncode == 1
    assert "cancelled" in again.stderr


def test_what_is_submitted_for_review_goes_when_it_is_released(sluice: Run, served: Service):
    """Once: a second time there is nothing to release, exit code 1. What is not to be sent is cancelled."""
    made = sluice("submit", "-", "--review", stdin=ONE_ROW, URL=served.url)
    import_id = patience.get(f"{served.url}/v1/imports").json()["items"][0]["id"]
    assert f"Nothing is sent yet. sluice release {import_id} lets it go" in made.stdout
    assert "waits for: review" in sluice("status", import_id, URL=served.url).stdout
    result = sluice("release", import_id, URL=served.url)
    assert (result.returncode, result.stdout) == (0, f"Import {import_id} is released; it goes when its turn comes.\n")
    wait_until(lambda: read(served, import_id)["status"] == "complete", "the import to be complete")
    again = sluice("release", import_id, URL=served.url)
    assert again.returncode == 1
    assert "nothing to release" in again.stderr


def test_review_and_wait_do_not_go_together(sluice: Run):
    """It would wait for days; the message says how to watch."""
    result = sluice("submit", "-", "--review", "--wait", stdin=ONE_ROW)
    assert result.returncode == 2
    assert "sluice status ID --watch" in result.stderr


@pytest.fixture
def unconfirmed(sluice: Run, served: Service, marketo: tuple[str, Simulator]) -> int:
    """An import whose one part Marketo took and never answered for."""
    _, played = marketo

    def nothing_else() -> bool:
        known = patience.get(f"{served.url}/v1/instances/default").json()
        return known["slots"]["used"] == known["waiting"]["parts"] == 0

    wait_until(nothing_else, "what was sent before to have ended: it would meet the fault instead")
    played.order(Fault("lost_response", on="create"))
    found = submitted(sluice, served, "-", "--on-unconfirmed", "hold")

    def lost() -> bool:
        attention = read(served, found)["attention"]
        return attention is not None and attention["code"] == "unconfirmed"

    wait_until(lost, "the part to be unconfirmed")
    return found


def test_resolve_accepted_follows_the_batch_that_a_person_found(
    sluice: Run, served: Service, unconfirmed: int, marketo: tuple[str, Simulator]
):
    """Its rows are counted, and nothing is sent twice."""
    jobs = marketo[1].report()["jobs"]
    batch_id = jobs[-1]["batch_id"]
    result = sluice("resolve", unconfirmed, 1, "accepted", "--batch-id", batch_id, URL=served.url)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"Part 1 of import {unconfirmed} is followed as Marketo's batch {batch_id}.\n"
    wait_until(lambda: read(served, unconfirmed)["status"] == "complete", "the import to be complete")
    assert len(marketo[1].report()["jobs"]) == len(jobs)
    assert who(served, unconfirmed, "accept") == ["local"]


def test_resolve_resubmit_sends_it_again(
    sluice: Run, served: Service, unconfirmed: int, marketo: tuple[str, Simulator]
):
    """A second time there is nothing to decide: exit code 1."""
    before = len(marketo[1].report()["jobs"])
    result = sluice("resolve", unconfirmed, 1, "resubmit", URL=served.url)
    assert (result.returncode, result.stdout) == (0, f"Part 1 of import {unconfirmed} goes to Marketo again.\n")
    wait_until(lambda: read(served, unconfirmed)["status"] == "complete", "the import to be complete")
    assert len(marketo[1].report()["jobs"]) == before + 1
    assert who(served, unconfirmed, "resubmit") == ["local"]
    again = sluice("resolve", unconfirmed, 1, "resubmit", URL=served.url)
    assert again.returncode == 1
    assert "only an unconfirmed part can be resolved" in again.stderr


def test_give_up_ends_a_part_of_which_nothing_more_is_expected(sluice: Run, served: Service, unconfirmed: int):
    """A second time there is nothing to give up: exit code 1."""
    result = sluice("give-up", unconfirmed, 1, URL=served.url)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"Part 1 of import {unconfirmed} is given up; the import is failed.\n"
    assert read(served, unconfirmed)["error"]["code"] == "given_up"
    assert who(served, unconfirmed, "give_up") == ["local"]
    again = sluice("give-up", unconfirmed, 1, URL=served.url)
    assert again.returncode == 1
    assert "can be given up" in again.stderr


def test_a_decision_tells_whom_else_it_went_for(capsys: pytest.CaptureFixture[str]):
    """The imports whose rows are in the same job; nothing where there is none."""
    actions._show_bundled({"bundled_imports": []})
    assert capsys.readouterr().out == ""
    actions._show_bundled({"bundled_imports": [43]})
    actions._show_bundled({"bundled_imports": [43, 47]})
    assert capsys.readouterr().out == (
        "It went for import 43 as well: their rows are in the same job.\n"
        "It went for imports 43, 47 as well: their rows are in the same job.\n"
    )


def test_a_part_of_a_cancelled_import_is_not_sent_again(
    sluice: Run, served: Service, unconfirmed: int, marketo: tuple[str, Simulator]
):
    """To resubmit it cancels it: the way out where nobody knows the batch, and twice would do harm."""
    before = len(marketo[1].report()["jobs"])
    assert sluice("cancel", unconfirmed, URL=served.url).returncode == 0
    result = sluice("resolve", unconfirmed, 1, "resubmit", URL=served.url)
    assert result.stdout == f"Part 1 of import {unconfirmed} is cancelled, as its import is.\n"
    assert read(served, unconfirmed)["status"] == "cancelled"
    assert len(marketo[1].report()["jobs"]) == before


@pytest.fixture
def going_on(served: Service) -> Iterator[None]:
    """Whatever happens, the instance is not left paused for the tests that follow."""
    yield
    patience.post(f"{served.url}/v1/instances/default/resume").raise_for_status()


@pytest.mark.usefixtures("going_on")
def test_pause_and_resume_an_instance(sluice: Run, served: Service):
    """Paused, imports wait; resumed, they go."""
    submitted(sluice, served, "-", "--wait")  # goes through: whatever kept calls from it before is over
    result = sluice("pause", "default", "--reason", "Spring cleaning", URL=served.url)
    assert (result.returncode, result.stdout) == (0, "Instance default is paused: Spring cleaning\n")
    waiting = submitted(sluice, served)
    parts = patience.get(f"{served.url}/v1/imports/{waiting}/parts").json()["items"]
    assert [part["waiting_for"] for part in parts] == ["instance_paused"]
    result = sluice("resume", "default", URL=served.url)
    assert (result.returncode, result.stdout) == (0, "Instance default is running.\n")
    wait_until(lambda: read(served, waiting)["status"] == "complete", "the import to be complete")


def test_what_the_service_refuses_is_told_in_a_sentence(sluice: Run, served: Service):
    """Not there (404), too late (409), not valid (422): exit code 1, and nothing on standard output."""
    done = submitted(sluice, served, "-", "--wait")
    refused = {
        ("cancel", 999_999): "There is no import 999999.",
        ("retry", 999_999): "There is no import 999999.",
        ("give-up", done, 7): f"There is no part 7 of an import {done}.",
        ("resolve", done, 7, "resubmit"): f"There is no part 7 of an import {done}.",
        ("pause", "no/where"): "There is no",
        ("resume", "nowhere"): "There is no instance 'nowhere'.",
        ("cancel", done): "there is nothing left to cancel",
        ("retry", done): "there is nothing to send again",
        ("retry", done, "--failures"): "Marketo has rejected no row",
        ("resolve", done, 1, "accepted", "--batch-id", 5): "only an unconfirmed part can be resolved",
        ("resolve", done, 1, "accepted", "--batch-id", 0): "batch_id: should be greater than or equal to 1",
        ("pause", "default", "--reason", "x" * 1001): "reason: String should have at most 1000 characters",
    }
    for words, sentence in refused.items():
        result = sluice(*words, URL=served.url)
        assert (result.returncode, result.stdout) == (1, ""), words
        assert result.stderr.count(sentence) == 1, result.stderr
