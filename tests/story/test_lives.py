"""Whole lives through HTTP: from a file to what became of every row."""

import csv
import io

import pytest

from tests.story.files import CARS, LEADS, LEADS_WITH_TROUBLE, MEMBERS, leads
from tests.support.stage import Stage

pytestmark = pytest.mark.both_databases


async def test_a_file_of_leads_becomes_records_and_counts(stage: Stage):
    """The plain case, told to the end."""
    import_id = await stage.created(LEADS, label="nightly", metadata='{"run": "1"}')
    assert (await stage.read(import_id))["status"] == "queued"
    await stage.run()
    told = await stage.read(import_id)
    assert told["status"] == "complete"
    assert told["rows"] == {"total": 2, "imported": 2, "failed": 0, "warned": 0, "pending": 0}
    assert told["label"] == "nightly"
    assert told["metadata"] == {"run": "1"}
    assert told["progress"] == 1
    assert {r["email"] for r in stage.simulator.records("lead")} == {"ann@example.com", "bob@example.com"}
    assert await stage.events(import_id) == ["accepted", "claim", "accept", "finish", "collect", "finished"]


async def test_failed_and_warned_rows_come_back_with_their_source_row_and_reason(stage: Stage):
    """Also the row whose lookup column Marketo drops from its file."""
    import_id = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    told = await stage.read(import_id)
    assert told["rows"] == {"total": 5, "imported": 3, "failed": 2, "warned": 1, "pending": 0}
    assert told["status"] == "complete"
    assert told["attention"] is None
    answer = await stage.api.get(f"/v1/imports/{import_id}/failures.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["Source Row"], row["email"]) for row in rows] == [("2", "bob@example.com"), ("4", "")]
    assert rows[0]["Import Failure Reason"] == "Invalid data type in field Lead Score"
    assert rows[1]["Import Failure Reason"] == "Value for lookup field 'email' not found"
    warned = (await stage.api.get(f"/v1/imports/{import_id}/warnings", headers={"Accept": "application/json"})).json()
    assert [(row["source_row"], row["reason"]) for row in warned["items"]] == [(3, "Invalid email address")]
    assert warned["items"][0]["values"]["email"] == "not-an-address"


async def test_custom_objects_and_program_members_go_the_same_way(stage: Stage):
    """All three targets, all three formats, each to its own endpoint."""
    cars = await stage.created(
        CARS, object_type="custom_object", object_name="car_c", dedupe_fields="vin", format="ssv"
    )
    members = await stage.created(
        MEMBERS, object_type="program_member", program_id=1001, program_member_status="On List", format="TSV"
    )
    await stage.run()
    assert (await stage.read(cars))["rows"] == {"total": 3, "imported": 2, "failed": 1, "warned": 0, "pending": 0}
    assert (await stage.read(members))["rows"]["imported"] == 2
    failures = (await stage.api.get(f"/v1/imports/{cars}/failures.csv")).text
    assert "missing.dedupe.fields;2" in failures


async def test_an_empty_failures_file_is_just_the_header(stage: Stage):
    """No failure is an answer too."""
    import_id = await stage.created(LEADS)
    await stage.run()
    answer = await stage.api.get(f"/v1/imports/{import_id}/failures.csv")
    assert answer.status_code == 200
    assert answer.text == "email,firstName,lastName,leadScore,Import Failure Reason,Source Row\n"


@pytest.mark.endure
@pytest.mark.one_database
async def test_two_dozen_imports_at_once_stay_within_marketos_limits(stage: Stage):
    """By the simulator's own count: never more than 10 outstanding, 2 importing, and hardly a refusal."""
    made = [await stage.created(leads(20, start=100 * n)) for n in range(24)]
    await stage.run(seconds=2)
    for import_id in made:
        told = await stage.read(import_id)
        assert (told["status"], told["rows"]["imported"]) == ("complete", 20)
    report = stage.simulator.report()
    assert report["most_outstanding"] <= 10
    assert report["most_importing"] <= 2
    assert "606" not in report["errors"]
    assert "615" not in report["errors"]
    assert report["errors"].get("1016", 0) <= 1
    assert len(report["jobs"]) == 24
    assert len(stage.simulator.records("lead")) == 480


async def test_a_cancelled_import_that_was_still_waiting_never_reaches_marketo(stage: Stage):
    """Its part is cancelled at once."""
    import_id = await stage.created(LEADS)
    answer = await stage.api.post(f"/v1/imports/{import_id}/cancel")
    assert answer.status_code == 202
    assert answer.json()["status"] == "cancelled"
    await stage.run()
    assert stage.posted == []
    assert (await stage.api.post(f"/v1/imports/{import_id}/cancel")).status_code == 409


async def test_what_marketo_has_already_runs_to_its_end(stage: Stage):
    """Marketo cannot cancel."""
    import_id = await stage.created(LEADS)
    await stage.instance_worker.submit.run_once(stage.lease)
    assert (await stage.api.post(f"/v1/imports/{import_id}/cancel")).status_code == 202
    await stage.run()
    told = await stage.read(import_id)
    assert told["status"] == "complete"
    assert told["rows"]["imported"] == 2


async def test_a_paused_instance_gets_nothing_new_and_is_followed_to_the_end(stage: Stage):
    """Pause means: submit nothing; resume means: go on at once."""
    there = await stage.created(LEADS)
    await stage.instance_worker.submit.run_once(stage.lease)
    await stage.api.post("/v1/instances/default/pause", json={"reason": "month end"})
    here = await stage.created(leads(3))
    for _ in range(10):
        await stage.beat()
        stage.clock.step(5)
    assert (await stage.read(there))["status"] == "complete"
    (part,) = await stage.parts(here)
    assert (part["state"], part["waiting_for"]) == ("waiting", "instance_paused")
    await stage.api.post("/v1/instances/default/resume")
    await stage.run()
    assert (await stage.read(here))["status"] == "complete"


async def test_an_import_with_a_later_start_waits_for_it(stage: Stage):
    """not_before is kept to."""
    import_id = await stage.created(LEADS, not_before="2026-11-04T13:00:00Z")
    await stage.beat()
    (part,) = await stage.parts(import_id)
    assert part["waiting_for"] == "not_before"
    stage.clock.step(3600)
    await stage.run()
    assert (await stage.read(import_id))["status"] == "complete"
